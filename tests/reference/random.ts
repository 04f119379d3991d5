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
