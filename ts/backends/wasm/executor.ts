/**
 * The executor of an engine: it runs the tasks of a job, on the calling thread or on all threads, and sets aside the
 * memory that they need for as long as the job takes.
 */
import type { Exports } from '../../generated/wasm-exports.ts';
import type { Allocator } from './allocator.ts';
import { TILE, tileAddress, tilesOf, type Instance, type Task, type TaskKind, type Tiles } from './task.ts';

/** A buffer of the backend's: where it lies in linear memory, or the user's words where it is only lent. */
export interface Operand {
  readonly address: number | undefined;
  readonly source: Uint32Array | undefined;
  readonly words: number;
  /** Of words of the user's that kernels write: whether they hold anything yet. */
  readonly target?: { filled: boolean } | undefined;
}

/** A job as workers get it: the name of its tasks' kind, and their data. */
export interface Job {
  readonly kind: string;
  readonly data: unknown;
}

/** The threads of a backend. */
export interface Threads {
  /** How many there are, the calling one with them. */
  readonly count: number;
  /** Tiles of a streamed vector that are in memory at a time. */
  readonly slots: number;

  /** Lets all threads work in a memory, which they share; its number. */
  open(memory: WebAssembly.Memory): number;

  /** Ends the use of the memory of this number: no thread keeps it. */
  drop(memory: number): void;

  /**
   * Does all tasks of a job in the memory of this number. `task` does one on this thread; `load`, if there is one,
   * copies the tile of a task to its slot, one after the other.
   */
  run(memory: number, job: Job, tasks: number, task: Task, load?: (tile: number) => void): void;

  close(): void;
}

/** The calling thread alone. */
export const SINGLE_THREAD: Threads = {
  count: 1,
  slots: 1,
  open: () => 0,
  drop: () => undefined,
  run(_memory, _job, tasks, task, load) {
    for (let index = 0; index < tasks; index++) {
      load?.(index);
      task(index, 0);
    }
  },
  close: () => undefined,
};

/** Elements below which waking a thread costs more than it brings. */
export const PARALLEL: number = 2 ** 18;

/** The address of so many words, whole cache lines, for as long as the job takes. */
export type Allocate = (words: number) => number;

export class Executor implements Instance {
  readonly exports: Exports;
  readonly #allocator: Allocator;
  readonly #threads: Threads;
  /** The number of the memory, to the threads. */
  readonly #memory: number;
  #alone: Executor | undefined;

  constructor(exports: Exports, allocator: Allocator, threads: Threads, memory: number) {
    this.exports = exports;
    this.#allocator = allocator;
    this.#threads = threads;
    this.#memory = memory;
  }

  readonly view: Instance['view'] = (address, words) => this.#allocator.view(address, words);

  /** The same on the calling thread alone: for what is no faster when tiles are copied for others (TilePlan.long). */
  get alone(): Executor {
    return (this.#alone ??= new Executor(this.exports, this.#allocator, SINGLE_THREAD, this.#memory));
  }

  /** Threads that share the work on n elements. */
  threadsFor(n: number): number {
    return n < PARALLEL ? 1 : this.#threads.count;
  }

  /** Runs `work` with memory of its own, as much as it asks for; all of it is freed afterwards. */
  withMemory<T>(work: (allocate: Allocate) => T): T {
    const taken: number[] = [];
    try {
      return work((words) => {
        const address = this.#allocator.allocate(words * 4);
        taken.push(address);
        return address;
      });
    } finally {
      for (const address of taken.reverse()) this.#allocator.free(address);
    }
  }

  /** Words for each thread that works on n elements, zero. */
  locals(n: number, words: number, allocate: Allocate): number[] {
    return Array.from({ length: this.threadsFor(n) }, () => {
      const address = allocate(words);
      this.view(address, words).fill(0);
      return address;
    });
  }

  /** The tiles of a vector: where it lies, or a ring for some of them at a time. */
  tiles({ address, source }: Operand, n: number, allocate: Allocate): Tiles {
    const slots = this.threadsFor(n) === 1 ? 1 : this.#threads.slots;
    const lent = address === undefined && source !== undefined;
    return { n, address, ring: lent ? allocate(Math.min(n, slots * TILE)) : 0, slots };
  }

  /** Does the tasks of a kind on n elements, one after the other or in parallel. */
  run<Data>(kind: TaskKind<Data>, data: Data, tasks: number, n: number): void {
    this.#run(kind, data, tasks, n);
  }

  /**
   * Does a task for each tile; the tiles of a vector that is only lent are copied to their ring before, and those of a
   * target that is written back behind: on one thread alone.
   */
  runTiles<Data>(
    kind: TaskKind<Data>,
    data: Data,
    tiles: Tiles,
    { source, target }: Operand,
    written = false,
  ): void {
    const { n, address } = tiles;
    if (address !== undefined || source === undefined) return this.#run(kind, data, tilesOf(n), n);
    const own = (tile: number): Uint32Array => source.subarray(tile * TILE, Math.min((tile + 1) * TILE, n));
    const load = (tile: number): void => {
      const words = own(tile);
      this.view(tileAddress(tiles, tile), words.length).set(words);
    };
    const store = (tile: number): void => {
      const words = own(tile);
      words.set(this.view(tileAddress(tiles, tile), words.length));
    };
    const loads = target?.filled !== false;
    this.#run(kind, data, tilesOf(n), n, loads ? load : undefined, written ? store : undefined);
    if (target !== undefined && written) target.filled = true;
  }

  #run<Data>(
    kind: TaskKind<Data>,
    data: Data,
    tasks: number,
    n: number,
    load?: (tile: number) => void,
    store?: (tile: number) => void,
  ): void {
    const threads = this.threadsFor(n) > 1 ? this.#threads : SINGLE_THREAD;
    const task = kind.bind(this, data);
    const stored: Task = (index, thread) => {
      task(index, thread);
      store!(index);
    };
    threads.run(this.#memory, { kind: kind.name, data }, tasks, store ? stored : task, load);
  }
}
