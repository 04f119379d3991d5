/**
 * The tables that every kernel is tested over: sizes around each boundary, and kinds of data. Data are made by integer
 * operations alone, so that every runtime has the same bits.
 */

import { settings } from './settings.ts';

const { every = 1, emulator } = settings;
/** In the emulator: more than two tiles of the largest kind, and no multiple of anything. */
const EMULATED = 9_001;

/** Every length across one group of 32 and of 64, and around 128. */
const SMALL: readonly number[] = Array.from({ length: 70 }, (_, i) => i + 1).concat([127, 128, 129]);
/** Around a workgroup, a block of the tree, and a tile. */
const BOUNDARIES: readonly number[] = [255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097];
/** Several tiles, the last of one element. */
export const LARGE: number = emulator === undefined ? 65_537 : EMULATED;
/** Several levels of everything, and no multiple of anything. */
export const LARGEST: number = emulator !== undefined ? EMULATED : every === 1 ? 2 ** 20 + 7 : 2 ** 17 + 7;

/** Kinds of finite data. */
export const FINITE = [
  'normal',
  'heavy',
  'constant',
  'ties',
  'zeros',
  'negativeZero',
  'sparse',
  'ascending',
  'descending',
  'subnormal',
  'finite',
] as const;
/** Kinds whose sums pass float32's range, or that hold NaN and infinity: for kernels that copy words. */
export const WILD = ['huge', 'nonFinite'] as const;

export type InputKind = (typeof FINITE)[number] | (typeof WILD)[number];

/**
 * Pairs of size and kind: each small size with three kinds in turn, boundaries and the large size with all. In the
 * emulator a small size has one kind, and each kind is at every other boundary: all are at each tile's.
 */
export function table(kinds: readonly InputKind[]): { n: number; kind: InputKind }[] {
  const rows: { n: number; kind: InputKind }[] = [];
  const turns = emulator === undefined ? 3 : 1;
  for (const n of SMALL)
    for (let i = 0; i < turns; i++) rows.push({ n, kind: kinds[(n * 3 + i) % kinds.length] });
  BOUNDARIES.forEach((n, b) => {
    const some = emulator === undefined ? kinds : kinds.filter((_, k) => (k + b) % 2 === 0);
    for (const kind of some.length > 0 ? some : kinds) rows.push({ n, kind });
  });
  for (const kind of kinds) rows.push({ n: LARGE, kind });
  return rows.filter((_, i) => i % every === 0);
}

/** A generator of words (xorshift32), started by a seed. */
export function words(seed: number): () => number {
  let state = Math.imul(seed, 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}

/** A number in about -6..6, near to normal: the sum of four uniform ones, scaled to variance 1. */
function nearNormal(next: () => number): number {
  return ((next() >>> 8) + (next() >>> 8) + (next() >>> 8) + (next() >>> 8) - 2 ** 25) / 9_686_330;
}

/** n floats of a kind. */
export function input(kind: InputKind, n: number, seed = 1): Float32Array {
  const next = words(seed * 1_000_003 + n);
  const floats = new Float32Array(n);
  const bits = new Uint32Array(floats.buffer);
  const fill: Record<InputKind, (i: number) => void> = {
    normal: (i) => (floats[i] = nearNormal(next)),
    heavy: (i) => (bits[i] = (next() & 0x807fffff) | ((97 + (next() % 61)) << 23)),
    constant: (i) => (floats[i] = -0.3),
    ties: (i) => (floats[i] = [-2, -0.5, 0.5, 2, 0, 1.5][next() % 6]),
    zeros: (i) => (floats[i] = 0),
    negativeZero: (i) => (floats[i] = next() & 1 ? -0 : 0),
    sparse: (i) => (floats[i] = next() % 100 === 0 ? nearNormal(next) : 0),
    ascending: (i) => (floats[i] = i - n / 2),
    descending: (i) => (floats[i] = n / 2 - i),
    subnormal: (i) =>
      (bits[i] = next() & 1 ? next() & 0x807fffff : (next() & 0x807fffff) | ((1 + (next() % 40)) << 23)),
    finite: (i) => (bits[i] = (next() & 0x807fffff) | ((next() % 220) << 23)),
    huge: (i) => (floats[i] = ((next() >>> 8) / 2 ** 23 - 1) * 3e38),
    nonFinite: (i) =>
      (bits[i] = next() % 7 === 0 ? [0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001][next() % 4] : next()),
  };
  for (let i = 0; i < n; i++) fill[kind](i);
  return floats;
}

/** n random words. */
export function randomWords(n: number, seed = 1): Uint32Array {
  const next = words(seed * 1_000_003 + n);
  return Uint32Array.from({ length: n }, next);
}
