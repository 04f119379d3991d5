/**
 * How threads share the tasks of a job, in memory that all of them see: each takes the next one when it is done with its
 * last, so that a thread that starts late, or is slow, keeps nobody waiting for more than a task. What the job is stands
 * there too, as text: threads wait for it on the memory, which wakes them sooner than a message does.
 */

import type { Task } from './jobs.ts';

/** How a job is shared: its tasks, those of a turn, and how many turns of a vector that is brought are in memory. */
export interface Shares {
  readonly tasks: number;
  readonly batch: number;
  readonly slots: number;
}

/** Places of the numbers, in words; the ticket fills the first two. */
const READY = 2;
const DONE = 3;
const FAILED = 4;
const CALLS = 5;
const LENGTH = 6;
const SLOTS = 7;

/** The text that ends a thread. */
export const END = 'end';

/** The most pieces of a vector that wait in memory at a time. */
export const MOST_SLOTS = 64;

/** There is no turn left, or none yet. */
export const NONE = -1;
export const NOT_YET = -2;

/** The longest text of a job, and of the reason why a turn failed, in bytes. */
const MOST_TEXT = 2 ** 16;
const MOST_REASON = 256;

/** How long a thread waits at most before it looks again, in ms: within a job, and for the next. */
const PATIENCE = 1;
const REST = 1000;

export class Turns {
  readonly memory: SharedArrayBuffer;
  /** The job's number and the next turn: a thread that comes to a job late finds another number. */
  readonly #ticket: BigInt64Array;
  readonly #numbers: Int32Array;
  readonly #text: Uint8Array;
  readonly #reason: Uint8Array;
  /** Turns that could be taken when this thread last looked. */
  #offered = 0;

  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer((SLOTS + MOST_SLOTS) * 4 + MOST_TEXT + MOST_REASON),
  ) {
    this.memory = memory;
    this.#text = new Uint8Array(memory, (SLOTS + MOST_SLOTS) * 4, MOST_TEXT);
    this.#reason = new Uint8Array(memory, (SLOTS + MOST_SLOTS) * 4 + MOST_TEXT);
    this.#ticket = new BigInt64Array(memory, 0, 1);
    this.#numbers = new Int32Array(memory, 0, SLOTS + MOST_SLOTS);
  }

  /** Starts a job of which the first `ready` turns can be taken. */
  start(job: number, ready: number): void {
    this.#numbers.fill(0, READY, CALLS);
    this.#numbers.fill(0, SLOTS);
    Atomics.store(this.#numbers, READY, ready);
    Atomics.store(this.#ticket, 0, BigInt(job) << 32n);
  }

  /** Calls all threads, with a text for them; without one they see to their messages. */
  call(text = ''): void {
    const bytes = new TextEncoder().encode(text);
    const fits = bytes.length <= MOST_TEXT; // what does not fit, this thread does alone
    // odd while the text is being written
    Atomics.add(this.#numbers, CALLS, 1);
    if (fits) this.#text.set(bytes);
    Atomics.store(this.#numbers, LENGTH, fits ? bytes.length : 0);
    Atomics.add(this.#numbers, CALLS, 1);
    Atomics.notify(this.#numbers, CALLS);
  }

  /** Waits for another call than `seen`. Not for threads that may not block. */
  awaitCall(seen: number): { readonly call: number; readonly text: string } {
    for (;;) {
      const call = Atomics.load(this.#numbers, CALLS);
      if (call === seen || call % 2 !== 0) {
        Atomics.wait(this.#numbers, CALLS, call, REST);
        continue;
      }
      const text = decoded(this.#text.subarray(0, Atomics.load(this.#numbers, LENGTH)));
      if (Atomics.load(this.#numbers, CALLS) === call) return { call, text };
    }
  }

  /** The next of `count` turns of a job, NOT_YET or NONE. */
  take(job: number, count: number): number {
    for (;;) {
      const ticket = Atomics.load(this.#ticket, 0);
      const turn = Number(ticket & 0xffffffffn);
      if (ticket >> 32n !== BigInt(job) || turn >= count) return NONE;
      this.#offered = Atomics.load(this.#numbers, READY);
      if (turn >= this.#offered) return NOT_YET;
      if (Atomics.compareExchange(this.#ticket, 0, ticket, ticket + 1n) === ticket) return turn;
    }
  }

  /** Does the tasks of a turn, and says that they are done, or failed. */
  serve(turn: number, { tasks, batch, slots }: Shares, own: Task, thread: number): void {
    try {
      const end = Math.min((turn + 1) * batch, tasks);
      for (let task = turn * batch; task < end; task++) own(task, thread);
    } catch (error) {
      const reason = new TextEncoder().encode(String(error)).subarray(0, MOST_REASON);
      this.#reason.set(reason);
      Atomics.store(this.#numbers, FAILED, Math.max(reason.length, 1));
    } finally {
      Atomics.store(this.#numbers, SLOTS + (turn % slots), turn + 1);
      Atomics.add(this.#numbers, DONE, 1);
      Atomics.notify(this.#numbers, DONE);
    }
  }

  /** Whether the slot of a turn is free: that the turn before it there is done. */
  free(turn: number, slots: number): boolean {
    return turn < slots || Atomics.load(this.#numbers, SLOTS + (turn % slots)) === turn - slots + 1;
  }

  /** Says that the first `count` turns can be taken. */
  offer(count: number): void {
    Atomics.store(this.#numbers, READY, count);
    Atomics.notify(this.#numbers, READY);
  }

  /** Turns that are done. */
  get finished(): number {
    return Atomics.load(this.#numbers, DONE);
  }

  /** Why a turn failed; undefined where none did. */
  get failure(): string | undefined {
    const length = Atomics.load(this.#numbers, FAILED);
    return length === 0 ? undefined : decoded(this.#reason.subarray(0, length));
  }

  /** After NOT_YET, waits a moment for more turns. Not for threads that may not block. */
  awaitOffer(): void {
    Atomics.wait(this.#numbers, READY, this.#offered, PATIENCE);
  }

  /** Waits a moment for another turn to be done; where the thread may not block, not at all. */
  awaitDone(finished: number): void {
    try {
      Atomics.wait(this.#numbers, DONE, finished, PATIENCE);
    } catch {
      // a page's main thread looks again at once
    }
  }
}

/** A text in shared memory: a decoder wants memory that nobody shares. */
function decoded(bytes: Uint8Array): string {
  const own = new Uint8Array(new ArrayBuffer(bytes.length));
  own.set(bytes);
  return new TextDecoder().decode(own);
}
