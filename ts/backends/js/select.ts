/** Selection in plain TypeScript: the cut by radix digits of the key, then one pass in the order of indices. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { MAGNITUDE, signedKeyOf } from '../../kernels/float-bits.ts';
import { ORDERS } from '../../kernels/select.ts';
import type { Memory } from './memory.ts';

type Kernels = Implementations<Memory>;

const DIGITS = [
  { shift: 21, bits: 11 },
  { shift: 10, bits: 11 },
  { shift: 0, bits: 10 },
];

/** The key by which an order compares words, as a number in 0..2^32 - 1. */
function keyIn(order: number): (bits: number) => number {
  return order === ORDERS.value ? (bits) => signedKeyOf(bits) + 2 ** 31 : (bits) => bits & MAGNITUDE;
}

export const topK: Kernels['topK'] = ({ x, indices, values }, { n, k, order }) => {
  const key = keyIn(order);
  // The k-th largest key, digit by digit; `ties` = how many elements of that very key are still wanted.
  let prefix = 0;
  let fixed = 0;
  let ties = k;
  for (const { shift, bits } of DIGITS) {
    const counts = new Uint32Array(2 ** bits);
    for (let i = 0; i < n; i++) {
      const own = key(x.words[i]);
      if (((own ^ prefix) & fixed) === 0) counts[(own >>> shift) & (counts.length - 1)]++;
    }
    let digit = counts.length - 1;
    while (counts[digit] < ties) ties -= counts[digit--];
    prefix |= digit << shift;
    fixed |= (counts.length - 1) << shift;
  }
  const cut = prefix >>> 0;
  let kept = 0;
  for (let i = 0; kept < k; i++) {
    const own = key(x.words[i]);
    if (own < cut || (own === cut && ties-- <= 0)) continue;
    indices.words[kept] = i;
    values.words[kept++] = x.words[i];
  }
};

export const threshold: Kernels['threshold'] = ({ x, indices, values, count }, { n, key, capacity }) => {
  let found = 0;
  for (let i = 0; i < n; i++) {
    if ((x.words[i] & MAGNITUDE) < key) continue;
    if (found < capacity) {
      indices.words[found] = i;
      values.words[found] = x.words[i];
    }
    found++;
  }
  count.words[0] = found;
};
