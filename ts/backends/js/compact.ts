/** Compaction in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import type { Memory } from './memory.ts';

export const compact: Implementations<Memory>['compact'] = ({ bits, indices, count }, { n, capacity }) => {
  let found = 0;
  for (let i = 0; i < n; i++) {
    if (((bits.words[i >>> 5] >>> (i & 31)) & 1) === 0) continue;
    if (found < capacity) indices.words[found] = i;
    found++;
  }
  count.words[0] = found;
};
