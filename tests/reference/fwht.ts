/** The Walsh-Hadamard transform in float64, from its definition: y_j = sum_i (-1)^popcount(i & j) x_i. */
export function walshHadamard(x: ArrayLike<number>): Float64Array {
  const n = x.length;
  const y = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) y[j] += parity(i & j) ? -x[i] : x[i];
  }
  return y;
}

function parity(bits: number): boolean {
  let odd = false;
  for (; bits !== 0; bits &= bits - 1) odd = !odd;
  return odd;
}
