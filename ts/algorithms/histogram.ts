/**
 * A threshold from histograms of magnitudes that all workers add to: the exact number of elements above it is known, and
 * as near to k as equal keys allow. In three rounds of sums: exponents, then six bits of the significand, then six more,
 * so that neighbouring thresholds are 2^-12 apart.
 */
import { floatOf, MAGNITUDE } from '../kernels/float-bits.ts';
import { wordsOf } from '../kernels/scope.ts';

/** The digits of a key, from the top: bits below a digit, and bins. */
const DIGITS = [
  { shift: 23, bins: 256 },
  { shift: 17, bins: 64 },
  { shift: 11, bins: 64 },
];

/** A search for a threshold under way. */
export interface Levels {
  /** Bins of this round. */
  readonly bins: number;
  /** How many magnitudes of `x` lie in each bin of this round; zeros in none. */
  count(x: Float32Array): Float32Array;
  /** Takes the sums over all workers: the threshold, or undefined where there is another round. */
  refine(sums: Float32Array): number | undefined;
}

/** Begins a search for the threshold that k elements reach. */
export function keyHistogram(k: number): Levels {
  let round = 0;
  let prefix = 0;
  /** Elements above the bin that the search is in. */
  let above = 0;
  return {
    get bins() {
      return DIGITS[round].bins;
    },
    count(x) {
      const { shift, bins } = DIGITS[round];
      const counts = new Float32Array(bins);
      const known = round === 0 ? 0 : DIGITS[round - 1].shift;
      for (const word of wordsOf(x)) {
        const key = word & MAGNITUDE;
        if (key === 0 || (round > 0 && key >>> known !== prefix >>> known)) continue;
        counts[(key >>> shift) % bins]++;
      }
      return counts;
    },
    refine(sums) {
      const { shift, bins } = DIGITS[round];
      let bin = bins - 1;
      while (bin > 0 && above + sums[bin] < k) above += sums[bin--];
      prefix += bin * 2 ** shift;
      if (++round < DIGITS.length) return undefined;
      // the bin's lower edge takes all of it, its upper edge none: whichever is nearer to k, if it takes any
      const upper = above > 0 && k - above < above + sums[bin] - k;
      return floatOf(upper ? prefix + 2 ** shift : prefix);
    },
  };
}
