/** Histograms in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { MAGNITUDE } from '../../kernels/float-bits.ts';
import type { Memory } from './memory.ts';

type Kernels = Implementations<Memory>;

export const keyCounts: Kernels['keyCounts'] = ({ x, counts }, { n, known, prefix, shift, bins }) => {
  counts.words.fill(0, 0, bins);
  for (let i = 0; i < n; i++) {
    const key = x.words[i] & MAGNITUDE;
    if (key === 0 || (known < 32 && key >>> known !== prefix)) continue;
    counts.words[(key >>> shift) % bins]++;
  }
};
