/** The Walsh-Hadamard transform in TypeScript: fwht alone, flatten with random signs before, and unflatten after. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { LARGEST, MAGNITUDE } from '../../kernels/float-bits.ts';
import { TINY } from '../../kernels/fwht.ts';
import type { Memory } from './memory.ts';
import { flips } from './random.ts';

type Kernels = Implementations<Memory>;

function butterflies(v: Float32Array, total: number, block: number): void {
  for (let h = 1; h < block; h *= 2)
    for (let start = 0; start < total; start += 2 * h)
      for (let i = start; i < start + h; i++) {
        const a = v[i];
        const b = v[i + h];
        v[i] = a + b;
        v[i + h] = a - b;
      }
}

export const fwht: Kernels['fwht'] = ({ x, y }, { n, total, block }) => {
  for (let i = 0; i < total; i++) y.words[i] = i < n && (x.words[i] & MAGNITUDE) >= TINY ? x.words[i] : 0;
  butterflies(y.floats, total, block);
};

export const flatten: Kernels['flatten'] = ({ x, y }, { n, total, block, tiny, scale, ...key }) => {
  flips(n, key, (i, flip) => {
    const kept = (x.words[i] & MAGNITUDE) >= tiny;
    y.floats[i] = kept ? x.floats[i] * scale : 0;
    if (kept) y.words[i] ^= flip;
  });
  y.words.fill(0, n, total);
  butterflies(y.floats, total, block);
};

export const unflatten: Kernels['unflatten'] = ({ t, scales, y }, { n, segment, ...key }) => {
  flips(n, key, (i, flip) => {
    const magnitude = Math.abs(t.floats[i]) * scales.floats[Math.floor(i / segment)];
    y.floats[i] = Math.min(magnitude, LARGEST);
    if (magnitude > 0) y.words[i] |= (t.words[i] ^ flip) & 0x80000000;
  });
};
