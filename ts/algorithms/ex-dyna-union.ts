/** ExDyna's union: the elements of all workers' lists, which have none in common: each is of its own partition. */
import type { OwnList } from './ex-dyna-messages.ts';
import type { Elements } from './steps.ts';

/** The elements of all lists, one after the other. */
export function unionOf(lists: readonly OwnList[]): Uint32Array {
  const union = new Uint32Array(lists.reduce((sum, { indices }) => sum + indices.length, 0));
  let at = 0;
  for (const { start, indices } of lists) for (const index of indices) union[at++] = start + index;
  return union;
}

/** The union and its values in the order of indices: that of the partitions, which rotate over the ranks. */
export function ascending(lists: readonly OwnList[], union: Uint32Array, values: Float32Array): Elements {
  let end = 0;
  const runs = lists.map(({ start, indices: { length } }) => ({ start, first: end, end: (end += length) }));
  runs.sort((a, b) => a.start - b.start);
  const sorted = { indices: new Uint32Array(union.length), values: new Float32Array(union.length) };
  let at = 0;
  for (const { first, end } of runs) {
    sorted.indices.set(union.subarray(first, end), at);
    sorted.values.set(values.subarray(first, end), at);
    at += end - first;
  }
  return sorted;
}
