/**
 * Threads that are a team: the calling one, and workers that wait for jobs. The calling thread does its share and is done
 * when all tasks are. Loaded only where threads are asked for.
 */
import type { Job, Task } from './jobs.ts';
import type { Call, Message } from './thread.ts';
import { ALONE, type Threads } from './threads.ts';
import type { Turns } from './turns.ts';
import { END, MOST_SLOTS } from './turns.ts';

/** Pieces that are in memory at a time, for each thread. */
const SLOTS_A_THREAD = 6;

/** Turns that each thread has at a job whose data are in memory: a turn is as many tasks as that gives. */
const TURNS_A_THREAD = 16;

/** What a worker can do, whichever runtime it is of. */
export interface Helper {
  post(message: Message): void;
  end(): void;
}

/** Workers that have started, and what they and the calling thread share. */
export interface Workers {
  readonly helpers: readonly Helper[];
  readonly turns: Turns;
}

export class Team implements Threads {
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
    this.count = 1 + workers.helpers.length;
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
   * A worker that waits collects no garbage, so it would keep the memory: other workers start in place of these, and until
   * they are there the calling thread works alone.
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

  run(memory: number, job: Job, tasks: number, own: Task, feed?: (task: number) => void): void {
    const turns = this.#workers?.turns;
    if (turns === undefined || tasks < 2) return ALONE.run(memory, job, tasks, own, feed);
    const number = ++this.#jobs;
    const { slots } = this;
    const batch = feed === undefined ? Math.ceil(tasks / (TURNS_A_THREAD * this.count)) : 1;
    const call: Call = { run: job, job: number, tasks, batch, slots, memory };
    const last = Math.ceil(tasks / batch);
    let fed = feed === undefined ? last : 0;
    turns.start(number, fed);
    turns.call(JSON.stringify(call));
    for (let finished = 0; finished < last; finished = turns.finished) {
      if (feed !== undefined && fed < last && turns.free(fed, slots)) {
        feed(fed);
        turns.offer(++fed);
        continue;
      }
      const turn = turns.take(number, last);
      if (turn >= 0) turns.serve(turn, call, own, 0);
      else turns.awaitDone(finished);
    }
    if (turns.failure !== undefined) throw new Error(`a thread of the wasm backend: ${turns.failure}`);
  }

  close(): void {
    this.#closed = true;
    if (this.#workers !== undefined) end(this.#workers);
    this.#workers = undefined;
    this.#opened.clear();
  }

  #tell(message: Message): void {
    for (const helper of this.#workers?.helpers ?? []) helper.post(message);
    this.#workers?.turns.call();
  }
}

function end({ helpers, turns }: Workers): void {
  // Deno waits for a thread that it ends until that is out of its loop
  turns.call(END);
  for (const helper of helpers) helper.end();
}
