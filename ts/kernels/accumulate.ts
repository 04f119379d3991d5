/**
 * y += scale * x: how what was decoded joins a sum, and y = 0, which a sum starts from.
 *
 * The product is rounded to float32, then the sum. Magnitudes below 2^-102 count as +0, of x and y at the input and of
 * the product, so no result depends on how a GPU treats subnormals. A sum of zero is +0.
 *
 * Here: what all backends give, and the public function. How: ts/backends/js/accumulate.ts, assembly/accumulate.ts and
 * wgsl/accumulate.wgsl.
 */
import { requireInteger, requireNumber } from '../arguments.ts';
import { lengthOf, requireVectorLike, type VectorLike } from './device-vector.ts';
import { keyOfPower } from './float-bits.ts';
import type { Kernel } from './kernel.ts';
import { floatsOf, type Host } from './scope.ts';

/** The key below which a magnitude counts as +0. */
export const TINY: number = keyOfPower(-102);

/** y_i = y_i + scale * x_i, in place. n >= 1; x and y have n words; scale is a float32, 0 or normal. */
export const accumulateKernel: Kernel<'x' | 'y', 'n' | 'scale'> = {
  name: 'accumulate',
  buffers: ['x', 'y'],
  params: ['n', 'scale'],
};

/** y_i = +0. n >= 1; y has n words. */
export const clearKernel: Kernel<'y', 'n'> = {
  name: 'clear',
  buffers: ['y'],
  params: ['n'],
};

/** Elements of a workgroup, four a thread. */
export const TILE = 1024;

/** `scale` as the kernel takes it: rounded to float32, 0 where that is subnormal. */
export function scaleOf(scale: number): number {
  const rounded = Math.fround(scale);
  return Math.abs(rounded) < 2 ** -126 ? 0 : rounded;
}

/**
 * y + scale * x, the product and the sum rounded to float32 in turn. Magnitudes below 2^-102 count as zero.
 *
 * @throws RangeError where x and y differ in length or scale is not a finite float32
 * @example
 * await device.kernels.accumulate(new Float32Array([1, 2]), new Float32Array([4, 6]), 0.5); // 3, 5
 */
export async function accumulate(
  host: Host,
  y: VectorLike,
  x: VectorLike,
  scale: number,
): Promise<Float32Array> {
  const n = lengthOf(requireVectorLike('y', y));
  requireInteger('x.length', lengthOf(requireVectorLike('x', x)), n, n);
  requireScale('scale', scale);
  if (n === 0) return new Float32Array(0);
  return host.use(function* (scope) {
    const { buffer: sum } = scope.copy(scope.vector(y));
    scope.run(accumulateKernel, { x: scope.vector(x).buffer, y: sum }, { n, scale: scaleOf(scale) });
    return floatsOf((yield scope.read(sum))[0]);
  });
}

/** @throws TypeError unless `value` is a number, RangeError unless it is finite as a float32 */
export function requireScale(name: string, value: unknown): number {
  return requireNumber(name, value, 'a finite float32', (number) => Number.isFinite(Math.fround(number)));
}
