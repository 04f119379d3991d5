/** Error compensation in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { MAGNITUDE } from '../../kernels/float-bits.ts';
import { flushed, product } from './accumulate.ts';
import type { Memory } from './memory.ts';

export const compensate: Implementations<Memory>['compensate'] = ({ x, error, y, keys }, { n, scale }) => {
  keys.words.fill(0, 0, 2);
  for (let i = 0; i < n; i++) {
    y.floats[i] = flushed(x.words[i]) + product(error.words[i], scale);
    keys.words[0] = Math.max(keys.words[0], x.words[i] & MAGNITUDE);
    keys.words[1] = Math.max(keys.words[1], error.words[i] & MAGNITUDE);
  }
};
