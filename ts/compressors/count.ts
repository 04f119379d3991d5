/** How many elements a sparse compressor keeps, and in which format it sends them. */
import { requireInteger, requireNumber, requireOneOf, requireOptions, shown } from '../arguments.ts';
import { VALUE_FORMATS, type ValueFormat } from '../packet/values.ts';

/** Either a number of elements or a share of them. */
export type Count =
  | { readonly k: number; readonly ratio?: undefined }
  | { readonly ratio: number; readonly k?: undefined };

/** The format of the values that are sent; float32 if left out. */
export interface Values {
  readonly values?: ValueFormat;
}

/** Formats of kept values by their number in packets: whole, or codes of one bit or two (few-bits.ts). */
export const KEPT_FORMATS: readonly KeptFormat[] = [...VALUE_FORMATS, 'sign', 'levels'];

export type KeptFormat = ValueFormat | 'sign' | 'levels';

/** The form in which kept values are sent; float32 if left out. */
export interface KeptValues {
  /**
   * Whole, in a format; or few bits: 'sign', one bit and one magnitude for all, their mean; 'levels', two bits, the
   * mean of those above it or that of the others.
   */
  readonly values?: KeptFormat;
}

/** The most elements that a vector can have. */
export const MOST: number = 2 ** 32 - 1;

/**
 * Checks the options of a sparse compressor, which may have `others` beside k, ratio and values.
 * @throws TypeError where neither k nor ratio is given, RangeError where both are, or unless k >= 1 and 0 < ratio <= 1
 */
export function requireCount(owner: string, count: Count & KeptValues, ...others: string[]): void {
  requireOptions(owner, count, ['k', 'ratio', 'values', ...others]);
  const { k, ratio } = (count ?? {}) as { k?: unknown; ratio?: unknown };
  const message = `${owner} expected either "k" or "ratio", got k ${shown(k)} and ratio ${shown(ratio)}`;
  if (k === undefined && ratio === undefined) throw new TypeError(message);
  if (k !== undefined && ratio !== undefined) throw new RangeError(message);
  if (k !== undefined) requireInteger('k', k, 1, MOST);
  else requireRatio(ratio);
}

/** @throws TypeError or RangeError unless `ratio`, the share that is kept, is a number above 0 and up to 1 */
export function requireRatio(ratio: unknown): number {
  return requireNumber('ratio', ratio, 'a number above 0 and up to 1', (value) => value > 0 && value <= 1);
}

/** @throws TypeError or RangeError unless `values` is a form of kept values or left out */
export function keptFormatOf({ values = 'float32' }: KeptValues): KeptFormat {
  return requireOneOf('values', values, KEPT_FORMATS);
}

/** @throws TypeError or RangeError unless `values` is a format or left out */
export function formatOf({ values = 'float32' }: Values): ValueFormat {
  return requireOneOf('values', values, VALUE_FORMATS);
}

/**
 * k for a vector of n >= 1 elements: floor(ratio * n + 1e-9) in float64, at least 1; the small term undoes binary
 * rounding.
 * @throws RangeError where k > n
 */
export function countFor(count: Count, n: number): number {
  if (count.k !== undefined) return requireInteger('k', count.k, 1, n);
  return keptShare(count.ratio, n);
}

/** floor(ratio * n + 1e-9) in float64, at least 1. */
export function keptShare(ratio: number, n: number): number {
  return Math.max(1, Math.floor(ratio * n + 1e-9));
}
