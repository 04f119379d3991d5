/**
 * A compressor's attempts: steps that run over a vector as it is, and once more over the vector times a power of two
 * where its magnitudes ask for that (ts/kernels/scaling.ts).
 */
import { exponentFor } from '../kernels/scaling.ts';
import type { Steps } from '../kernels/scope.ts';

/** What one attempt found out: the key of the magnitude that decides, beside its results. */
interface Attempt {
  readonly deciding: number;
}

/**
 * Runs `attempt` with exponent 0, which for nearly all vectors is all there is to do: one submit on a GPU. Where the
 * magnitude that decides lies outside 2^-27..2^40 (scaling.ts), runs it again with the exponent that suits it.
 */
export function* atScale<T extends Attempt>(attempt: (exponent: number) => Steps<T>): Steps<T> {
  const first = yield* attempt(0);
  const exponent = exponentFor(first.deciding);
  return exponent === 0 ? first : yield* attempt(exponent);
}
