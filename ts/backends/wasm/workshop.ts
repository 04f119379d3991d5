/**
 * A memory, an instance of the module over it, and the threads that work there: what a job needs, set aside for as long as
 * it takes.
 */
import type { Heap } from './heap.ts';
import { taskOf, type Job, type Pieces } from './jobs.ts';
import type { Exports } from './kernels.ts';
import type { Threads } from './threads.ts';
import { PIECE, type View } from './works.ts';

/** A buffer of the backend's: where it lies in linear memory, or the user's words where it is only lent. */
export interface Place {
  readonly address: number | undefined;
  readonly source: Uint32Array | undefined;
}

/** Elements below which waking a thread costs more than it brings. */
export const SHARED: number = 2 ** 18;

/** The address of so many words, whole cache lines, for as long as the job takes. */
export type Take = (words: number) => number;

export class Workshop {
  readonly wasm: Exports;
  readonly heap: Heap;
  readonly #threads: Threads;
  /** The number of the memory, to the threads. */
  readonly #memory: number;

  constructor(wasm: Exports, heap: Heap, threads: Threads, memory: number) {
    this.wasm = wasm;
    this.heap = heap;
    this.#threads = threads;
    this.#memory = memory;
  }

  readonly view: View = (address, words) => this.heap.view(address, words);

  /** Threads that share the work on n elements. */
  threadsFor(n: number): number {
    return n < SHARED ? 1 : this.#threads.count;
  }

  /** Runs `work` with memory of its own; all of it is given back afterwards. */
  scratch<T>(work: (take: Take) => T): T {
    const taken: number[] = [];
    try {
      return work((words) => {
        const address = this.heap.take(words * 4);
        taken.push(address);
        return address;
      });
    } finally {
      for (const address of taken.reverse()) this.heap.give(address);
    }
  }

  /** Words for each thread that works on n elements, zero. */
  owns(n: number, words: number, take: Take): number[] {
    return Array.from({ length: this.threadsFor(n) }, () => {
      const address = take(words);
      this.view(address, words).fill(0);
      return address;
    });
  }

  /** The pieces of a vector: where it lies, or room for some of them at a time. */
  pieces({ address, source }: Place, n: number, take: Take): Pieces {
    const slots = this.threadsFor(n) === 1 ? 1 : this.#threads.slots;
    const room = address === undefined && source !== undefined ? take(Math.min(n, slots * PIECE)) : 0;
    return { n, at: address, room, slots };
  }

  /** Does a job of so many tasks, on n elements; what is lent of them is brought piece by piece. */
  run(job: Job, tasks: number, n: number, lent?: Place): void {
    const own = taskOf(job, this.wasm, this.view);
    const { room = 0, slots = 1, at } = 'pieces' in job ? job.pieces : {};
    const source = at === undefined ? lent?.source : undefined;
    const feed = (piece: number): void => {
      const first = piece * PIECE;
      const words = source!.subarray(first, Math.min(first + PIECE, n));
      this.view(room + (piece % slots) * PIECE * 4, words.length).set(words);
    };
    const fed = source === undefined ? undefined : feed;
    if (this.threadsFor(n) > 1) this.#threads.run(this.#memory, job, tasks, own, fed);
    else
      for (let task = 0; task < tasks; task++) {
        fed?.(task);
        own(task, 0);
      }
  }
}
