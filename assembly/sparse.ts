/**
 * Between dense vectors and lists: values_j = x[indices_j], or 0 where indices_j >= n; and y[indices_j] = values_j
 * where indices_j < n, over zeros or over what y holds. Words as they are.
 *
 * gather(x, indices, values, n, count): x of n words, indices and values of count, count >= 1.
 * scatter(indices, values, y, n, count): indices and values of count words, y of n, n >= 1; indices are distinct.
 *   Elements of y that no index names are 0.
 * place(...): the same, but they stay.
 * Scratch: none. Passes: one over the list; scatter writes y once before.
 * Edges: an index of n or more reads 0 and writes nothing.
 */
export function gather(x: usize, indices: usize, values: usize, n: u32, count: u32): void {
  const end = indices + ((<usize>count) << 2);
  for (; indices < end; indices += 4, values += 4) {
    const index = load<u32>(indices);
    store<u32>(values, index < n ? load<u32>(x + ((<usize>index) << 2)) : 0);
  }
}

export function scatter(indices: usize, values: usize, y: usize, n: u32, count: u32): void {
  memory.fill(y, 0, (<usize>n) << 2);
  place(indices, values, y, n, count);
}

export function place(indices: usize, values: usize, y: usize, n: u32, count: u32): void {
  const end = indices + ((<usize>count) << 2);
  for (; indices < end; indices += 4, values += 4) {
    const index = load<u32>(indices);
    if (index < n) store<u32>(y + ((<usize>index) << 2), load<u32>(values));
  }
}
