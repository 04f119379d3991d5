/** The vectors that are measured: kinds of data that gradients are like, or that are hard for a top-k selection. */
import { openDraws } from '../support/draws.ts';

export const DATA = ['normal', 'heavy', 'zeros', 'equal', 'sorted'] as const;
export type DataKind = (typeof DATA)[number];

/** What a kind is, for people. */
export const DATA_NAMES: Readonly<Record<DataKind, string>> = {
  normal: 'normal',
  heavy: "Student's t with 3 degrees of freedom",
  zeros: '99 % zeros',
  equal: 'all equal',
  sorted: 'normal, sorted',
};

/** A vector of a kind, and thresholds of it. */
export interface Input {
  readonly data: DataKind;
  readonly x: Float32Array;
  /** The least threshold, as the bits of a float32 without a sign, that at most this share of the magnitudes reach. */
  readonly keyOf: (share: number) => number;
}

/** n floats of a kind, the same at every call. */
export function vector(data: DataKind, n: number): Float32Array {
  const draw = drawsOf(data, openDraws(20240829));
  const x = new Float32Array(n);
  for (let i = 0; i < n; i++) x[i] = draw();
  return data === 'sorted' ? x.sort() : x;
}

/** The numbers of a kind, one after the other, in no order. */
export function drawsOf(
  data: DataKind,
  { next, uniform, normal }: ReturnType<typeof openDraws>,
): () => number {
  // R. W. Bailey, "Polar generation of random variates with the t-distribution", 1994
  const heavy = (): number => Math.sqrt(3 * (uniform() ** (-2 / 3) - 1)) * Math.cos(2 * Math.PI * uniform());
  const draws: Record<DataKind, () => number> = {
    normal,
    heavy,
    zeros: () => (next() % 100 === 0 ? normal() : 0),
    equal: () => -0.3,
    sorted: normal,
  };
  return draws[data];
}

/** As `Input.keyOf`, from the k = share * n elements of the largest magnitude. */
export function keyAt(x: Float32Array, largest: Float32Array): number {
  const keyed = (floats: Float32Array): Uint32Array =>
    new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const least = keyed(largest).reduce((key, word) => Math.min(key, word & 0x7fffffff), 0x7fffffff);
  let reached = 0;
  for (const word of keyed(x)) if ((word & 0x7fffffff) >= least) reached++;
  // ties of the last one would make it more
  return reached > largest.length ? least + 1 : least;
}
