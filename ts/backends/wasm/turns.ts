/**
 * How threads share the tasks of a job, in memory that all of them see: each takes the next one when it is done with its
 * last, so that a thread that starts late, or is slow, keeps nobody waiting for more than a task.
 */

/** Places of the numbers, in words; the ticket fills the first two. */
const READY = 2;
const DONE = 3;
const FAILED = 4;
const SLOTS = 5;

/** The most pieces of a vector that wait in memory at a time. */
export const MOST_SLOTS = 64;

/** There is no task left, or none yet. */
export const NONE = -1;
export const NOT_YET = -2;

/** How long a thread waits at most before it looks again, in ms. */
const PATIENCE = 1;

export class Turns {
  readonly memory: SharedArrayBuffer;
  /** The job's number and the next task: a thread that comes to a job late finds another number. */
  readonly #ticket: BigInt64Array;
  readonly #numbers: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer((SLOTS + MOST_SLOTS + 1) * 4)) {
    this.memory = memory;
    this.#ticket = new BigInt64Array(memory, 0, 1);
    this.#numbers = new Int32Array(memory);
  }

  /** Starts a job of which the first `ready` tasks can be taken. */
  start(job: number, ready: number): void {
    this.#numbers.fill(0, READY);
    Atomics.store(this.#numbers, READY, ready);
    Atomics.store(this.#ticket, 0, BigInt(job) << 32n);
  }

  /** The next of `count` tasks of a job, NOT_YET or NONE. */
  take(job: number, count: number): number {
    for (;;) {
      const ticket = Atomics.load(this.#ticket, 0);
      const task = Number(ticket & 0xffffffffn);
      if (ticket >> 32n !== BigInt(job) || task >= count) return NONE;
      if (task >= Atomics.load(this.#numbers, READY)) return NOT_YET;
      if (Atomics.compareExchange(this.#ticket, 0, ticket, ticket + 1n) === ticket) return task;
    }
  }

  /** Says that a task is done, or failed, and its slot free. */
  done(task: number, slots: number, failed: boolean): void {
    if (failed) Atomics.store(this.#numbers, FAILED, 1);
    Atomics.store(this.#numbers, SLOTS + (task % slots), task + 1);
    Atomics.add(this.#numbers, DONE, 1);
    Atomics.notify(this.#numbers, DONE);
  }

  /** Whether the slot of a task is free: that the task before it there is done. */
  free(task: number, slots: number): boolean {
    return task < slots || Atomics.load(this.#numbers, SLOTS + (task % slots)) === task - slots + 1;
  }

  /** Says that the first `count` tasks can be taken. */
  offer(count: number): void {
    Atomics.store(this.#numbers, READY, count);
    Atomics.notify(this.#numbers, READY);
  }

  /** Tasks that are done. */
  get finished(): number {
    return Atomics.load(this.#numbers, DONE);
  }

  get failed(): boolean {
    return Atomics.load(this.#numbers, FAILED) !== 0;
  }

  /** Waits a moment for tasks to be offered. Not for threads that may not block. */
  awaitOffer(task: number): void {
    Atomics.wait(this.#numbers, READY, task, PATIENCE);
  }

  /** Waits a moment for another task to be done; where the thread may not block, not at all. */
  awaitDone(finished: number): void {
    try {
      Atomics.wait(this.#numbers, DONE, finished, PATIENCE);
    } catch {
      // a page's main thread looks again at once
    }
  }
}
