/** Times of calls: samples, their median and quartiles. */

/** The median of samples, and the quartiles around it. */
export interface Spread {
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
  readonly samples: number;
}

/** @param samples one or more, in any order */
export function spreadOf(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
  };
  return { lower: at(0.25), median: at(0.5), upper: at(0.75), samples: sorted.length };
}

/**
 * Calls `work` until `milliseconds` have gone by, or `most` times, and once at least: how long each call took, in ms.
 */
export async function timesOf(
  work: () => Promise<unknown>,
  milliseconds: number,
  most: number,
): Promise<number[]> {
  const times: number[] = [];
  let spent = 0;
  while (times.length === 0 || (times.length < most && spent < milliseconds)) {
    const start = performance.now();
    await work();
    const time = performance.now() - start;
    times.push(time);
    spent += time;
  }
  return times;
}
