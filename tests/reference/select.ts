/** Selection by sorting all elements. */

/** The k largest by `measure`, ties to the lowest index, as ascending indices. NaN is not expected. */
export function topK(x: ArrayLike<number>, k: number, measure: (value: number) => number): number[] {
  return Array.from(x, (value, index) => ({ index, size: measure(value) }))
    .sort((a, b) => b.size - a.size || a.index - b.index)
    .slice(0, k)
    .map(({ index }) => index)
    .sort((a, b) => a - b);
}
