/**
 * The kinds of vectors that backends are compared over, made by integer operations alone, so that every runtime has the
 * same bits.
 */

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

/** Kinds whose sums pass float32's range, or that hold NaN and infinity. */
export const WILD = ['huge', 'nonFinite'] as const;

export type InputKind = (typeof FINITE)[number] | (typeof WILD)[number];

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
  const one = fill[kind];
  for (let i = 0; i < n; i++) one(i);
  return floats;
}
