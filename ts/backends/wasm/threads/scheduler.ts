/**
 * How threads share the tasks of a job, in memory that all of them see: each claims the next batch of tasks when it is
 * done with its last, so that a thread that starts late, or is slow, keeps nobody waiting for more than a batch. What
 * the job is stands there too, as text: threads wait for it on the memory, which wakes them sooner than a message does.
 */
import type { Task } from '../task.ts';

/** How a job is cut: its tasks, those of a batch, and how many batches of a streamed vector are in memory. */
export interface Batches {
  readonly tasks: number;
  readonly batchSize: number;
  readonly slots: number;
}

/** Places of the numbers, in words; the ticket fills the first two. */
const READY = 2;
const DONE = 3;
const FAILED = 4;
const POSTS = 5;
const LENGTH = 6;
const SLOTS = 7;

/** The text that ends a worker. */
export const END = 'end';

/** The most tiles of a vector that are in memory at a time. */
export const MOST_SLOTS = 64;

/** There is no batch left, or none yet. */
export const NONE = -1;
export const NOT_YET = -2;

/** The longest text of a job, and of the reason why a batch failed, in bytes. */
const MOST_TEXT = 2 ** 16;
const MOST_REASON = 256;

/** How long a thread waits at most before it looks again, in ms: within a job, and for the next. */
const PATIENCE = 1;
const REST = 1000;

export class Scheduler {
  readonly memory: SharedArrayBuffer;
  /** The job's number and the next batch: a thread that comes to a job late finds another number. */
  readonly #ticket: BigInt64Array;
  readonly #numbers: Int32Array;
  readonly #text: Uint8Array;
  readonly #reason: Uint8Array;
  /** Batches that could be claimed when this thread last looked. */
  #published = 0;

  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer((SLOTS + MOST_SLOTS) * 4 + MOST_TEXT + MOST_REASON),
  ) {
    this.memory = memory;
    this.#text = new Uint8Array(memory, (SLOTS + MOST_SLOTS) * 4, MOST_TEXT);
    this.#reason = new Uint8Array(memory, (SLOTS + MOST_SLOTS) * 4 + MOST_TEXT);
    this.#ticket = new BigInt64Array(memory, 0, 1);
    this.#numbers = new Int32Array(memory, 0, SLOTS + MOST_SLOTS);
  }

  /** Starts a job of which the first `ready` batches can be claimed. */
  start(job: number, ready: number): void {
    this.#numbers.fill(0, READY, POSTS);
    this.#numbers.fill(0, SLOTS);
    Atomics.store(this.#numbers, READY, ready);
    Atomics.store(this.#ticket, 0, BigInt(job) << 32n);
  }

  /** Posts a text to all threads; without one they see to their messages. */
  post(text = ''): void {
    const bytes = new TextEncoder().encode(text);
    const fits = bytes.length <= MOST_TEXT; // what does not fit, this thread does alone
    // odd while the text is being written
    Atomics.add(this.#numbers, POSTS, 1);
    if (fits) this.#text.set(bytes);
    Atomics.store(this.#numbers, LENGTH, fits ? bytes.length : 0);
    Atomics.add(this.#numbers, POSTS, 1);
    Atomics.notify(this.#numbers, POSTS);
  }

  /** Waits for another post than `seen`. Not for threads that may not block. */
  awaitPost(seen: number): { readonly post: number; readonly text: string } {
    for (;;) {
      const post = Atomics.load(this.#numbers, POSTS);
      if (post === seen || post % 2 !== 0) {
        Atomics.wait(this.#numbers, POSTS, post, REST);
        continue;
      }
      const text = decoded(this.#text.subarray(0, Atomics.load(this.#numbers, LENGTH)));
      if (Atomics.load(this.#numbers, POSTS) === post) return { post, text };
    }
  }

  /** The next of `count` batches of a job, NOT_YET or NONE. */
  claim(job: number, count: number): number {
    for (;;) {
      const ticket = Atomics.load(this.#ticket, 0);
      const batch = Number(ticket & 0xffffffffn);
      if (ticket >> 32n !== BigInt(job) || batch >= count) return NONE;
      this.#published = Atomics.load(this.#numbers, READY);
      if (batch >= this.#published) return NOT_YET;
      if (Atomics.compareExchange(this.#ticket, 0, ticket, ticket + 1n) === ticket) return batch;
    }
  }

  /** Does the tasks of a batch, and says that they are done, or failed. */
  perform(batch: number, { tasks, batchSize, slots }: Batches, task: Task, thread: number): void {
    try {
      const end = Math.min((batch + 1) * batchSize, tasks);
      for (let index = batch * batchSize; index < end; index++) task(index, thread);
    } catch (error) {
      const reason = new TextEncoder().encode(String(error)).subarray(0, MOST_REASON);
      this.#reason.set(reason);
      Atomics.store(this.#numbers, FAILED, Math.max(reason.length, 1));
    } finally {
      Atomics.store(this.#numbers, SLOTS + (batch % slots), batch + 1);
      Atomics.add(this.#numbers, DONE, 1);
      Atomics.notify(this.#numbers, DONE);
    }
  }

  /** Whether the slot of a batch is free: that the batch before it there is done. */
  slotFree(batch: number, slots: number): boolean {
    return batch < slots || Atomics.load(this.#numbers, SLOTS + (batch % slots)) === batch - slots + 1;
  }

  /** Says that the first `count` batches can be claimed. */
  publish(count: number): void {
    Atomics.store(this.#numbers, READY, count);
    Atomics.notify(this.#numbers, READY);
  }

  /** Batches that are done. */
  get finished(): number {
    return Atomics.load(this.#numbers, DONE);
  }

  /** Why a batch failed; undefined where none did. */
  get failure(): string | undefined {
    const length = Atomics.load(this.#numbers, FAILED);
    return length === 0 ? undefined : decoded(this.#reason.subarray(0, length));
  }

  /** After NOT_YET, waits a moment for more batches. Not for threads that may not block. */
  awaitPublished(): void {
    Atomics.wait(this.#numbers, READY, this.#published, PATIENCE);
  }

  /** Waits a moment for another batch to be done; where the thread may not block, not at all. */
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
