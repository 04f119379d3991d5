/** Selection by blocks in plain TypeScript: topK of each block, and the levels of its values. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { ORDERS } from '../../kernels/order.ts';
import { codeOf, meanLevels } from './levels.ts';
import { memoryOf, type Memory } from './memory.ts';
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
  for (let first = 0; first < count; first += k) {
    const words = values.words.subarray(first, Math.min(first + k, count));
    const { word, cut } = meanLevels(words, bits);
    levels.words[first / k] = word;
    for (let i = 0; i < words.length; i++) codes.words[first + i] = codeOf(words[i], cut);
  }
};

function part({ words }: Memory, first: number, count: number): Memory {
  return memoryOf(words.subarray(first, first + count));
}
