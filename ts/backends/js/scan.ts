/** Prefix sums in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import type { Memory } from './memory.ts';

export const scan: Implementations<Memory>['scan'] = ({ x, sums, total }, { n }) => {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    sums.words[i] = sum;
    sum = (sum + x.words[i]) | 0;
  }
  total.words[0] = sum;
};
