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
import { ceilDiv, type Kernel } from './kernel.ts';

/** The longest block: a workgroup of 256 threads holds 16 elements a thread in registers. */
export const LONGEST = 4096;

/** The shortest block: windows of a GPU buffer start at multiples of so many words. */
export const SHORTEST = 64;

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
 * levels[s] = one or two levels for each segment of k values, as levels.ts defines them, codes[i] = the code of a
 * value, `bits` bits. count >= 1, 1 <= k <= 4096, bits 1 or 2; levels has ceil(count / k) words, codes count words.
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
