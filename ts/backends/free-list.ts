/**
 * Memory that is free, by size, for the next call that wants as much. What no call has wanted for a while is dropped, so
 * that the memory of one large call is not kept for good.
 */

/** Calls after which free memory that none of them has used is given back: more than a step of a training loop makes. */
export const PATIENCE = 256;

/** Calls between two looks for what is old. */
const LOOK = 16;

interface Free<T> {
  readonly item: T;
  /** The number of calls when it became free. */
  readonly since: number;
}

export class FreeList<T> {
  readonly #free = new Map<number, Free<T>[]>();
  readonly #drop: (item: T) => void;
  #calls = 0;

  /** `drop` gives an item back to where it came from. */
  constructor(drop: (item: T) => void) {
    this.#drop = drop;
  }

  /** The item of this size that became free last, if there is one. */
  take(size: number): T | undefined {
    return this.#free.get(size)?.pop()?.item;
  }

  /** An item is free. */
  give(size: number, item: T): void {
    const free = { item, since: this.#calls };
    const same = this.#free.get(size);
    if (same) same.push(free);
    else this.#free.set(size, [free]);
  }

  /** Forgets an item that must not be used again. */
  forget(size: number, item: T): void {
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

  #dropBefore(call: number): void {
    for (const [size, same] of this.#free) {
      // the last one given is the first one taken, so the oldest stand in front
      let old = 0;
      while (old < same.length && same[old].since < call) this.#drop(same[old++].item);
      same.splice(0, old);
      if (same.length === 0) this.#free.delete(size);
    }
  }
}
