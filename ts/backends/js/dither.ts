/** Dithered signs in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { TINY } from '../../kernels/dither.ts';
import { MAGNITUDE } from '../../kernels/float-bits.ts';
import type { Memory } from './memory.ts';
import { draws } from './random.ts';

export const packDithered: Implementations<Memory>['packDithered'] = (
  { z, lambdas, bits },
  { n, segment, ...key },
) => {
  bits.words.fill(0, 0, Math.ceil(n / 32));
  draws(n, key, (i, word) => {
    const s = Math.floor(i / segment);
    const scale = lambdas.words[s] < TINY ? 0 : lambdas.floats[s] * 2 ** -23;
    const odd = ((word >>> 8) | 1) - 2 ** 23;
    const value = (z.words[i] & MAGNITUDE) < TINY ? 0 : z.floats[i];
    if (value < Math.fround(odd * scale)) bits.words[i >>> 5] |= 1 << (i & 31);
  });
};
