/**
 * Counts by blocks: how many magnitudes of each block of a vector reach a threshold. They say where in a vector a
 * selection lies, in a few words, whatever its length.
 *
 * Here: what all backends give. How: ts/backends/js/counts.ts, assembly/counts.ts and wgsl/counts.wgsl.
 */
import type { Kernel } from './kernel.ts';

/**
 * counts[b] = how many of the elements b length to (b + 1) length - 1 have a magnitude's key of at least `key`; the
 * last block is shorter where n is no multiple of length. n >= 1, 1 <= length < 2^32, 0 <= key < 2^31; counts has
 * ceil(n / length) words.
 */
export const blockCountsKernel: Kernel<'x' | 'counts', 'n' | 'key' | 'length'> = {
  name: 'blockCounts',
  buffers: ['x', 'counts'],
  params: ['n', 'key', 'length'],
};
