/** The test by which a claim holds, does not hold, or is open: paired by seed, two standard errors. */

/** What runs with several seeds say of a claim. */
export type Verdict = 'holds' | 'does not hold' | 'open';

/** Standard errors by which a mean has to be off zero. */
const ERRORS = 2;

/** A mean of a few numbers and its standard error: the deviation over the root of how many they are. */
export interface Estimate {
  readonly mean: number;
  /** NaN where there is one number alone. */
  readonly error: number;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function estimateOf(values: readonly number[]): Estimate {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return { mean: middle, error: Math.sqrt(squares / (values.length - 1) / values.length) };
}

/**
 * What follows of numbers, one a seed, that are above 0 where a claim is right: it holds where their mean is above 0 by
 * two standard errors, and does not where it is below 0 by as much.
 */
export function verdictOf(differences: readonly number[]): Verdict {
  const { mean: middle, error } = estimateOf(differences);
  const bound = ERRORS * (Number.isNaN(error) ? 0 : error);
  if (middle > bound) return 'holds';
  return middle < -bound || (middle === 0 && bound === 0) ? 'does not hold' : 'open';
}

/** Of several verdicts: all have to hold, and one that does not is enough. */
export function joined(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('does not hold')) return 'does not hold';
  return verdicts.includes('open') ? 'open' : 'holds';
}

/** A mean with its standard error, as `format` writes numbers: one number where they are all the same. */
export function written(values: readonly number[], format: (value: number) => string): string {
  const { mean: middle, error } = estimateOf(values);
  return values.length === 1 || error === 0 ? format(middle) : `${format(middle)} ± ${format(error)}`;
}

/** The same of differences: with a plus where they are above 0. */
export function writtenSigned(values: readonly number[], format: (value: number) => string): string {
  return `${mean(values) > 0 ? '+' : ''}${written(values, format)}`.replace(/^-(?=0[.0]*( |$))/, '');
}

/** The least and the greatest of some numbers, as `format` writes them: one where they are the same. */
export function range(values: readonly number[], format: (value: number) => string): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(format);
  return least === most ? least : `${least} to ${most}`;
}
