/** Selection by blocks, step by step from the definition. */
import { topK } from './select.ts';

/** How many elements are kept of each block of n elements: k of a whole one, in integers. */
export function keptOfEach(n: number, block: number, k: number): number[] {
  const counts: number[] = [];
  for (let left = n; left > 0; left -= block) {
    const length = BigInt(Math.min(left, block));
    const share = (BigInt(k) * length) / BigInt(block);
    counts.push(share > 1n ? Number(share) : 1);
  }
  return counts;
}

/** The indices of the k largest magnitudes of each block, ascending. */
export function blockTopK(x: Float32Array, block: number, k: number): number[] {
  return keptOfEach(x.length, block, k).flatMap((kept, j) =>
    topK(x.subarray(j * block, (j + 1) * block), kept, Math.abs).map((i) => j * block + i),
  );
}
