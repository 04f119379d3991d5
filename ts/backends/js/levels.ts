/** Levels in the place of magnitudes in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { bitsOf, INFINITE, MAGNITUDE } from '../../kernels/float-bits.ts';
import { levelOf, shiftFor, STRANGE, tinyAt } from '../../kernels/levels.ts';
import { memoryOf, type Memory } from './memory.ts';
import { packBits } from './pack.ts';
import { absSum } from './reduce.ts';

type Kernels = Implementations<Memory>;

export const listLevels: Kernels['listLevels'] = ({ values, count, levels, packed }, { bits }) => {
  const [n] = count.words;
  const { word, cut } = meanLevels(values.words.subarray(0, n), bits);
  levels.words[0] = word;
  const codes = values.words.slice(0, n).map((value) => codeOf(value, cut));
  if (n > 0) packBits({ codes: memoryOf(codes), packed }, { n, width: bits });
};

/** The levels of values as a word, and the key above which a value is high. */
export function meanLevels(values: Uint32Array, bits: number): { word: number; cut: number } {
  const { length } = values;
  if (length === 0) return { word: 0, cut: INFINITE };
  const keys = values.map((word) => word & MAGNITUDE);
  if (largestOf(keys) >= INFINITE) return { word: STRANGE, cut: INFINITE };
  const mean = sumOf(keys) / length;
  const cut = bits === 1 ? INFINITE : bitsOf(mean);
  const above = keys.reduce((count, key) => count + Number(key > cut), 0);
  const low =
    above === length ? 0 : levelOf(sumOf(keys.map((key) => (key > cut ? 0 : key))) / (length - above));
  const high = above === 0 ? low : levelOf(sumOf(keys.map((key) => (key > cut ? key : 0))) / above);
  return { word: (above === length ? high : low) | (Math.max(low, high) << 16), cut };
}

/** The code of a value: whether it is negative, and twice whether it is high. */
export function codeOf(word: number, cut: number): number {
  return Number(word > 0x80000000) + 2 * Number((word & MAGNITUDE) > cut);
}

function largestOf(keys: Uint32Array): number {
  return keys.reduce((a, b) => Math.max(a, b));
}

/** The sum of magnitudes by their keys, one segment, with its scaling undone. */
function sumOf(keys: Uint32Array): number {
  const exponent = shiftFor(largestOf(keys));
  const [sums, max] = [memoryOf(new Uint32Array(1)), memoryOf(new Uint32Array(1))];
  const n = keys.length;
  absSum({ x: memoryOf(keys), sums, max }, { n, segment: n, tiny: tinyAt(exponent), scale: 2 ** exponent });
  return sums.floats[0] * 2 ** -exponent;
}
