/** How many elements a sparse compressor keeps: `k` itself, or `ratio`, the kept share of n. */
import { requireInteger, requireNumber, requireOptions, shown } from '../arguments.ts';

/** Either a number of elements or a share of them. */
export type Count =
  { readonly k: number; readonly ratio?: undefined } | { readonly ratio: number; readonly k?: undefined };

/** The most elements that a vector can have. */
export const MOST: number = 2 ** 32 - 1;

/**
 * Checks the options of a sparse compressor, which may have `others` beside k and ratio.
 * @throws RangeError unless exactly one of k and ratio is given, k >= 1, 0 < ratio <= 1
 */
export function requireCount(owner: string, count: Count, ...others: string[]): void {
  requireOptions(owner, count, ['k', 'ratio', ...others]);
  const { k, ratio } = (count ?? {}) as { k?: unknown; ratio?: unknown };
  if ((k === undefined) === (ratio === undefined))
    throw new RangeError(
      `${owner} expected either "k" or "ratio", got k ${shown(k)} and ratio ${shown(ratio)}`,
    );
  if (k !== undefined) requireInteger('k', k, 1, MOST);
  else requireNumber('ratio', ratio, 'a number above 0 and up to 1', (value) => value > 0 && value <= 1);
}

/**
 * k for a vector of n >= 1 elements: floor(ratio * n + 1e-9) in float64, at least 1; the small term undoes binary rounding.
 * @throws RangeError where k > n
 */
export function countFor(count: Count, n: number): number {
  if (count.k !== undefined) return requireInteger('k', count.k, 1, n);
  return Math.max(1, Math.floor(count.ratio * n + 1e-9));
}
