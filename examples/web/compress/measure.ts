/** What is lost on the way through a compressor: errors and histograms. */

/** How far the values received are from those sent. */
export interface Loss {
  /** |received - sent| / |sent| in Euclidean norms; 0 where nothing was lost. */
  readonly relative: number;
  /** The largest |received_i - sent_i|. */
  readonly largest: number;
}

/** Counts of values in bins of one width from `low` to `high`. */
export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const BINS = 81;

export function lossOf(sent: Float32Array, received: Float32Array): Loss {
  let [error, norm, largest] = [0, 0, 0];
  for (let i = 0; i < sent.length; i++) {
    const difference = Math.abs(received[i] - sent[i]);
    error += difference * difference;
    norm += sent[i] * sent[i];
    if (difference > largest) largest = difference;
  }
  return { relative: error === 0 ? 0 : Math.sqrt(error / norm), largest };
}

export function histogramOf(sent: Float32Array, received: Float32Array): Histogram {
  let [low, high] = [Infinity, -Infinity];
  for (const values of [sent, received])
    for (let i = 0; i < values.length; i++) {
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
  // zero in the middle of a bin, so that zeros and small numbers of either sign are told apart as well as can be
  const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return { low: -reach, high: reach, before: countsOf(sent, reach), after: countsOf(received, reach) };
}

function countsOf(values: Float32Array, reach: number): number[] {
  const counts = Array.from({ length: BINS }, () => 0);
  const scale = BINS / (2 * reach);
  for (let i = 0; i < values.length; i++)
    counts[Math.min(BINS - 1, Math.floor((values[i] + reach) * scale))]++;
  return counts;
}
