/**
 * Compaction: from a bitmap to the ascending list of the places of its ones. Here: what all backends give, and the
 * public function. How: ts/backends/js/compact.ts, assembly/compact.ts and wgsl/compact.wgsl.
 */
import { requireInteger, requireUint32Array } from '../arguments.ts';
import { ceilDiv, type Kernel } from './kernel.ts';
import type { Host, Steps } from './scope.ts';

/**
 * indices = the ascending i < n with bit i of `bits` set, the first `capacity` of them; count[0] = how many there are
 * in all. Bits from n on are ignored. n >= 1, capacity >= 1; indices has `capacity` words or more.
 */
export const compactKernel: Kernel<'bits' | 'indices' | 'count', 'n' | 'capacity'> = {
  name: 'compact',
  buffers: ['bits', 'indices', 'count'],
  params: ['n', 'capacity'],
};

/**
 * The ascending indices of the ones among the first n bits of a bitmap, lowest bit of a word first.
 *
 * @throws RangeError where `bits` is not ceil(n / 32) words long
 * @example
 * await device.kernels.compact(new Uint32Array([0b1010]), 4); // Uint32Array [1, 3]
 */
export async function compact(host: Host, bits: Uint32Array, n: number): Promise<Uint32Array> {
  requireUint32Array('bits', bits);
  requireInteger('n', n, 0, 2 ** 32 - 1);
  requireInteger('bits.length', bits.length, ceilDiv(n, 32), ceilDiv(n, 32));
  if (n === 0) return new Uint32Array(0);
  return host.use(function* (scope): Steps<Uint32Array> {
    const indices = scope.take(n);
    const count = scope.take(1);
    scope.run(compactKernel, { bits: scope.put(bits), indices, count }, { n, capacity: n });
    const [[found]] = yield scope.read(count);
    return (yield scope.read({ buffer: indices, count: found }))[0];
  });
}

/** Elements that a workgroup marks, counts and lists: 32 for each of its 128 threads. */
export const TILE = 4096;

/** Words of a tile's list of candidates (wgsl/select.wgsl): a count, and one for each candidate. */
export const LIST = 512;
