/** Windows: the parts of buffers that passes bind, for plans. */
import { type Window, WINDOW_UNIT } from './plan.ts';

/** The first `count` words of a buffer, or those from `first` on, a multiple of `WINDOW_UNIT`. */
export function part(of: string, count: number, first = 0): Window {
  return { of, first, count };
}

/** A window, and where in it the words start that it is to show. */
export interface Around {
  readonly window: Window;
  readonly skip: number;
}

/**
 * A window that shows words `first` to `first + count - 1`, wherever they are: it starts at a multiple of
 * `WINDOW_UNIT`, `skip` words before them.
 */
export function around(of: string, first: number, count: number): Around {
  const skip = first % WINDOW_UNIT;
  return { window: { of, first: first - skip, count: count + skip }, skip };
}

/** The words that `around` binds. */
export function wordsAround(first: number, count: number): number {
  return (first % WINDOW_UNIT) + count;
}

/** The segments, `segment` elements each, in which elements `first` to `first + count - 1` lie: first and count. */
export function segmentsOf(first: number, count: number, segment: number): [first: number, count: number] {
  const start = Math.floor(first / segment);
  return [start, Math.floor((first + count - 1) / segment) - start + 1];
}
