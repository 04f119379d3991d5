/**
 * Levels in the place of magnitudes: of values that are kept, one bfloat16 or two stand for all magnitudes, and each
 * value is a code: its sign, and which of two levels. The rules of a segment of n values, with A = absSum of all, and
 * t = A / n, rounded once to float32:
 *
 * - bits 2: high where the value's key is above that of t. The levels are A1 / (number of high) and A0 / (number of
 *   low), A1 = absSum with low values as +0, A0 with high ones as +0; where a class is empty both are the other's. A
 *   high level below the low one would be that: sums may round so that the means change places by a last place of
 *   float32, though no values are known whose levels do.
 * - bits 1: both are A / n. With topK and error feedback this is sparse ternary compression (arXiv 1903.02891).
 *
 * A code is negative + 2 high, the first alone where bits is 1. negative: the word is above 0x80000000. Each sum is one
 * segment with the tree and the scaling of absSum (docs/same-bytes.md), by its own largest magnitude. A level is
 * rounded once to float32, then to bfloat16, as `levelOf` does. A word has both, the low one in its low half; that of a
 * segment with NaN or infinity is STRANGE, and its codes are undefined.
 *
 * Here: what all backends give, of one segment; blocks.ts has many. How: ts/backends/js/levels.ts, assembly/levels.ts,
 * wgsl/levels.wgsl and wgsl/lib/levels.wgsl.
 */
import { bitsOf, INFINITE, keyOfPower } from './float-bits.ts';
import type { Kernel } from './kernel.ts';

/** Elements between these powers of two are summed as they are, others times 2^SHIFT or 2^-SHIFT (reduce.ts). */
export const SMALL: number = keyOfPower(-60);
export const HUGE: number = keyOfPower(95);
export const SHIFT = 96;

/** In the place of levels: one of the values is NaN or infinite. */
export const STRANGE = 0xffffffff;

/**
 * levels[0] and packed = the levels and the codes of the first count[0] values, `bits` bits a code, packed as by
 * packBits; levels[0] = 0 where there are none. capacity >= 1, count[0] <= capacity, bits 1 or 2; values has capacity
 * words, packed ceil(capacity bits / 32), of which those behind the last code's are undefined.
 */
export const listLevelsKernel: Kernel<'values' | 'count' | 'levels' | 'packed', 'capacity' | 'bits'> = {
  name: 'listLevels',
  buffers: ['values', 'count', 'levels', 'packed'],
  params: ['capacity', 'bits'],
};

/**
 * The bits of a mean magnitude as bfloat16: rounded to float32, then half to even, at most the largest finite one; +0
 * where that is below 2^-126.
 */
export function levelOf(mean: number): number {
  const key = Math.min(bitsOf(mean), INFINITE);
  const level = Math.min((key + 0x7fff + ((key >>> 16) & 1)) >>> 16, 0x7f7f);
  return level < 0x80 ? 0 : level;
}

/** The power of two by which magnitudes up to that of key `largest` are taken times before they are summed. */
export function shiftFor(largest: number): number {
  if (largest >= HUGE) return -SHIFT;
  return largest > 0 && largest < SMALL ? SHIFT : 0;
}

/** The key below which a magnitude counts as +0 in a sum of magnitudes times 2^exponent. */
export function tinyAt(exponent: number): number {
  return keyOfPower(exponent > 0 ? -126 : -102 - exponent);
}

/** Blocks of the tree that a workgroup sums, 32 threads each. */
export const BLOCKS = 8;

/** Values of a workgroup that looks for the largest. */
export const TILE = 4096;

/** Words of codes of a workgroup, one a thread. */
export const WIDTH = 128;
