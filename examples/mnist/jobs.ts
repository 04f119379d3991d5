/**
 * Runs side by side: each in a process of its own, so many at a time. They share nothing, so that the numbers are the
 * same whatever their order.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Options } from './options.ts';
import type { Display } from './progress.ts';
import type { HistoryEntry, Run } from './train.ts';

/** One run, in words that a message can carry. */
export interface Job extends Pick<
  Options,
  'dataset' | 'backend' | 'workers' | 'localSteps' | 'shares' | 'seed' | 'heldOut' | 'rate'
> {
  readonly task: 'data' | 'split';
  /** The system, or the way of split learning. */
  readonly name: string;
  readonly steps: number;
}

/** What the process of a job says: how far it is, and at last what came out. */
export type Report =
  | { readonly kind: 'entry'; readonly entry: HistoryEntry }
  | { readonly kind: 'run'; readonly run: Run }
  | { readonly kind: 'failure'; readonly message: string };

const PROCESS = fileURLToPath(new URL('./job-process.ts', import.meta.url));

/** Runs all jobs, `atOnce` at a time; the runs come in the order of the jobs. The first failure ends the others. */
export async function runJobs(jobs: readonly Job[], atOnce: number, display: Display): Promise<Run[]> {
  const runs: Run[] = [];
  const stop = new AbortController();
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < jobs.length && !stop.signal.aborted) {
      const place = next++;
      runs[place] = await runJob(jobs[place], display, stop.signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, jobs.length) }, work));
  } finally {
    stop.abort();
  }
  return runs;
}

function runJob(job: Job, display: Display, signal: AbortSignal): Promise<Run> {
  const progress = display.begin(job.name, job.steps);
  return new Promise<Run>((resolve, reject) => {
    const child = fork(PROCESS, { signal });
    child.on('message', (report: Report) => {
      if (report.kind === 'entry') progress(report.entry);
      else if (report.kind === 'run') resolve(report.run);
      else reject(new Error(`${job.name}: ${report.message}`));
    });
    child.on('error', reject);
    child.on('exit', (code, killed) =>
      // after a run nothing is left to be told
      reject(new Error(`${job.name}: its process ended, ${killed ?? `exit status ${code}`}`)),
    );
    child.send(job);
  });
}
