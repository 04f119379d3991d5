/** pcg4d of three rounds in plain TypeScript (source and mapping: ts/kernels/random.ts). */
import type { Implementations } from '../../kernels/catalogue.ts';
import type { Memory } from './memory.ts';

/** v * 1664525 + 1013904223, modulo 2^32. */
function spread(v: number): number {
  return (Math.imul(v, 1664525) + 1013904223) | 0;
}

export const randomBits: Implementations<Memory>['randomBits'] = ({ bits }, { n, seed, step, stream }) => {
  for (let counter = 0, base = 0; base < n; counter++) {
    let x = spread(counter);
    let y = spread(seed);
    let z = spread(step);
    let w = spread(stream);
    for (let round = 0; round < 3; round++) {
      x = (x + Math.imul(y, w)) | 0;
      y = (y + Math.imul(z, x)) | 0;
      z = (z + Math.imul(x, y)) | 0;
      w = (w + Math.imul(y, z)) | 0;
      x ^= x >>> 16;
      y ^= y >>> 16;
      z ^= z >>> 16;
      w ^= w >>> 16;
    }
    const at = base + (counter & 3);
    if (at < n) bits.words[at] = x;
    if (at + 4 < n) bits.words[at + 4] = y;
    if (at + 8 < n) bits.words[at + 8] = z;
    if (at + 12 < n) bits.words[at + 12] = w;
    if ((counter & 3) === 3) base += 16;
  }
};
