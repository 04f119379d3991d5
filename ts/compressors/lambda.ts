/**
 * How wide a dither is: lambda of arXiv 2405.11095, a number, or from the vector itself. What ditheredSign and
 * flattenedOneBit share.
 */
import { requireNumber, shown } from '../arguments.ts';

/**
 * `'max'`: the largest magnitude, exactly unbiased. `'norm'`: c |z|_2 sqrt(2 ln(2d) / d) of d elements. A number:
 * itself.
 */
export type Lambda = 'max' | 'norm' | number;

/** Numbers that lambda may be: within these powers of two no product with a draw leaves float32. */
const EXPONENT = 60;

/** @throws TypeError or RangeError unless `lambda` is one of the names or a number in 2^-60..2^60 */
export function requireLambda<Name extends string>(lambda: unknown, names: readonly Name[]): Name | number {
  if (names.includes(lambda as Name)) return lambda as Name;
  const expected = `${names.map((name) => `'${name}'`).join(', ')} or a number in 2^-60..2^60`;
  if (typeof lambda === 'string') throw new RangeError(`"lambda" expected ${expected}, got ${shown(lambda)}`);
  const holds = (value: number): boolean => value >= 2 ** -EXPONENT && value <= 2 ** EXPONENT;
  return requireNumber('lambda', lambda, expected, holds);
}

/** @throws TypeError or RangeError unless c, which belongs to `'norm'`, is a number in 2^-20..2^20 where it is given */
export function requireFactor(c: unknown, lambda: Lambda): number {
  if (c !== undefined && lambda !== 'norm')
    throw new RangeError(`"c" belongs to lambda 'norm', got ${shown(lambda)}`);
  const holds = (value: number): boolean => value >= 2 ** -20 && value <= 2 ** 20;
  return requireNumber('c', c === undefined ? 0.3 : c, 'a number in 2^-20..2^20', holds);
}

/**
 * sqrt(2 ln(2d)) for d a power of two: of operations that every runtime rounds alike, which its logarithm need not be.
 */
export function flatness(d: number): number {
  return Math.sqrt(2 * (Math.log2(d) + 1) * Math.LN2);
}
