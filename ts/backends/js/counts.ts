/** Counts by blocks in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { MAGNITUDE } from '../../kernels/float-bits.ts';
import type { Memory } from './memory.ts';

type Kernels = Implementations<Memory>;

export const blockCounts: Kernels['blockCounts'] = ({ x, counts }, { n, key, length }) => {
  for (let start = 0, block = 0; start < n; start += length, block++) {
    const end = Math.min(start + length, n);
    let count = 0;
    for (let i = start; i < end; i++) if ((x.words[i] & MAGNITUDE) >= key) count++;
    counts.words[block] = count;
  }
};
