/**
 * The fast Walsh-Hadamard transform, y = H x, unnormalised, whole or by blocks.
 *
 * Butterflies (a, b) -> (a + b, a - b) at distance h = 1, 2, 4, ..., block / 2, in this order: another order rounds
 * differently. Magnitudes below 2^-102 count as +0 at the input, so that no sum or difference is subnormal.
 *
 * Here: what all backends give, and the public function. How: ts/backends/js/fwht.ts, assembly/fwht.ts and
 * wgsl/fwht.wgsl.
 */
import { requireInteger } from '../arguments.ts';
import { lengthOf, requireVectorLike, type VectorLike } from './device-vector.ts';
import { bitsOf, INFINITE, keyOfPower } from './float-bits.ts';
import { ceilDiv, type Kernel } from './kernel.ts';
import { findExtremes, nonFiniteError, rangeOf } from './reduce.ts';
import { floatsOf, type Host } from './scope.ts';

/** The longest transform: 2^26 floats are 256 MiB, the most that one WebGPU buffer must be able to hold. */
export const LONGEST: number = 2 ** 26;

/** The key below which an input counts as +0. */
export const TINY: number = keyOfPower(-102);

/**
 * y = H x for each block of `block` elements (a power of two) of x padded with zeros to `total` (a multiple of block).
 * x has n words, y has total; 1 <= n <= total.
 */
export const fwhtKernel: Kernel<'x' | 'y', 'n' | 'total' | 'block'> = {
  name: 'fwht',
  buffers: ['x', 'y'],
  params: ['n', 'total', 'block'],
};

/**
 * y = H D x for each block, as fwht; D flips the sign of element i where flip i of the key (random.ts) is 1. Before
 * that x is taken times `scale`, a power of two, and as +0 where its magnitude's key is below `tiny`.
 */
export const flattenKernel: Kernel<
  'x' | 'y',
  'n' | 'total' | 'block' | 'seed' | 'step' | 'stream' | 'tiny' | 'scale'
> = {
  name: 'flatten',
  buffers: ['x', 'y'],
  params: ['n', 'total', 'block', 'seed', 'step', 'stream', 'tiny', 'scale'],
};

/**
 * A decoder's last step, after a second fwht, of integers t as float32: y_i = t_i * scales[floor(i / segment)] with its
 * sign flipped where flip i of the key is 1. A product beyond float32 becomes the largest finite number of its sign;
 * zero is +0. Scales are +0 or normal and positive. n >= 1; t and y have n words or more, scales ceil(n / segment).
 */
export const unflattenKernel: Kernel<'t' | 'scales' | 'y', 'n' | 'segment' | 'seed' | 'step' | 'stream'> = {
  name: 'unflatten',
  buffers: ['t', 'scales', 'y'],
  params: ['n', 'segment', 'seed', 'step', 'stream'],
};

/** The length of the transform of n elements: n padded to whole blocks, or to the next power of two. */
export function transformLength(n: number, block: number | 'whole'): number {
  if (block !== 'whole') return ceilDiv(n, block) * block;
  let length = 1;
  while (length < n) length *= 2;
  return length;
}

/**
 * The Walsh-Hadamard transform of x, y = H x, not divided by the square root of the length: twice gives x times it.
 * `block: 'whole'` pads x with zeros to the next power of two; a number, itself a power of two, transforms x block by
 * block, the last one padded. The result is as long as x with its padding.
 *
 * @throws NonFiniteError where x holds NaN or infinity
 * @throws RangeError where a sum could pass the range of float32: scale x by a power of two first
 * @example
 * await device.kernels.fwht(new Float32Array([1, 0, 1, 0])); // 2, 2, 0, 0
 */
export async function fwht(
  host: Host,
  x: VectorLike,
  options: { block?: number | 'whole' } = {},
): Promise<Float32Array> {
  requireVectorLike('x', x);
  const block = options.block ?? 'whole';
  if (block !== 'whole' && (requireInteger('block', block, 1, LONGEST) & (block - 1)) !== 0)
    throw new RangeError(`"block" expected a power of two, got ${block}`);
  const n = requireInteger('x.length', lengthOf(x), 0, LONGEST);
  if (n === 0) return new Float32Array(0);
  const total = transformLength(n, block);
  const order = block === 'whole' ? total : block;
  return host.use(function* (scope) {
    const vector = scope.vector(x);
    const y = scope.take(total);
    scope.run(fwhtKernel, { x: vector.buffer, y }, { n, total, block: order });
    const [words, range] = yield scope.read(y, findExtremes(scope, vector));
    const { largest } = rangeOf(range);
    if (largest >= INFINITE) throw yield* nonFiniteError(scope, vector);
    // |y_i| <= order * max |x|: below 2^127 nothing rounds to infinity
    if (largest >= bitsOf(2 ** 127 / order))
      throw new RangeError(
        `"x" has magnitudes of 2^127 / ${order} or more, whose sums could pass float32's range`,
      );
    return floatsOf(words);
  });
}

/** Floats that a workgroup transforms: 16 KiB, the workgroup memory that every WebGPU device has. */
export const TILE = 4096;

/** Elements whose sign flips one hash draws. */
export const FLIPS = 128;

/** Butterflies of a workgroup of `combine`. */
export const COMBINE_TILE = 1024;
