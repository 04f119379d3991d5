/** pcg4d (Jarzynski and Olano 2020) with three rounds, in big integers. */
export function pcg4d(...counters: [number, number, number, number]): number[] {
  const MODULUS = 2n ** 32n;
  const v = counters.map((value) => (BigInt(value) * 1664525n + 1013904223n) % MODULUS);
  const round = (): void => {
    for (const [target, a, b] of [
      [0, 1, 3],
      [1, 2, 0],
      [2, 0, 1],
      [3, 1, 2],
    ])
      v[target] = (v[target] + v[a] * v[b]) % MODULUS;
    for (let i = 0; i < 4; i++) v[i] ^= v[i] >> 16n;
  };
  for (let i = 0; i < 3; i++) round();
  return v.map(Number);
}

export interface Key {
  readonly seed: number;
  readonly step: number;
  readonly stream: number;
}

/** Keys for tests: the least and the greatest numbers, and some between. */
export const KEYS: readonly Key[] = [
  { seed: 0, step: 0, stream: 0 },
  { seed: 9, step: 1, stream: 2 },
  { seed: 0xffffffff, step: 0x80000000, stream: 0xfffffffe },
  { seed: 0, step: 0xffffffff, stream: 0xffffffff },
];

/** Word i of the generator. */
export function wordOf(i: number, { seed, step, stream }: Key): number {
  return pcg4d(Math.floor(i / 16) * 4 + (i % 4), seed, step, stream)[Math.floor(i / 4) % 4];
}

/** Flip i of the generator: 1 for a sign that changes, else 0. */
export function flipOf(i: number, { seed, step, stream }: Key): number {
  const component = pcg4d(2 ** 31 + Math.floor(i / 128), seed, step, stream)[i % 4];
  return (component >>> (31 - (Math.floor(i / 4) % 32))) & 1;
}
