/** Steps of several at once: what all of them read next is read together, on a GPU with one submit and one readback. */
import type { ReadRequest } from '../backends/backend.ts';
import type { Steps } from '../kernels/scope.ts';

/**
 * Runs steps side by side, in rounds: in each all go on, in their order, with the words that they asked for, and what
 * they ask for then is one read. `settled` is told of each result at once, before any other of the steps goes on: what
 * lies in memory of the backend may not outlast that.
 */
export function* sideBySide<T>(
  all: readonly Steps<T>[],
  settled: (result: T, i: number) => void,
): Steps<void> {
  /** What goes on next, and how many of the words are its own. */
  let waiting: { readonly i: number; readonly count: number }[] = all.map((_, i) => ({ i, count: 0 }));
  let words: Uint32Array[] = [];
  while (waiting.length > 0) {
    const requests: ReadRequest[] = [];
    const left: typeof waiting = [];
    let at = 0;
    for (const { i, count } of waiting) {
      const next = all[i].next(words.slice(at, at + count));
      at += count;
      if (next.done === true) settled(next.value, i);
      else {
        requests.push(...next.value);
        left.push({ i, count: next.value.length });
      }
    }
    waiting = left;
    if (waiting.length > 0) words = yield requests;
  }
}
