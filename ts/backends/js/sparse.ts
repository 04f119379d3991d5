/** Gather, scatter and sums with lists in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { flushed } from './accumulate.ts';
import type { Memory } from './memory.ts';

type Kernels = Implementations<Memory>;

export const gather: Kernels['gather'] = ({ x, indices, values }, { n, count }) => {
  for (let j = 0; j < count; j++) {
    const i = indices.words[j];
    values.words[j] = i < n ? x.words[i] : 0;
  }
};

export const scatter: Kernels['scatter'] = (buffers, params) => {
  buffers.y.words.fill(0, 0, params.n);
  place(buffers, params);
};

export const place: Kernels['place'] = ({ indices, values, y }, { n, count }) => {
  for (let j = 0; j < count; j++) {
    const i = indices.words[j];
    if (i < n) y.words[i] = values.words[j];
  }
};

export const addAt: Kernels['addAt'] = ({ indices, values, y }, { n, count }) => {
  for (let j = 0; j < count; j++) {
    const i = indices.words[j];
    if (i < n) y.floats[i] = flushed(y.words[i]) + flushed(values.words[j]);
  }
};
