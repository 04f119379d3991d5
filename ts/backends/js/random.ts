/** Random words in plain TypeScript (source and mapping: ts/kernels/random.ts). */
import type { Implementations } from '../../kernels/catalogue.ts';
import { FLIP_COUNTER, pcg4d } from '../../kernels/random.ts';
import type { Memory } from './memory.ts';

interface Key {
  readonly seed: number;
  readonly step: number;
  readonly stream: number;
}

const hash = new Int32Array(4);

/** Calls `use` with each i < n and its word, an int32; sixteen at a time, not in ascending order. */
export function draws(n: number, { seed, step, stream }: Key, use: (i: number, word: number) => void): void {
  for (let base = 0; base < n; base += 16)
    for (let counter = 0; counter < 4; counter++) {
      pcg4d(base / 4 + counter, seed, step, stream, hash);
      for (let component = 0; component < 4; component++) {
        const i = base + counter + 4 * component;
        if (i < n) use(i, hash[component]);
      }
    }
}

/** Calls `use` with each i < n, ascending, and its flip: 0x80000000, as an int32, or 0. */
export function flips(n: number, { seed, step, stream }: Key, use: (i: number, flip: number) => void): void {
  for (let i = 0; i < n; i++) {
    if (i % 128 === 0) pcg4d(FLIP_COUNTER + i / 128, seed, step, stream, hash);
    use(i, (hash[i & 3] << ((i >> 2) & 31)) & 0x80000000);
  }
}

export const randomBits: Implementations<Memory>['randomBits'] = ({ bits }, { n, ...key }) => {
  draws(n, key, (i, word) => (bits.words[i] = word));
};
