/** Curves of loss and accuracy, which fluctuate from step to step, made readable. */

/** A value is averaged over this share of the steps before it: the same width all along a logarithmic axis. */
const WINDOW = 0.2;

/** The mean of each value and those before it, `WINDOW` of the way back to the start. */
export function smooth(values: readonly number[]): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums[sums.length - 1] + value);
  return values.map((_, i) => {
    const end = i + 1;
    const start = Math.min(i, Math.floor(end * (1 - WINDOW)));
    return (sums[end] - sums[start]) / (end - start);
  });
}
