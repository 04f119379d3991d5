/**
 * Selection, as all backends implement it: the definitions of the kernels, the functions that queue them, and the
 * public device.kernels functions. The algorithms are in ts/backends/js/select.ts, assembly/select.ts and
 * wgsl/select.wgsl.
 *
 * The k largest elements, or all from a threshold on. Exact; ties go to the lowest index; output ascends. Elements are
 * compared by integer keys and copied as words, so every bit survives, of subnormals and of NaN too. NaN has larger
 * keys than infinity; compressors refuse both.
 */
import { requireInteger, requireNumber, requireOneOf } from '../arguments.ts';
import type { DeviceBuffer } from '../backends/backend.ts';
import { LIST, TILE } from './compact.ts';
import { lengthOf, requireVectorLike, type VectorLike } from './device-vector.ts';
import { bitsOf } from './float-bits.ts';
import type { Kernel } from './kernel.ts';
import { ORDERS, type Order } from './order.ts';
import { floatsOf, type Host, type Scope, type Steps, type Vector } from './scope.ts';

export { LIST, ORDERS, type Order, TILE };

/** Bins of a histogram: a digit of a key has 11 bits at most. */
export const BINS = 2048;

/** Threads that go through a tile's candidates. */
export const LANES = 8;

/** Bits of the last digit. */
export const LAST = 10;

/**
 * indices, values = the k largest elements in the given order (ORDERS), by ascending index; among equals the lowest
 * indices. 1 <= k <= n; indices and values have k words, values are the words of x as they are.
 */
export const topKKernel: Kernel<'x' | 'indices' | 'values', 'n' | 'k' | 'order'> = {
  name: 'topK',
  buffers: ['x', 'indices', 'values'],
  params: ['n', 'k', 'order'],
};

/**
 * count[0] = how many elements have a magnitude's key of at least `key`; the first `capacity` of them, by ascending
 * index, go to indices and values. n >= 1; indices and values have `capacity` words or more, 1 <= capacity.
 */
export const thresholdKernel: Kernel<'x' | 'indices' | 'values' | 'count', 'n' | 'key' | 'capacity'> = {
  name: 'threshold',
  buffers: ['x', 'indices', 'values', 'count'],
  params: ['n', 'key', 'capacity'],
};

/** Elements of a vector: indices ascend, values[j] = x[indices[j]], bit by bit. */
export interface Selection {
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

/** Queues the selection of the k largest elements of x. */
export function selectTopK(
  scope: Scope,
  x: Vector,
  k: number,
  order: Order,
): { indices: DeviceBuffer; values: DeviceBuffer } {
  const indices = scope.take(k);
  const values = scope.take(k);
  scope.run(topKKernel, { x: x.buffer, indices, values }, { n: x.n, k, order: ORDERS[order] });
  return { indices, values };
}

/** Queues the selection of all |x_i| >= t, t >= 0: count[0] says how many words of indices and values that fills. */
export function selectFrom(
  scope: Scope,
  x: Vector,
  t: number,
): { indices: DeviceBuffer; values: DeviceBuffer; count: DeviceBuffer } {
  const { n } = x;
  const indices = scope.take(n);
  const values = scope.take(n);
  const count = scope.take(1);
  const key = bitsOf(t + 0); // -0 + 0 is +0, whose key is 0
  scope.run(thresholdKernel, { x: x.buffer, indices, values, count }, { n, key, capacity: n });
  return { indices, values, count };
}

/**
 * The k largest elements of x, by magnitude or by value: exactly k, ties to the lowest index, indices ascending. NaN
 * counts as larger than infinity; by value, NaN with its sign set counts as the least.
 *
 * @throws RangeError unless 0 <= k <= x.length
 * @example
 * await device.kernels.topK(new Float32Array([1, -5, 3]), 2); // { indices: [1, 2], values: [-5, 3] }
 */
export async function topK(
  host: Host,
  x: VectorLike,
  k: number,
  options: { by?: Order } = {},
): Promise<Selection> {
  requireVectorLike('x', x);
  requireInteger('k', k, 0, lengthOf(x));
  const order = requireOneOf('by', options.by ?? 'magnitude', ['magnitude', 'value']);
  if (k === 0) return { indices: new Uint32Array(0), values: new Float32Array(0) };
  return host.use(function* (scope) {
    const kept = selectTopK(scope, scope.vector(x), k, order);
    const [indices, values] = yield scope.read(kept.indices, kept.values);
    return { indices, values: floatsOf(values) };
  });
}

/**
 * All elements with |x_i| >= t, indices ascending. t is rounded to float32 first; t = 0 takes all. NaN counts as larger
 * than infinity.
 *
 * @throws RangeError unless t is finite and not negative
 * @example
 * await device.kernels.threshold(new Float32Array([1, -5, 3]), 3); // { indices: [1, 2], values: [-5, 3] }
 */
export async function threshold(host: Host, x: VectorLike, t: number): Promise<Selection> {
  requireVectorLike('x', x);
  requireNumber('t', t, 'a number of 0 or more', (value) => value >= 0);
  const n = lengthOf(x);
  if (n === 0) return { indices: new Uint32Array(0), values: new Float32Array(0) };
  return host.use(function* (scope): Steps<Selection> {
    const { indices, values, count } = selectFrom(scope, scope.vector(x), t);
    const [[found]] = yield scope.read(count);
    const kept = yield scope.read({ buffer: indices, count: found }, { buffer: values, count: found });
    return { indices: kept[0], values: floatsOf(kept[1]) };
  });
}
