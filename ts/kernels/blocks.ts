/**
 * Selection by blocks, and what stands for the selected: the k largest elements of each block, and one or two levels a
 * block in place of their magnitudes. SparseLoCo (arXiv 2508.15706) sends both.
 *
 * A block is `block` neighbours, the last one what is left. Of a block of L elements max(1, floor(k L / block)) are
 * kept: k of each whole block, so those of block j start at place j k. Selection is as topK's (select.ts): keys of
 * magnitudes, ties to the lowest index, ascending output, words as they are.
 *
 * Here: what all backends give. How: ts/backends/js/blocks.ts, assembly/blocks.ts, wgsl/blocks.wgsl and
 * wgsl/blocks-levels.wgsl.
 */
import { bitsOf, INFINITE, keyOfPower } from './float-bits.ts';
import { ceilDiv, type Kernel } from './kernel.ts';

/** The longest block: a workgroup of 256 threads holds 16 elements a thread in registers. */
export const LONGEST = 4096;

/** The shortest block: windows of a GPU buffer start at multiples of so many words. */
export const SHORTEST = 64;

/** Elements between these powers of two are summed as they are, others times 2^SHIFT or 2^-SHIFT (reduce.ts). */
export const SMALL: number = keyOfPower(-60);
export const HUGE: number = keyOfPower(95);
export const SHIFT = 96;

/** In the place of a block's levels: one of its elements is NaN or infinite. */
export const STRANGE = 0xffffffff;

/**
 * indices, values = the k largest magnitudes of each block, max(1, floor(k L / block)) of the last one, by ascending
 * index. n >= 1, 1 <= k <= block, block a power of two in 64..4096; indices and values have keptOf(n, block, k) words.
 */
export const blockTopKKernel: Kernel<'x' | 'indices' | 'values', 'n' | 'block' | 'k'> = {
  name: 'blockTopK',
  buffers: ['x', 'indices', 'values'],
  params: ['n', 'block', 'k'],
};

/**
 * One or two levels for each segment of k values, as bfloat16, the low one in the low half of a word, and for each
 * value a code of `bits` bits: negative + 2 high, the first alone where bits is 1. negative: the word is above
 * 0x80000000. With c values in the segment, A = absSum of all, and t = A / c, rounded once to float32:
 *
 * - bits 2: high where the value's key is above that of t. The levels are A1 / (number of high) and A0 / (number of
 *   low), A1 = absSum with low values as +0, A0 with high ones as +0; where a class is empty both are the other's. A
 *   high level below the low one would be that: sums may round so that the means change places by a last place of
 *   float32, though no values are known whose levels do.
 * - bits 1: both are A / c.
 *
 * Each sum is one segment with the tree and the scaling of absSum (docs/same-bytes.md), by its own largest magnitude.
 * A level is rounded once to float32, then to bfloat16, as `levelOf` does. The word of a segment with NaN or infinity
 * is STRANGE, and its codes are undefined. count >= 1, 1 <= k <= 4096, bits 1 or 2; levels has ceil(count / k) words,
 * codes count words.
 */
export const blockLevelsKernel: Kernel<'values' | 'levels' | 'codes', 'count' | 'k' | 'bits'> = {
  name: 'blockLevels',
  buffers: ['values', 'levels', 'codes'],
  params: ['count', 'k', 'bits'],
};

/** How many elements of all n are kept. */
export function keptOf(n: number, block: number, k: number): number {
  if (n === 0) return 0;
  const last = ceilDiv(n, block) - 1;
  return last * k + Math.max(1, Math.floor((k * (n - last * block)) / block));
}

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
