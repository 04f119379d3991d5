/**
 * Linear combinations in float64, each beside a bound of how far float32 may be from it. Selections and signs are taken
 * from what was really sent, so that everything else in a system with error feedback is linear, and the bound is exact
 * bookkeeping: nothing is guessed.
 */
import * as assert from 'uvu/assert';

/** One rounding to float32 is off by at most this share. */
export const UNIT: number = 2 ** -24;

/** What `accumulate` counts as zero. */
const TINY = 2 ** -102;

/** A vector, and how far the float32 vector that it stands for may be from it. */
export interface Near {
  readonly value: Float64Array;
  readonly slack: Float64Array;
}

/** A vector that is known. */
export function exactly(x: ArrayLike<number>): Near {
  return { value: Float64Array.from(x), slack: new Float64Array(x.length) };
}

export function zeros(n: number): Near {
  return exactly(new Float64Array(n));
}

/**
 * The sum of weight vector over all terms. Float32 rounds each weight, each product, each sum in whatever order, and
 * what is stored: at most terms + 2 roundings of each addend.
 */
export function combine(...terms: (readonly [weight: number, vector: Near])[]): Near {
  const n = terms[0][1].value.length;
  const value = new Float64Array(n);
  const slack = new Float64Array(n);
  const roundings = (terms.length + 2) * UNIT;
  for (const [weight, vector] of terms)
    for (let i = 0; i < n; i++) {
      const size = Math.abs(weight) * (Math.abs(vector.value[i]) + vector.slack[i]);
      value[i] += weight * vector.value[i];
      slack[i] += Math.abs(weight) * vector.slack[i] + roundings * size + TINY;
    }
  return { value, slack };
}

export function meanOf(vectors: readonly Near[]): Near {
  return combine(...vectors.map((vector) => [1 / vectors.length, vector] as const));
}

/** Asserts that float32 numbers are what they should be, within the bound. */
export function assertNear(actual: ArrayLike<number>, { value, slack }: Near, label: string): void {
  assert.is(actual.length, value.length, `${label}: ${actual.length} elements, expected ${value.length}`);
  for (let i = 0; i < value.length; i++)
    if (!(Math.abs(actual[i] - value[i]) <= slack[i]))
      assert.unreachable(`${label}: element ${i} is ${actual[i]}, expected ${value[i]} +- ${slack[i]}`);
}
