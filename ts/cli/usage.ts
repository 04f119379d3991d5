/** Command lines that make no sense, and numbers on them. */
import { shown } from '../arguments.ts';

/** A command line that makes no sense: status 2, and where to find help. */
export class UsageError extends Error {}

export function required(value: string | undefined, message: string): string {
  if (value === undefined) throw new UsageError(message);
  return value;
}

/** @throws UsageError unless the text is an integer in `least..most` */
export function integerOf(option: string, text: string, least: number, most: number = 2 ** 32 - 1): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most))
    throw new UsageError(`--${option} expected an integer in ${least}..${most}, got ${shown(text)}`);
  return value;
}

/** @throws UsageError unless the text is a number above 0 */
export function positiveOf(option: string, text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value > 0 && value < Infinity))
    throw new UsageError(`--${option} expected a number above 0, got ${shown(text)}`);
  return value;
}

/** Bits a second of `50Mbps`, `1.5 Gbps` or a plain number. @throws UsageError where it is none of these */
export function rateOf(option: string, text: string): number {
  const [, number, unit] = /^([\d.e+-]+)\s*(|[kMGT])(?:bps|bit\/s)?$/.exec(text.trim()) ?? [];
  const factor: Record<string, number> = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
  const value = number === undefined ? NaN : Number(number) * factor[unit];
  if (!(value > 0 && value < Infinity))
    throw new UsageError(`--${option} expected a rate such as 50Mbps, got ${shown(text)}`);
  return value;
}
