/**
 * Reductions: sums of magnitudes and of squares by one fixed tree, extremes and non-finite elements by integers.
 *
 * The tree (docs/same-bytes.md): a block is 1024 elements as 32 rows of 32 lanes, padded with +0. A lane adds its rows
 * in order from +0, then lanes fold by halves, 16, 8, 4, 2, 1. The blocks' sums are the elements of the next level,
 * until one is left; there is always at least one level. float32 throughout, so every backend rounds alike.
 *
 * Here: what all backends give, the functions that queue it, and the public ones. How: ts/backends/js/reduce.ts,
 * assembly/reduce.ts and wgsl/reduce.wgsl.
 */
import type { DeviceBuffer } from '../backends/backend.ts';
import { NonFiniteError } from '../errors.ts';
import { lengthOf, requireVectorLike, type VectorLike } from './device-vector.ts';
import { floatOf, floatOfSignedKey, INFINITE, keyOfPower } from './float-bits.ts';
import { ceilDiv, type Kernel, partOf, type Parts } from './kernel.ts';
import { ORDERS, type Order } from './order.ts';
import { packSignsKernel } from './pack.ts';
import { floatsOf, type Host, type Scope, type Steps, type Vector } from './scope.ts';

/** Elements of a block of the tree: 32 rows of 32 lanes keep a warp, eight v128 and a loop over 32 floats all busy. */
export const BLOCK = 1024;

/** Blocks of the tree that a workgroup sums, 32 threads each. */
export const BLOCKS = 8;

/** Lanes of a block. */
export const LANES = 32;

/** The first 12 significant bits of a magnitude: its high part, whose products with 12 bits are exact in float32. */
export const HIGH_MASK = 0xfffff000;

/**
 * sums[s] = tree over the elements i of segment s, segment * s <= i < segment * (s + 1), of |x_i| * scale, where |x_i|
 * counts as zero when its key is below `tiny`. max[s] = the largest key of the segment, whatever `tiny` is.
 * `scale` is a power of two. n >= 1, segment >= 1; sums and max have ceil(n / segment) words.
 */
export const absSumKernel: Kernel<'x' | 'sums' | 'max', 'n' | 'segment' | 'tiny' | 'scale'> = {
  name: 'absSum',
  buffers: ['x', 'sums', 'max'],
  params: ['n', 'segment', 'tiny', 'scale'],
};

/**
 * As absSum, of (|x_i| * scale)^2, which is added in two parts: with m = |x_i| * scale, high = m cut to the bits of
 * HIGH_MASK and low = m - high, first high * high, then high * (low + low). Both products are exact, so it makes no
 * difference whether a compiler fuses them with the sum; low * low, below 2^-22 of the square, is left out.
 */
export const squareSumKernel: Kernel<'x' | 'sums' | 'max', 'n' | 'segment' | 'tiny' | 'scale'> = {
  name: 'squareSum',
  buffers: ['x', 'sums', 'max'],
  params: ['n', 'segment', 'tiny', 'scale'],
};

/**
 * absSum at scale 1, and bit i of `bits` = 1 where x_i < 0, as packSigns: bits has ceil(n / 32) words. A GPU reads x
 * once for both where segments are whole words of signs.
 */
export const signsAndSumKernel: Kernel<'x' | 'bits' | 'sums' | 'max', 'n' | 'segment' | 'tiny'> = {
  name: 'signsAndSum',
  buffers: ['x', 'bits', 'sums', 'max'],
  params: ['n', 'segment', 'tiny'],
  parts: signsAndSumParts,
};

/**
 * range = [least, greatest] key of the elements in the given order (ORDERS): for `value` signed keys (float-bits.ts),
 * for `magnitude` keys of magnitudes. n >= 1.
 */
export const extremesKernel: Kernel<'x' | 'range', 'n' | 'order'> = {
  name: 'extremes',
  buffers: ['x', 'range'],
  params: ['n', 'order'],
};

/**
 * found = [how many elements are NaN or infinite, the index of the first, or 0xffffffff where there is none]. n >= 1.
 */
export const nonFiniteKernel: Kernel<'x' | 'found', 'n'> = {
  name: 'nonFinite',
  buffers: ['x', 'found'],
  params: ['n'],
};

/** How far a vector is scaled before its sum when it is too large or too small for float32: 2^-96 or 2^96. */
const SHIFT = 96;

/**
 * When to scale, by the largest magnitude M. With fewer than 2^32 elements a sum stays finite below `huge`. From
 * `small` on, what counts as zero (below `tiny`) cannot reach the sum's last bits.
 */
interface Range {
  readonly kernel: typeof absSumKernel;
  /** Magnitudes below 2^tiny count as zero, so that no sum, difference or product is subnormal. */
  readonly tiny: number;
  readonly small: number;
  readonly huge: number;
}
const MAGNITUDES: Range = { kernel: absSumKernel, tiny: -102, small: -60, huge: 95 };
const SQUARES: Range = { kernel: squareSumKernel, tiny: -51, small: -27, huge: 47 };

/** Sums of the segments of a vector. The sum of segment s is `sums[s]`, exact as float64. */
export interface Sums {
  readonly sums: Float64Array;
  /** The largest magnitude of all elements. */
  readonly max: number;
}

/**
 * A reduction that is queued; `finish` takes what was read of `sums` and `max`, and scales and repeats where it must.
 */
export interface PendingSums {
  readonly sums: DeviceBuffer;
  readonly max: DeviceBuffer;
  finish(sums: Uint32Array, max: Uint32Array): Steps<Sums>;
}

/** Queues sum |x_i| over segments of `segment` elements. `finish` throws NonFiniteError. */
export function sumMagnitudes(scope: Scope, x: Vector, segment: number): PendingSums {
  return queueSums(scope, x, segment, MAGNITUDES);
}

/** The same, and the signs of x, 32 a word, in `bits`. */
export function signsAndSums(scope: Scope, x: Vector, segment: number, bits: DeviceBuffer): PendingSums {
  return queueSums(scope, x, segment, MAGNITUDES, bits);
}

/** Queues sum x_i^2 over segments of `segment` elements. `finish` throws NonFiniteError. */
export function sumSquares(scope: Scope, x: Vector, segment: number): PendingSums {
  return queueSums(scope, x, segment, SQUARES);
}

function queueSums(scope: Scope, x: Vector, segment: number, range: Range, bits?: DeviceBuffer): PendingSums {
  const segments = ceilDiv(x.n, segment);
  const sums = scope.take(segments);
  const max = scope.take(segments);
  const { buffer, n } = x;
  const queue = (exponent: number): void => {
    // Scaled up, everything normal counts; scaled by 2^-96, an element counts from where its scaled magnitude does.
    const tiny = keyOfPower(exponent > 0 ? -126 : range.tiny - exponent);
    scope.run(range.kernel, { x: buffer, sums, max }, { n, segment, tiny, scale: 2 ** exponent });
  };
  if (bits === undefined) queue(0);
  else
    scope.run(
      signsAndSumKernel,
      { x: buffer, bits, sums, max },
      { n, segment, tiny: keyOfPower(range.tiny) },
    );
  function* finish(sumWords: Uint32Array, maxWords: Uint32Array): Steps<Sums> {
    let maxKey = 0;
    for (const key of maxWords) maxKey = Math.max(maxKey, key);
    if (maxKey >= INFINITE) throw yield* nonFiniteError(scope, x);
    const plain = new Float64Array(floatsOf(sumWords));
    const max = floatOf(maxKey);
    const up = maxKey > 0 && maxKey < keyOfPower(range.small);
    if (!up && maxKey < keyOfPower(range.huge)) return { sums: plain, max };
    const exponent = up ? SHIFT : -SHIFT;
    const power = range === SQUARES ? 2 : 1;
    queue(exponent);
    const [again] = yield scope.read(sums);
    const scaled = Float64Array.from(floatsOf(again), (sum) => sum * 2 ** (-exponent * power));
    // A segment far below the largest magnitude cannot have overflowed, and its plain sum counts more of it.
    const safe = 2 ** (range.huge * power);
    return { sums: scaled.map((sum, s) => (!up && sum < safe ? plain[s] : sum)), max };
  }
  return { sums, max, finish };
}

/** Queues the search for NaN and infinity; the result is [count, index of the first]. */
export function findNonFinite(scope: Scope, x: Vector): DeviceBuffer {
  const found = scope.take(2);
  scope.run(nonFiniteKernel, { x: x.buffer, found }, { n: x.n });
  return found;
}

/** Queues the search for the least and greatest element; `rangeOf` reads the result of the order `value`. */
export function findExtremes(scope: Scope, x: Vector, order: Order = 'value'): DeviceBuffer {
  const range = scope.take(2);
  scope.run(extremesKernel, { x: x.buffer, range }, { n: x.n, order: ORDERS[order] });
  return range;
}

/** The signed keys of the least and greatest element, and the key of the largest magnitude. */
export function rangeOf(words: Uint32Array): { least: number; greatest: number; largest: number } {
  const [least, greatest] = new Int32Array(words.buffer, words.byteOffset, 2);
  return { least, greatest, largest: Math.max(-least, greatest) };
}

/** The error that says how many elements of `x` are not finite, and where the first is. */
export function* nonFiniteError(scope: Scope, x: Vector): Steps<NonFiniteError> {
  const [[count, first]] = yield scope.read(findNonFinite(scope, x));
  return new NonFiniteError(count, first);
}

async function wholeSum(host: Host, x: VectorLike, queue: typeof sumMagnitudes): Promise<number> {
  if (lengthOf(requireVectorLike('x', x)) === 0) return 0;
  return host.use(function* (scope) {
    const pending = queue(scope, scope.vector(x), lengthOf(x));
    const [sums, max] = yield scope.read(pending.sums, pending.max);
    return (yield* pending.finish(sums, max)).sums[0];
  });
}

/**
 * The sum of magnitudes, sum |x_i|, by one fixed tree in float32: the same number on every backend.
 *
 * @throws NonFiniteError where x holds NaN or infinity
 * @example
 * await device.kernels.absSum(new Float32Array([1, -2, 3])); // 6
 */
export function absSum(host: Host, x: VectorLike): Promise<number> {
  return wholeSum(host, x, sumMagnitudes);
}

/**
 * The sum of squares, sum x_i^2, by one fixed tree in float32: the same number on every backend.
 *
 * @throws NonFiniteError where x holds NaN or infinity
 * @example
 * await device.kernels.squareSum(new Float32Array([1, -2, 3])); // 14
 */
export function squareSum(host: Host, x: VectorLike): Promise<number> {
  return wholeSum(host, x, sumSquares);
}

/** What `rangeOf` says of x; nothing of an empty vector. */
async function extremes(host: Host, x: VectorLike): Promise<ReturnType<typeof rangeOf> | undefined> {
  if (lengthOf(requireVectorLike('x', x)) === 0) return undefined;
  return host.use(function* (scope) {
    const vector = scope.vector(x);
    const range = rangeOf((yield scope.read(findExtremes(scope, vector)))[0]);
    if (range.largest >= INFINITE) throw yield* nonFiniteError(scope, vector);
    return range;
  });
}

/**
 * The least element; Infinity for an empty vector, +0 where the least is a zero of either sign.
 *
 * @throws NonFiniteError where x holds NaN or infinity
 * @example
 * await device.kernels.min(new Float32Array([1, -2, 3])); // -2
 */
export async function min(host: Host, x: VectorLike): Promise<number> {
  const range = await extremes(host, x);
  return range === undefined ? Infinity : floatOfSignedKey(range.least);
}

/**
 * The greatest element; -Infinity for an empty vector, +0 where the greatest is a zero of either sign.
 *
 * @throws NonFiniteError where x holds NaN or infinity
 * @example
 * await device.kernels.max(new Float32Array([1, -2, 3])); // 3
 */
export async function max(host: Host, x: VectorLike): Promise<number> {
  const range = await extremes(host, x);
  return range === undefined ? -Infinity : floatOfSignedKey(range.greatest);
}

/**
 * The largest magnitude, max |x_i|; 0 for an empty vector.
 *
 * @throws NonFiniteError where x holds NaN or infinity
 * @example
 * await device.kernels.absMax(new Float32Array([1, -2, 3])); // 3
 */
export async function absMax(host: Host, x: VectorLike): Promise<number> {
  const range = await extremes(host, x);
  return range === undefined ? 0 : floatOf(range.largest);
}

/**
 * How many elements are NaN or infinite, and the index of the first of them (-1 where all are finite).
 *
 * @example
 * await device.kernels.nonFinite(new Float32Array([1, NaN, 3])); // { count: 1, first: 1 }
 */
export async function nonFinite(host: Host, x: VectorLike): Promise<{ count: number; first: number }> {
  if (lengthOf(requireVectorLike('x', x)) === 0) return { count: 0, first: -1 };
  return host.use(function* (scope) {
    const { count, first } = yield* nonFiniteError(scope, scope.vector(x));
    return { count, first: count === 0 ? -1 : first };
  });
}

export type SumNumbers = Readonly<Record<'n' | 'segment' | 'tiny' | 'scale', number>>;

export function signsAndSumParts({ n, segment, tiny }: Omit<SumNumbers, 'scale'>): Parts {
  const signs = partOf(packSignsKernel, { x: 'x', bits: 'bits' }, { n });
  const names = { x: 'x', sums: 'sums', max: 'max' };
  return { scratch: {}, runs: [signs, partOf(absSumKernel, names, { n, segment, tiny, scale: 1 })] };
}
