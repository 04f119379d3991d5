/**
 * The arithmetic of a round of local steps: from the packets of all workers to the update u, and from that to the next
 * common model. All of it is on the host, where packets come in: in float64 rounded once, or in float32, in the order
 * that is written here. So equal packets give equal numbers everywhere, all workers keep one model, and what they have
 * in common can be shared without waiting for a device.
 */
import { codecOf } from '../compressors/codecs.ts';
import { openPacket } from '../compressors/decode.ts';
import type { Device } from '../device.ts';
import { floatsOf, type Steps } from '../kernels/scope.ts';
import { touchOf } from '../schedule.ts';
import { sumOf } from './weights.ts';

/** How packets become an update. */
export interface Averaging {
  /** Over what an element is averaged: the weights of `all` packets, or of the `senders` that carry it. */
  readonly average: 'all' | 'senders';
  /** `median`: packets whose norm is above the median are scaled down to it. */
  readonly clip?: 'median';
}

/** The mean of a round's packets. */
export interface Update {
  /** u, n elements. */
  readonly values: Float32Array;
  /** How many elements some packet carries. */
  readonly union: number;
}

/** The elements that a packet carries; all, in their order, where the indices are left out. */
interface Carried {
  readonly indices?: Uint32Array;
  readonly values: Float32Array;
}

/**
 * u_i = sum over r, ascending, of (w_r s_r) x_ri, over W: the sum of all w_r, or with `senders` of those whose packets
 * carry i, where none does 0. Sums are in float64, and rounded once to float32. Without a clip s_r is 1; with it
 * min(1, M / N_r), N_r being the norm of x_r in float64, and M the lower median of all N_r.
 *
 * @param packets of n elements each, by ascending rank
 * @param weights one for each packet; all 1 if left out
 * @throws PacketError where a packet is not sound
 */
export async function updateOf(
  device: Device,
  packets: readonly Uint8Array[],
  n: number,
  { average, clip }: Averaging,
  weights: readonly number[] = packets.map(() => 1),
): Promise<Update> {
  const scales = clip === 'median' ? await clipped(device, packets, n) : packets.map(() => 1);
  const sums = new Float64Array(n);
  // which elements are carried; by whom, where each is divided by a number of its own
  const marks = average === 'senders' ? new Float64Array(n) : new Uint8Array(n);
  for (const [r, packet] of packets.entries()) {
    const { indices, values } = await carriedBy(device, packet, n);
    addTo(sums, indices, values, weights[r] * scales[r]);
    mark(marks, indices, average === 'senders' ? weights[r] : 1);
  }
  const total = sumOf(weights);
  const update = new Float32Array(n);
  let union = 0;
  for (let i = 0; i < n; i++) {
    if (marks[i] === 0) continue;
    union++;
    update[i] = sums[i] / (average === 'senders' ? marks[i] : total);
  }
  return { values: update, union };
}

/** sums += factor * the elements that a packet carries */
function addTo(
  sums: Float64Array,
  indices: Uint32Array | undefined,
  values: Float32Array,
  factor: number,
): void {
  if (indices === undefined) for (let i = 0; i < values.length; i++) sums[i] += factor * values[i];
  else for (let j = 0; j < values.length; j++) sums[indices[j]] += factor * values[j];
}

/** Marks the elements that a packet carries: bytes as carried, numbers by how much more. */
function mark(marks: Uint8Array | Float64Array, indices: Uint32Array | undefined, weight: number): void {
  if (marks instanceof Uint8Array) {
    if (indices === undefined) marks.fill(1);
    else for (let j = 0; j < indices.length; j++) marks[indices[j]] = 1;
  } else if (indices === undefined) for (let i = 0; i < marks.length; i++) marks[i] += weight;
  else for (let j = 0; j < indices.length; j++) marks[indices[j]] += weight;
}

/** min(1, M / N_r) for each packet. */
async function clipped(device: Device, packets: readonly Uint8Array[], n: number): Promise<number[]> {
  const norms: number[] = [];
  for (const packet of packets) norms.push(normOf((await carriedBy(device, packet, n)).values));
  const median = [...norms].sort((a, b) => a - b)[(norms.length - 1) >> 1];
  return norms.map((norm) => (norm > median ? median / norm : 1));
}

/** The root of the sum of squares, in float64, in the order of the elements. */
export function normOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

/** @throws PacketError where the packet is not sound */
function carriedBy(device: Device, packet: Uint8Array, n: number): Promise<Carried> {
  return device.use(
    function* (scope): Steps<Carried> {
      const { list, places, words, ...opened } = openPacket(scope, packet, { codecOf, maxElements: n });
      if (n === 0) return { values: new Float32Array(0) };
      if (list !== undefined) return { indices: list.indices, values: floatsOf(list.values) };
      if (places !== undefined) {
        const [indices] = yield scope.read({ buffer: places.indices, count: places.values.length });
        return { indices, values: floatsOf(places.values) };
      }
      if (words !== undefined) return { values: floatsOf(words) };
      const values = new Float32Array(n);
      const target = scope.written(values, opened.streamed);
      opened.write(target.buffer);
      yield target.done();
      return { values };
    },
    [touchOf(packet, 'reads', false)],
  );
}

/** The step that all take along an update: the outer optimizer. */
export interface Outer {
  /** What the update is multiplied by. */
  readonly rate: number;
  /** Of Nesterov's momentum; 0 for none. */
  readonly momentum: number;
}

/** What workers have in common: the model, and where there is momentum its velocity, else no elements. */
export interface Common {
  readonly parameters: Float32Array;
  readonly velocity: Float32Array;
}

/** What an update takes off the parameters, and the velocity after it. */
export interface OuterStep {
  readonly taken: Float32Array;
  readonly velocity: Float32Array;
}

/**
 * What is taken off the parameters, in an array of its own. With momentum mu m = fround(fround(mu m) + u) and
 * d = fround(u + fround(mu m)), else d = u; fround(rate d), mu and rate as float32.
 */
export function outerStep(velocity: Float32Array, u: Float32Array, outer: Outer): OuterStep {
  const { fround } = Math;
  const [rate, mu] = [fround(outer.rate), fround(outer.momentum)];
  const n = u.length;
  const taken = new Float32Array(n);
  if (outer.momentum === 0) {
    for (let i = 0; i < n; i++) taken[i] = rate * u[i];
    return { taken, velocity };
  }
  const m = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    m[i] = fround(mu * velocity[i]) + u[i];
    taken[i] = rate * fround(u[i] + fround(mu * m[i]));
  }
  return { taken, velocity: m };
}

/** The next common numbers, in arrays of their own: theta = fround(theta - what the outer step takes). */
export function descended({ parameters, velocity }: Common, u: Float32Array, outer: Outer): Common {
  const step = outerStep(velocity, u, outer);
  return { parameters: less(parameters, step.taken), velocity: step.velocity };
}

/** fround(theta - step), in an array of its own. */
export function less(theta: Float32Array, step: Float32Array): Float32Array {
  const next = new Float32Array(theta.length);
  for (let i = 0; i < next.length; i++) next[i] = theta[i] - step[i];
  return next;
}
