/**
 * Between dense vectors and lists: values_j = x[indices_j], or 0 where indices_j >= n; and y[indices_j] = values_j
 * where indices_j < n, over zeros or over what y holds, words as they are, or as a sum with what y holds.
 *
 * gather(x, indices, values, n, count): x of n words, indices and values of count, count >= 1.
 * scatter(indices, values, y, n, count): indices, which ascend, and values of count words, y of n, n >= 1. Elements of
 *   y that no index names are 0. The result is how many indices are below n.
 * place(...): the same, but they stay.
 * addAt(...): as place, but y[indices_j] + values_j, magnitudes below 2^-102 as +0.
 * countBelow(indices, count, index): how many indices are below this one.
 * Scratch: none. Passes: one over the list; scatter writes y once before.
 * Edges: an index of n or more reads 0 and writes nothing.
 */
import { flushed } from './accumulate';

export function gather(x: usize, indices: usize, values: usize, n: u32, count: u32): void {
  const end = indices + ((<usize>count) << 2);
  for (; indices < end; indices += 4, values += 4) {
    const index = load<u32>(indices);
    store<u32>(values, index < n ? load<u32>(x + ((<usize>index) << 2)) : 0);
  }
}

export function scatter(indices: usize, values: usize, y: usize, n: u32, count: u32): u32 {
  memory.fill(y, 0, (<usize>n) << 2);
  return place(indices, values, y, n, count);
}

export function place(indices: usize, values: usize, y: usize, n: u32, count: u32): u32 {
  const first = indices;
  const end = indices + ((<usize>count) << 2);
  for (; indices < end; indices += 4, values += 4) {
    const index = load<u32>(indices);
    if (index >= n) break;
    store<u32>(y + ((<usize>index) << 2), load<u32>(values));
  }
  return <u32>((indices - first) >> 2);
}

export function addAt(indices: usize, values: usize, y: usize, n: u32, count: u32): u32 {
  const first = indices;
  const end = indices + ((<usize>count) << 2);
  for (; indices < end; indices += 4, values += 4) {
    const index = load<u32>(indices);
    if (index >= n) break;
    const at = y + ((<usize>index) << 2);
    store<f32>(at, flushed(load<u32>(at)) + flushed(load<u32>(values)));
  }
  return <u32>((indices - first) >> 2);
}

export function countBelow(indices: usize, count: u32, index: u32): u32 {
  let low: u32 = 0;
  while (low < count) {
    const middle = low + ((count - low) >> 1);
    if (load<u32>(indices + ((<usize>middle) << 2)) < index) low = middle + 1;
    else count = middle;
  }
  return low;
}
