/**
 * The threads of a backend: the calling one, and workers that wait for jobs. The calling thread does its share and is done
 * when all tasks are, so that to everyone else a job is an ordinary call.
 */
import type { Job, Task } from './jobs.ts';
import type { Call, Message } from './thread.ts';
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
export interface Team {
  readonly helpers: readonly Helper[];
  readonly turns: Turns;
}

export class Threads {
  /** How many there are, the calling one with them. */
  readonly count: number;
  /** Pieces of a vector that are in memory at a time. */
  readonly slots: number;
  /** The workers; undefined where there are none, or none yet. */
  #team: Team | undefined;
  readonly #start: (() => Promise<Team>) | undefined;
  /** Memories in use, by number. */
  readonly #opened = new Map<number, WeakRef<WebAssembly.Memory>>();
  /** Says which are collected here. */
  readonly #gone: FinalizationRegistry<number> | undefined;
  #closed = false;
  #memories = 0;
  #jobs = 0;

  /** `start` starts other workers in place of these. */
  constructor(team?: Team, start?: () => Promise<Team>) {
    const helpers = team?.helpers.length ?? 0;
    this.count = 1 + helpers;
    this.slots = helpers === 0 ? 1 : Math.min(MOST_SLOTS, SLOTS_A_THREAD * this.count);
    this.#team = team;
    this.#start = start;
    if (team !== undefined)
      this.#gone = new FinalizationRegistry((memory) => {
        this.#opened.delete(memory);
        this.#tell({ drop: memory });
      });
  }

  /** Lets workers work in a memory, which all of them share; its number. */
  open(memory: WebAssembly.Memory): number {
    const number = this.#memories++;
    if (this.#gone === undefined) return number;
    this.#opened.set(number, new WeakRef(memory));
    this.#gone.register(memory, number);
    this.#tell({ open: number, memory });
    return number;
  }

  /**
   * Ends the use of a memory of this number. A worker that waits collects no garbage, so it would keep the memory: other
   * workers start in place of these, and until they are there the calling thread works alone.
   */
  drop(memory: number): void {
    this.#opened.delete(memory);
    if (this.#team === undefined) return;
    end(this.#team);
    this.#team = undefined;
    void this.#start?.().then(
      (team) => {
        if (this.#closed) return end(team);
        this.#team = team;
        for (const [open, reference] of this.#opened) {
          const alive = reference.deref();
          if (alive !== undefined) this.#tell({ open, memory: alive });
        }
      },
      () => undefined, // one thread does the same work
    );
  }

  /**
   * Does all tasks of a job in the memory of this number. `own` does one on this thread; `feed`, if there is one, brings
   * what a task needs to its slot, one task after the other.
   */
  run(memory: number, job: Job, tasks: number, own: Task, feed?: (task: number) => void): void {
    const turns = this.#team?.turns;
    if (turns === undefined || tasks < 2) {
      for (let task = 0; task < tasks; task++) {
        feed?.(task);
        own(task, 0);
      }
      return;
    }
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
    if (this.#team !== undefined) end(this.#team);
    this.#team = undefined;
    this.#opened.clear();
  }

  #tell(message: Message): void {
    for (const helper of this.#team?.helpers ?? []) helper.post(message);
    this.#team?.turns.call();
  }
}

function end({ helpers, turns }: Team): void {
  // Deno waits for a thread that it ends until that is out of its loop
  turns.call(END);
  for (const helper of helpers) helper.end();
}
