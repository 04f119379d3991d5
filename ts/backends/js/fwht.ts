/** The Walsh-Hadamard transform in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { MAGNITUDE } from '../../kernels/float-bits.ts';
import { TINY } from '../../kernels/fwht.ts';
import type { Memory } from './memory.ts';

export const fwht: Implementations<Memory>['fwht'] = ({ x, y }, { n, total, block }) => {
  for (let i = 0; i < total; i++) y.words[i] = i < n && (x.words[i] & MAGNITUDE) >= TINY ? x.words[i] : 0;
  const v = y.floats;
  for (let h = 1; h < block; h *= 2)
    for (let start = 0; start < total; start += 2 * h)
      for (let i = start; i < start + h; i++) {
        const a = v[i];
        const b = v[i + h];
        v[i] = a + b;
        v[i + h] = a - b;
      }
};
