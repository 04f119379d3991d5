/**
 * The pool of a backend's threads: the calling one, and workers that wait for jobs. The calling thread does its share
 * and is done when all tasks are. Loaded only where threads are asked for.
 */
import { SINGLE_THREAD, type Job, type Threads } from '../executor.ts';
import type { Task } from '../task.ts';
import { END, MOST_SLOTS, type Scheduler } from './scheduler.ts';
import type { Message, Post } from './worker.ts';

/** Tiles of a streamed vector that are in memory at a time, for each thread. */
const SLOTS_A_THREAD = 6;

/** Batches that each thread has of a job whose data are in memory. */
const BATCHES_A_THREAD = 16;

/** A worker, whichever runtime it is of. */
export interface WorkerHandle {
  post(message: Message): void;
  end(): void;
}

/** Workers that have started, and what they and the calling thread share. */
export interface Workers {
  readonly handles: readonly WorkerHandle[];
  readonly scheduler: Scheduler;
}

export class Pool implements Threads {
  readonly count: number;
  readonly slots: number;
  /** The workers; undefined until others have started in their place. */
  #workers: Workers | undefined;
  readonly #start: () => Promise<Workers>;
  /** Memories in use, by number. */
  readonly #opened = new Map<number, WeakRef<WebAssembly.Memory>>();
  /** Says which are collected here. */
  readonly #gone: FinalizationRegistry<number>;
  #closed = false;
  #memories = 0;
  #jobs = 0;

  /** `start` starts other workers in place of these. */
  constructor(workers: Workers, start: () => Promise<Workers>) {
    this.count = 1 + workers.handles.length;
    this.slots = Math.min(MOST_SLOTS, SLOTS_A_THREAD * this.count);
    this.#workers = workers;
    this.#start = start;
    this.#gone = new FinalizationRegistry((memory) => {
      this.#opened.delete(memory);
      this.#tell({ drop: memory });
    });
  }

  open(memory: WebAssembly.Memory): number {
    const number = this.#memories++;
    this.#opened.set(number, new WeakRef(memory));
    this.#gone.register(memory, number);
    this.#tell({ open: number, memory });
    return number;
  }

  /**
   * A worker that waits collects no garbage, so it would keep the memory: other workers start in place of these, and
   * until they are there the calling thread works alone.
   */
  drop(memory: number): void {
    this.#opened.delete(memory);
    if (this.#workers === undefined) return;
    end(this.#workers);
    this.#workers = undefined;
    void this.#start().then(
      (workers) => {
        if (this.#closed) return end(workers);
        this.#workers = workers;
        for (const [open, reference] of this.#opened) {
          const alive = reference.deref();
          if (alive !== undefined) this.#tell({ open, memory: alive });
        }
      },
      () => undefined, // one thread does the same work
    );
  }

  run(memory: number, job: Job, tasks: number, task: Task, load?: (tile: number) => void): void {
    const scheduler = this.#workers?.scheduler;
    if (scheduler === undefined || tasks < 2) return SINGLE_THREAD.run(memory, job, tasks, task, load);
    const number = ++this.#jobs;
    const { slots } = this;
    const batchSize = load === undefined ? Math.ceil(tasks / (BATCHES_A_THREAD * this.count)) : 1;
    const post: Post = { job, number, tasks, batchSize, slots, memory };
    const last = Math.ceil(tasks / batchSize);
    let loaded = load === undefined ? last : 0;
    scheduler.start(number, loaded);
    scheduler.post(JSON.stringify(post));
    for (let finished = 0; finished < last; finished = scheduler.finished) {
      if (load !== undefined && loaded < last && scheduler.slotFree(loaded, slots)) {
        load(loaded);
        scheduler.publish(++loaded);
        continue;
      }
      const batch = scheduler.claim(number, last);
      if (batch >= 0) scheduler.perform(batch, post, task, 0);
      else scheduler.awaitDone(finished);
    }
    if (scheduler.failure !== undefined)
      throw new Error(`a thread of the wasm backend: ${scheduler.failure}`);
  }

  close(): void {
    this.#closed = true;
    if (this.#workers !== undefined) end(this.#workers);
    this.#workers = undefined;
    this.#opened.clear();
  }

  #tell(message: Message): void {
    for (const handle of this.#workers?.handles ?? []) handle.post(message);
    this.#workers?.scheduler.post();
  }
}

function end({ handles, scheduler }: Workers): void {
  // Deno waits for a thread that it ends until that is out of its loop
  scheduler.post(END);
  for (const handle of handles) handle.end();
}
