/** Levels in the place of magnitudes, step by step from the definitions. */
import { bitsOf, floatOf } from '../../ts/kernels/float-bits.ts';
import { halfToEven } from './exact.ts';
import { sumOfTree } from './tree.ts';

/** The sum of magnitudes by docs/same-bytes.md, "Sums": one segment, scaled by its own largest. */
export function treeSum(magnitudes: readonly number[]): number {
  const largest = magnitudes.reduce((a, b) => Math.max(a, b));
  const factor = largest >= 2 ** 95 ? 2 ** -96 : largest > 0 && largest < 2 ** -60 ? 2 ** 96 : 1;
  const least = factor === 1 ? 2 ** -102 : factor < 1 ? 2 ** -6 : 2 ** -126;
  return sumOfTree(magnitudes.map((magnitude) => (magnitude < least ? 0 : magnitude * factor))) / factor;
}

/** The bits of the float32 nearest to sum / count, half to even, for the sum of a tree: a multiple of 2^-149. */
export function meanBits(sum: number, count: number): number {
  const [dividend, divisor] = [BigInt(sum * 2 ** 149) << 60n, BigInt(count)];
  // in units of 2^-210, the last bit for whatever is left
  const quotient = (dividend / divisor) * 2n + (dividend % divisor > 0n ? 1n : 0n);
  // a float32 has 24 bits, and is a multiple of 2^-149
  const drop = Math.max(quotient.toString(2).length - 24, 61);
  return bitsOf(Number(halfToEven(quotient, drop)) * 2 ** (drop - 210));
}

/** The bits of a mean as bfloat16, by trying all of them that are near. */
export function brainOf(bits: number): number {
  const value = Math.min(floatOf(bits), floatOf(0x7f7fffff));
  const below = bitsOf(value) >>> 16;
  const found = [below, below + 1]
    .filter((candidate) => candidate <= 0x7f7f)
    .sort((a, b) => {
      const [offA, offB] = [a, b].map((level) => Math.abs(floatOf(level << 16) - value));
      return offA - offB || (a % 2) - (b % 2);
    })[0];
  return floatOf(found << 16) < 2 ** -126 ? 0 : found;
}

/** The levels of values that are kept, at least one: low and high as bfloat16, and the codes. */
export function levelsOf(
  kept: readonly number[],
  bits: number,
): { low: number; high: number; codes: number[] } {
  const magnitudes = kept.map(Math.abs);
  const mean = meanBits(treeSum(magnitudes), kept.length);
  const high = magnitudes.map((magnitude) => bits === 2 && bitsOf(magnitude) > mean);
  const level = (wanted: boolean): number | undefined => {
    const count = high.filter((is) => is === wanted).length;
    const sum = treeSum(magnitudes.map((magnitude, i) => (high[i] === wanted ? magnitude : 0)));
    return count === 0 ? undefined : brainOf(meanBits(sum, count));
  };
  const [low, top] = [level(false) ?? level(true)!, level(true) ?? level(false)!];
  const codes = kept.map((value, i) => Number(value < 0) + 2 * Number(high[i]));
  return { low, high: Math.max(low, top), codes };
}
