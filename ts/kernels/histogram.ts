/**
 * Histograms of digits of keys: how many magnitudes lie in each of some bins. Rounds over one digit after the other,
 * each among the keys that have the digits found so far, find a k-th largest magnitude whose elements are in several
 * places.
 *
 * Here: what all backends give. How: ts/backends/js/histogram.ts, assembly/histogram.ts and wgsl/histogram.wgsl.
 */
import type { Kernel } from './kernel.ts';

/** The most bins: a digit has 8 bits at most, so that the exponent is one. */
export const BINS = 256;

/**
 * counts[b] = how many elements have a key (of the magnitude: the bits but the sign) that is not 0, whose bits from
 * `known` on are `prefix`, and whose bits from `shift` on are b modulo `bins`: key >>> known = prefix and
 * (key >>> shift) % bins = b. Where `known` is 32 nothing is known of the keys, and `prefix` is not looked at.
 * n >= 1; bins is a power of two up to BINS, and counts has as many words; 0 <= shift <= 31, 0 <= prefix < 2^(32 -
 * known).
 */
export const keyCountsKernel: Kernel<'x' | 'counts', 'n' | 'known' | 'prefix' | 'shift' | 'bins'> = {
  name: 'keyCounts',
  buffers: ['x', 'counts'],
  params: ['n', 'known', 'prefix', 'shift', 'bins'],
};
