/**
 * The threshold that exactly k magnitudes reach, from histograms that all workers add to. Rounds of sums, each over one
 * more digit of the keys: the exponent, then six bits of the significand at a time. From the third digit on, thresholds
 * 2^-12 apart, the search ends where one of them is reached by k; else the last digit is that of the k-th largest
 * magnitude itself, and of those equal to it only so many are taken as make k.
 */
import type { Device } from '../device.ts';
import type { DeviceVector } from '../kernels/device-vector.ts';
import { bitsOf, floatOf } from '../kernels/float-bits.ts';
import { keyCountsKernel } from '../kernels/histogram.ts';
import type { Steps } from '../kernels/scope.ts';
import { thresholdKernel } from '../kernels/select.ts';
import { touchOf } from '../schedule.ts';

/** The digits of a key, from the top: bits below a digit, and bins. */
const DIGITS = [
  { shift: 23, bins: 256 },
  { shift: 17, bins: 64 },
  { shift: 11, bins: 64 },
  { shift: 5, bins: 64 },
  { shift: 0, bins: 32 },
];

/** Digits before which a threshold is too coarse to be scaled from. */
const LEAST_DIGITS = 3;

/** `known` of keyCounts in the first round. */
const NOTHING_KNOWN = 32;

/** What a search found. */
export interface Level {
  /** The threshold; 0 where fewer than k magnitudes are above zero. */
  readonly d: number;
  /** How many of the magnitudes equal to d are taken; Infinity where all are. */
  readonly ties: number;
}

/** A search for a threshold under way. */
export interface Levels {
  /** Bins of this round. */
  readonly bins: number;
  /** How many magnitudes of `x` lie in each bin of this round; zeros in none. They are counted on the device. */
  count(device: Device, x: DeviceVector): Promise<Float32Array>;
  /** Takes the sums over all workers: the threshold, or undefined where there is another round. */
  refine(sums: Float32Array): Level | undefined;
  /** How many of those that are wanted were not found above zero, once refine gave a threshold of 0. */
  readonly missing: number;
}

/** Of k elements, a real number, so many are wanted: the nearest integer, at least one. */
export const wantedOf = (k: number): number => Math.max(1, Math.round(k));

/** Begins a search for the threshold that round(k) elements reach, at least one. Counts are exact up to 2^24 a bin. */
export function keyHistogram(k: number): Levels {
  const wanted = wantedOf(k);
  let round = 0;
  let prefix = 0;
  /** Elements above the bin that the search is in. */
  let above = 0;
  let missing = 0;
  return {
    get missing() {
      return missing;
    },
    get bins() {
      return DIGITS[round].bins;
    },
    async count(device, vector) {
      const { shift, bins } = DIGITS[round];
      const n = vector.length;
      if (n === 0) return new Float32Array(bins);
      const known = round === 0 ? NOTHING_KNOWN : DIGITS[round - 1].shift;
      const digit = { known, prefix: round === 0 ? 0 : prefix >>> known, shift, bins };
      return device.use(
        function* (scope): Steps<Float32Array> {
          const counts = scope.take(bins);
          scope.run(keyCountsKernel, { x: scope.vector(vector).buffer, counts }, { n, ...digit });
          return Float32Array.from((yield scope.read(counts))[0]);
        },
        [touchOf(vector, 'reads', true)],
      );
    },
    refine(sums) {
      const { shift, bins } = DIGITS[round];
      let bin = bins - 1;
      while (bin > 0 && above + sums[bin] < wanted) above += sums[bin--];
      prefix += bin * 2 ** shift;
      const reached = above + sums[bin];
      if (reached < wanted && round === 0) {
        missing = wanted - reached;
        return { d: 0, ties: Infinity };
      }
      // fewer than the round before counted: one who added to it has left, and the others' are taken as they are
      if (reached < wanted) return { d: floatOf(prefix), ties: Infinity };
      if (++round >= LEAST_DIGITS && reached === wanted) return { d: floatOf(prefix), ties: Infinity };
      return round < DIGITS.length ? undefined : { d: floatOf(prefix), ties: wanted - above };
    },
  };
}

/** How many magnitudes of `x` are greater than d, and how many equal to it. They are counted on the device. */
export async function reach(
  device: Device,
  x: DeviceVector,
  d: number,
): Promise<{ above: number; equal: number }> {
  const n = x.length;
  if (n === 0) return { above: 0, equal: 0 };
  const key = bitsOf(d);
  const capacity = 1;
  return device.use(
    function* (scope): Steps<{ above: number; equal: number }> {
      const { buffer } = scope.vector(x);
      const counted = [key, key + 1].map((least) => {
        const [indices, values, count] = [scope.take(capacity), scope.take(capacity), scope.take(1)];
        scope.run(thresholdKernel, { x: buffer, indices, values, count }, { n, key: least, capacity });
        return count;
      });
      const [[from], [above]] = yield scope.read(...counted);
      return { above, equal: from - above };
    },
    [touchOf(x, 'reads', true)],
  );
}

/**
 * The indices of all magnitudes of `x` from d on; of those equal to it, where so many ties are cut, the first: the
 * largest are taken, and among equals those of the lowest indices.
 */
export async function reaching(device: Device, x: DeviceVector, { d, ties }: Level): Promise<Uint32Array> {
  const { kernels } = device;
  if (ties === Infinity) return (await kernels.threshold(x, d)).indices;
  const { above, equal } = await reach(device, x, d);
  return (await kernels.topK(x, above + Math.min(ties, equal))).indices;
}
