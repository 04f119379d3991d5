/** Counts of digits by the magnitudes between which the keys of a bin lie. */
import { floatOf, INFINITE } from '../../ts/kernels/float-bits.ts';

/** A digit of a key: bits below it, bins, and what is known of the bits above it. */
export interface Digit {
  /** The first bit above the digit that is known; 32 where none is. */
  readonly known: number;
  readonly prefix: number;
  readonly shift: number;
  readonly bins: number;
}

/** How many finite numbers other than zero lie in each bin of a digit that begins where the known ones end. */
export function keyCounts(x: Float32Array, { known, prefix, shift, bins }: Digit): Uint32Array {
  const start = known === 32 ? 0 : prefix * 2 ** known;
  const bound = (bin: number): number => {
    const key = start + bin * 2 ** shift;
    return key < INFINITE ? floatOf(key) : Infinity;
  };
  return Uint32Array.from({ length: bins }, (_, bin) => {
    const [least, end] = [bound(bin), bound(bin + 1)];
    return x.filter((value) => value !== 0 && Math.abs(value) >= least && Math.abs(value) < end).length;
  });
}
