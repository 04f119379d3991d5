/**
 * Free memory of a backend by its exact size, for the next call that takes as much. What has been unused for 256 calls
 * is dropped, so that the memory of one large call is not kept for good.
 */

/**
 * Calls after which free memory that none of them has used is given back: more than a step of a training loop makes.
 */
export const PATIENCE = 256;

/** Calls between two looks for what is old. */
const LOOK = 16;

interface Free<T> {
  readonly item: T;
  /** The number of calls when it became free. */
  readonly since: number;
}

/**
 * Calls that take the same sizes in the same order take the same items, however those were given back in between: what
 * was made of items, bind groups for example, can be kept for the next step of a training loop.
 */
export class FreeList<T> {
  readonly #free = new Map<number, Free<T>[]>();
  readonly #drop: (item: T) => void;
  /** A number for each item that was ever free: of several that are, the lowest is taken. */
  readonly #numbers = new Map<T, number>();
  #numbered = 0;
  #calls = 0;

  /** `drop` gives an item back to where it came from. */
  constructor(drop: (item: T) => void) {
    this.#drop = drop;
  }

  /** The first free item of this size, if there is one, and none of `except`. */
  take(size: number, except?: ReadonlySet<T>): T | undefined {
    const same = this.#free.get(size);
    const place = same?.findIndex(({ item }) => !except?.has(item)) ?? -1;
    return place < 0 ? undefined : same!.splice(place, 1)[0].item;
  }

  /** An item is free. */
  give(size: number, item: T): void {
    const number = this.#numberOf(item);
    const free = { item, since: this.#calls };
    const same = this.#free.get(size);
    if (!same) this.#free.set(size, [free]);
    else {
      const place = same.findLastIndex((other) => this.#numberOf(other.item) < number);
      same.splice(place + 1, 0, free);
    }
  }

  /** Forgets an item that must not be used again. */
  forget(size: number, item: T): void {
    this.#numbers.delete(item);
    const same = this.#free.get(size);
    const place = same?.findIndex((free) => free.item === item) ?? -1;
    if (place >= 0) same!.splice(place, 1);
  }

  /** Counts a call, and drops what the last ones did not use. */
  called(): void {
    if (++this.#calls % LOOK === 0) this.#dropBefore(this.#calls - PATIENCE);
  }

  /** Drops everything. */
  clear(): void {
    this.#dropBefore(Infinity);
  }

  #numberOf(item: T): number {
    let number = this.#numbers.get(item);
    if (number === undefined) this.#numbers.set(item, (number = this.#numbered++));
    return number;
  }

  #dropBefore(call: number): void {
    for (const [size, same] of this.#free) {
      const kept = same.filter(({ since }) => since >= call);
      for (const { item, since } of same)
        if (since < call) {
          this.#numbers.delete(item);
          this.#drop(item);
        }
      if (kept.length === 0) this.#free.delete(size);
      else if (kept.length < same.length) this.#free.set(size, kept);
    }
  }
}
