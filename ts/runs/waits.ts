/** Waits that last: says when it is time to tell what is waited for, once each so many milliseconds. */

/** Milliseconds after which a round closes with a quorum, and a wait is told of, if nothing else is asked for. */
export const DEADLINE = 30_000;

/** One wait after the other. */
export class Waits {
  readonly #every: number;
  #since: number | undefined;
  #told = 0;

  /** `every`: milliseconds. */
  constructor(every: number) {
    this.#every = every;
  }

  /** A wait begins that began at `since`; one of the same beginning goes on. */
  at(since: number): void {
    if (since === this.#since) return;
    this.#since = since;
    this.#told = 0;
  }

  /** The wait is over. */
  end(): void {
    this.#since = undefined;
  }

  /**
   * Milliseconds of this wait, where it has lasted for another whole period since this was last asked; else undefined.
   */
  due(now: number): number | undefined {
    if (this.#since === undefined) return undefined;
    const periods = Math.floor((now - this.#since) / this.#every);
    if (periods <= this.#told) return undefined;
    this.#told = periods;
    return now - this.#since;
  }
}

/** Milliseconds in words, for people. */
export function secondsOf(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`;
}
