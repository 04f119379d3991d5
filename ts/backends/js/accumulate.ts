/** y += scale * x in plain TypeScript, and the rule for small magnitudes that all kernels which add have in common. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { TINY } from '../../kernels/accumulate.ts';
import { MAGNITUDE } from '../../kernels/float-bits.ts';
import type { Memory } from './memory.ts';

type Kernels = Implementations<Memory>;

const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/** The number that these bits are, +0 where its magnitude is tiny. */
export function flushed(bits: number): number {
  word[0] = (bits & MAGNITUDE) < TINY ? 0 : bits;
  return real[0];
}

/** The product of the number that these bits are and a scale, rounded; all that is tiny is +0. */
export function product(bits: number, scale: number): number {
  real[0] = flushed(bits) * scale;
  return flushed(word[0]);
}

export const accumulate: Kernels['accumulate'] = ({ x, y }, { n, scale }) => {
  for (let i = 0; i < n; i++) y.floats[i] = flushed(y.words[i]) + product(x.words[i], scale);
};

export const clear: Kernels['clear'] = ({ y }, { n }) => void y.words.fill(0, 0, n);
