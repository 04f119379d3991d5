/** The kernel keyCounts, which no compressor runs, over a vector that the wasm backend goes through in tiles. */
import type { Backend } from '../../ts/backends/backend.ts';
import { keyCountsKernel } from '../../ts/kernels/histogram.ts';
import { nonFiniteKernel } from '../../ts/kernels/reduce.ts';
import { Scope } from '../../ts/kernels/scope.ts';

const DIGITS = [
  { known: 32, prefix: 0, shift: 23, bins: 256 },
  { known: 23, prefix: 127, shift: 17, bins: 64 },
] as const;

/**
 * The counts of two digits, and what is not finite, in one pass and then the first digit alone; of a vector that is
 * lent, or lies in the backend's memory.
 */
export async function keyCountsOf(
  backend: Backend,
  x: Float32Array,
  where: 'lent' | 'copied',
): Promise<Uint32Array[]> {
  const scope = new Scope(backend);
  const n = x.length;
  const buffer = where === 'lent' ? scope.vector(x).buffer : scope.put(x);
  try {
    const all = DIGITS.map((digit) => {
      const counts = scope.put(new Uint32Array(digit.bins).fill(7));
      scope.run(keyCountsKernel, { x: buffer, counts }, { n, ...digit });
      return counts;
    });
    const found = scope.take(2);
    scope.run(nonFiniteKernel, { x: buffer, found }, { n });
    const together = await backend.read(scope.read(...all, found));
    const counts = scope.put(new Uint32Array(DIGITS[0].bins).fill(7));
    scope.run(keyCountsKernel, { x: buffer, counts }, { n, ...DIGITS[0] });
    return [...together, ...(await backend.read(scope.read(counts)))];
  } finally {
    scope.end();
  }
}
