/** y += scale * x in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { TINY } from '../../kernels/accumulate.ts';
import { MAGNITUDE } from '../../kernels/float-bits.ts';
import type { Memory } from './memory.ts';

const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/** The number that these bits are, +0 where its magnitude is tiny. */
function flushed(bits: number): number {
  word[0] = (bits & MAGNITUDE) < TINY ? 0 : bits;
  return real[0];
}

export const accumulate: Implementations<Memory>['accumulate'] = ({ x, y }, { n, scale }) => {
  for (let i = 0; i < n; i++) {
    real[0] = flushed(x.words[i]) * scale;
    const product = flushed(word[0]);
    y.floats[i] = flushed(y.words[i]) + product;
  }
};
