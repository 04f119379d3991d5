/** The threads of a backend, to those who have work for them: to everyone else a job is an ordinary call. */
import type { Job, Task } from './jobs.ts';

export interface Threads {
  /** How many there are, the calling one with them. */
  readonly count: number;
  /** Pieces of a vector that are in memory at a time. */
  readonly slots: number;

  /** Lets all threads work in a memory, which they share; its number. */
  open(memory: WebAssembly.Memory): number;

  /** Ends the use of the memory of this number: no thread keeps it. */
  drop(memory: number): void;

  /**
   * Does all tasks of a job in the memory of this number. `own` does one on this thread; `feed`, if there is one, brings
   * what a task needs to its slot, one task after the other.
   */
  run(memory: number, job: Job, tasks: number, own: Task, feed?: (task: number) => void): void;

  close(): void;
}

/** The calling thread alone. */
export const ALONE: Threads = {
  count: 1,
  slots: 1,
  open: () => 0,
  drop: () => undefined,
  run(_memory, _job, tasks, own, feed) {
    for (let task = 0; task < tasks; task++) {
      feed?.(task);
      own(task, 0);
    }
  },
  close: () => undefined,
};
