/**
 * Between dense vectors and lists of elements: gather and scatter, words as they are, and sums with the elements of a
 * list, of which magnitudes below 2^-102 count as +0 (accumulate.ts).
 *
 * Here: what all backends give, and the public functions. How: ts/backends/js/sparse.ts, assembly/sparse.ts and
 * wgsl/sparse.wgsl.
 */
import { requireFloat32Array, requireInteger, requireUint32Array } from '../arguments.ts';
import { lengthOf, requireVectorLike, type VectorLike } from './device-vector.ts';
import type { Kernel } from './kernel.ts';
import { floatsOf, type Host } from './scope.ts';

/** values_j = x[indices_j], or 0 where indices_j >= n. count >= 1. */
export const gatherKernel: Kernel<'x' | 'indices' | 'values', 'n' | 'count'> = {
  name: 'gather',
  buffers: ['x', 'indices', 'values'],
  params: ['n', 'count'],
};

/** y = 0, then y[indices_j] = values_j for indices_j < n. Indices ascend. n >= 1, count >= 0. */
export const scatterKernel: Kernel<'indices' | 'values' | 'y', 'n' | 'count'> = {
  name: 'scatter',
  buffers: ['indices', 'values', 'y'],
  params: ['n', 'count'],
};

/** y[indices_j] = values_j for indices_j < n, in place; other elements stay. Indices ascend. n >= 1, count >= 0. */
export const placeKernel: Kernel<'indices' | 'values' | 'y', 'n' | 'count'> = {
  name: 'place',
  buffers: ['indices', 'values', 'y'],
  params: ['n', 'count'],
};

/**
 * y[indices_j] = y[indices_j] + values_j for indices_j < n, in place; other elements stay, every bit of them. Indices
 * ascend. n >= 1, count >= 0.
 */
export const addAtKernel: Kernel<'indices' | 'values' | 'y', 'n' | 'count'> = {
  name: 'addAt',
  buffers: ['indices', 'values', 'y'],
  params: ['n', 'count'],
};

/** @throws RangeError unless all indices are below n and ascend */
function requireAscending(indices: Uint32Array, n: number): void {
  let last = -1;
  for (const index of indices) {
    if (index <= last || index >= n)
      throw new RangeError(`"indices" expected to ascend in 0..${n - 1}, got ${index} after ${last}`);
    last = index;
  }
}

/**
 * The elements of x at the given indices, which ascend.
 *
 * @throws RangeError where indices do not ascend, or pass the end of x
 * @example
 * await device.kernels.gather(new Float32Array([5, 6, 7]), new Uint32Array([0, 2])); // 5, 7
 */
export async function gather(host: Host, x: VectorLike, indices: Uint32Array): Promise<Float32Array> {
  const n = lengthOf(requireVectorLike('x', x));
  requireAscending(requireUint32Array('indices', indices), n);
  const count = indices.length;
  if (count === 0) return new Float32Array(0);
  return host.use(function* (scope) {
    const values = scope.take(count);
    scope.run(gatherKernel, { x: scope.vector(x).buffer, indices: scope.put(indices), values }, { n, count });
    return floatsOf((yield scope.read(values))[0]);
  });
}

/**
 * A vector of n elements that has values[j] at indices[j], which ascend, and zero elsewhere.
 *
 * @throws RangeError where indices do not ascend, pass n, or are not as many as the values
 * @example
 * await device.kernels.scatter(new Uint32Array([0, 2]), new Float32Array([5, 7]), 3); // 5, 0, 7
 */
export async function scatter(
  host: Host,
  indices: Uint32Array,
  values: Float32Array,
  n: number,
): Promise<Float32Array> {
  requireFloat32Array('values', values);
  requireInteger('n', n, 0, 2 ** 32 - 1);
  requireAscending(requireUint32Array('indices', indices), n);
  const count = requireInteger('indices.length', indices.length, values.length, values.length);
  if (n === 0) return new Float32Array(0);
  return host.use(function* (scope) {
    const y = scope.take(n);
    scope.run(scatterKernel, { indices: scope.put(indices), values: scope.put(values), y }, { n, count });
    return floatsOf((yield scope.read(y))[0]);
  });
}

/** Elements of the list that a workgroup moves, one a thread. */
export const WIDTH = 256;
