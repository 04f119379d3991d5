/** The tree of docs/same-bytes.md, "Sums", over one segment of terms. */
export function sumOfTree(terms: readonly number[]): number {
  let level = terms;
  do {
    const sums: number[] = [];
    for (let first = 0; first < level.length; first += 1024) {
      const lanes = new Float32Array(32);
      level.slice(first, first + 1024).forEach((term, i) => (lanes[i % 32] += term));
      for (let half = 16; half >= 1; half /= 2)
        for (let lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
      sums.push(lanes[0]);
    }
    level = sums;
  } while (level.length > 1);
  return level[0];
}
