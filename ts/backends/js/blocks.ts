/** Selection by blocks in plain TypeScript: topK of each block, and the sums of its values. */
import { levelOf, shiftFor, STRANGE, tinyAt } from '../../kernels/blocks.ts';
import type { Implementations } from '../../kernels/catalogue.ts';
import { bitsOf, INFINITE, MAGNITUDE } from '../../kernels/float-bits.ts';
import { ORDERS } from '../../kernels/order.ts';
import type { Memory } from './memory.ts';
import { absSum } from './reduce.ts';
import { topK } from './select.ts';

type Kernels = Implementations<Memory>;

export const blockTopK: Kernels['blockTopK'] = ({ x, indices, values }, { n, block, k }) => {
  let place = 0;
  for (let first = 0; first < n; first += block) {
    const length = Math.min(block, n - first);
    const kept = Math.max(1, Math.floor((k * length) / block));
    const own = { indices: part(indices, place, kept), values: part(values, place, kept) };
    topK({ x: part(x, first, length), ...own }, { n: length, k: kept, order: ORDERS.magnitude });
    for (let j = 0; j < kept; j++) own.indices.words[j] += first;
    place += kept;
  }
};

export const blockLevels: Kernels['blockLevels'] = ({ values, levels, codes }, { count, k, bits }) => {
  for (let s = 0; s * k < count; s++) {
    const length = Math.min(k, count - s * k);
    const words = values.words.subarray(s * k, s * k + length);
    const keys = words.map((word) => word & MAGNITUDE);
    if (keys.some((key) => key >= INFINITE)) {
      levels.words[s] = STRANGE;
      continue;
    }
    const mean = sumOf(keys) / length;
    const cut = bits === 1 ? INFINITE : bitsOf(mean);
    const high = keys.map((key) => (key > cut ? 1 : 0));
    for (let j = 0; j < length; j++) codes.words[s * k + j] = Number(words[j] > 0x80000000) + 2 * high[j];
    const above = high.reduce((a, b) => a + b);
    const levelFrom = (wanted: number, number: number): number =>
      levelOf(sumOf(keys.map((key, j) => (high[j] === wanted ? key : 0))) / number);
    const low = levelFrom(above === length ? 1 : 0, above === length ? length : length - above);
    const top = above === 0 ? low : Math.max(low, levelFrom(1, above));
    levels.words[s] = low | (top << 16);
  }
};

/** The sum of magnitudes by their keys, one segment, with its scaling undone. */
function sumOf(keys: Uint32Array): number {
  const exponent = shiftFor(keys.reduce((a, b) => Math.max(a, b)));
  const [sums, max] = [memoryOf(new Uint32Array(1)), memoryOf(new Uint32Array(1))];
  const n = keys.length;
  absSum({ x: memoryOf(keys), sums, max }, { n, segment: n, tiny: tinyAt(exponent), scale: 2 ** exponent });
  return sums.floats[0] * 2 ** -exponent;
}

function memoryOf(words: Uint32Array): Memory {
  return { words, floats: new Float32Array(words.buffer, words.byteOffset, words.length) };
}

function part({ words }: Memory, first: number, count: number): Memory {
  return memoryOf(words.subarray(first, first + count));
}
