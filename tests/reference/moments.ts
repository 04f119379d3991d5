/** Means over many draws, held to their expectation by their standard errors. */
import * as assert from 'uvu/assert';

/** The mean of each of several numbers over draws, and by how much such means vary. */
export interface Means {
  readonly mean: Float64Array;
  /** Standard errors, from the spread of the draws. */
  readonly error: Float64Array;
}

/** Draws for step 0, 1, ..., `draws` - 1; each gives as many numbers. */
export async function meansOf(
  draws: number,
  draw: (step: number) => Promise<ArrayLike<number>>,
): Promise<Means> {
  // Relative to the first draw, so that a spread far below the mean is not lost.
  const first = Float64Array.from(await draw(0));
  const sums = new Float64Array(first.length);
  const squares = new Float64Array(first.length);
  for (let step = 1; step < draws; step++) {
    const numbers = await draw(step);
    for (let i = 0; i < first.length; i++) {
      const off = numbers[i] - first[i];
      sums[i] += off;
      squares[i] += off * off;
    }
  }
  const variance = squares.map((square, i) => (square - sums[i] ** 2 / draws) / (draws - 1));
  return {
    mean: sums.map((sum, i) => first[i] + sum / draws),
    error: variance.map((value) => Math.sqrt(Math.max(value, 0) / draws)),
  };
}

/** Asserts that each mean is within five standard errors, and `slack` for float32, of its expectation. */
export function assertMeans(
  { mean, error }: Means,
  expected: ArrayLike<number>,
  label: string,
  slack = 1e-6,
): void {
  assert.is(mean.length, expected.length, label);
  mean.forEach((value, i) => {
    const far = Math.abs(value - expected[i]);
    assert.ok(
      far <= 5 * error[i] + slack * Math.abs(expected[i]),
      `${label}: the mean of element ${i} is ${value}, expected ${expected[i]} to within 5 * ${error[i]}`,
    );
  });
}
