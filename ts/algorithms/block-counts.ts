/**
 * How many magnitudes reach a threshold, by blocks, and such counts as messages: lists of indices.
 *
 * A message puts counts side by side, each followed by a mark, and lists the places either of the marks, or, where they
 * are fewer, of what is counted: count by count some elements, and the mark behind them. So c counts of t elements are
 * min(c, t) indices below c + t, and cost least where many are zero.
 */
import { readIndexList, writeIndexList } from '../compressors/index-list.ts';
import type { Device } from '../device.ts';
import { PacketError } from '../errors.ts';
import { blockCountsKernel } from '../kernels/counts.ts';
import type { DeviceVector } from '../kernels/device-vector.ts';
import { bitsOf } from '../kernels/float-bits.ts';
import { ceilDiv } from '../kernels/kernel.ts';
import type { Steps } from '../kernels/scope.ts';
import type { Bytes } from '../platform.ts';
import { touchOf } from '../schedule.ts';

/** Elements from `start` to before `end`, in blocks of `length`. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly length: number;
}

/** How many counts a stretch has. */
export const countsIn = ({ start, end, length }: Stretch): number => ceilDiv(end - start, length);

const zerosFor = (stretches: readonly Stretch[]): Uint32Array =>
  new Uint32Array(stretches.reduce((sum, stretch) => sum + countsIn(stretch), 0));

/** The counts of all |x_i| >= d in the blocks of these stretches, which are not empty. They are made on the device. */
export async function countReaching(
  device: Device,
  x: DeviceVector,
  d: number,
  stretches: readonly Stretch[],
): Promise<Uint32Array> {
  const counts = zerosFor(stretches);
  if (counts.length === 0) return counts;
  const key = bitsOf(d);
  return device.use(
    function* (scope): Steps<Uint32Array> {
      const counted = stretches.map((stretch) => {
        const { buffer, n } = scope.vector(x.slice(stretch.start, stretch.end));
        const own = scope.take(countsIn(stretch));
        scope.run(blockCountsKernel, { x: buffer, counts: own }, { n, key, length: stretch.length });
        return own;
      });
      let at = 0;
      for (const own of yield scope.read(...counted)) {
        counts.set(own, at);
        at += own.length;
      }
      return counts;
    },
    [touchOf(x, 'reads', true)],
  );
}

/** The message that is these counts. */
export function writeCounts(counts: Uint32Array, tag: number): Bytes {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const marks = counts.length <= total;
  const places = new Uint32Array(marks ? counts.length : total);
  let [at, next] = [0, 0];
  for (const count of counts) {
    if (!marks) for (let i = 0; i < count; i++) places[next++] = at + i;
    at += count;
    if (marks) places[next++] = at;
    at++;
  }
  return writeIndexList(places, counts.length + total, tag);
}

/**
 * The reverse, of the blocks of these stretches.
 * @throws PacketError where the bytes are not counts of them, or one is more than its block has elements
 */
export function readCounts(
  bytes: Uint8Array,
  stretches: readonly Stretch[],
): { readonly counts: Uint32Array; readonly tag: number } {
  const { indices, length, tag } = readIndexList(bytes);
  const counts = zerosFor(stretches);
  const total = length - counts.length;
  const marks = counts.length <= total;
  if (total < 0 || indices.length !== (marks ? counts.length : total))
    throw new PacketError(`${indices.length} of ${length} places for ${counts.length} counts`, 8);
  if (marks) {
    indices.forEach((place, block) => (counts[block] = place - (block === 0 ? 0 : indices[block - 1] + 1)));
    if (counts.length > 0 && indices[counts.length - 1] !== length - 1)
      throw new PacketError(`counts that end at ${indices[counts.length - 1]} of ${length} places`, 8);
    if (counts.length === 0 && total > 0) throw new PacketError(`${total} elements in no block`, 8);
  } else {
    if (total > 0 && indices[total - 1] === length - 1)
      throw new PacketError(`an element behind the last of ${counts.length} blocks`, 8);
    indices.forEach((place, i) => counts[place - i]++);
  }
  let block = 0;
  for (const { start, end, length: most } of stretches)
    for (let at = start; at < end; at += most, block++)
      if (counts[block] > Math.min(most, end - at))
        throw new PacketError(`a count of ${counts[block]} in a block of ${Math.min(most, end - at)}`, 16);
  return { counts, tag };
}
