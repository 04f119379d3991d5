/** The process of one run: takes a job, reports each step and the finished run, and ends. */
import { openDevice } from 'fewbits';

import { algorithms } from './algorithms.ts';
import { cuts } from './cuts.ts';
import { loadDataset } from './datasets.ts';
import type { Job, Report } from './jobs.ts';
import { openModel } from './model.ts';
import { openSplitModel } from './split-model.ts';
import { trainSplit } from './split.ts';
import type { HistoryEntry, Run } from './train.ts';
import { train } from './train.ts';

async function runJob({ task, name, dataset, backend, ...setting }: Job): Promise<Run> {
  const device = await openDevice({ backend });
  const report = (entry: HistoryEntry): void => send({ kind: 'entry', entry });
  try {
    const pictures = await loadDataset(dataset);
    const all = { ...setting, ...pictures, device };
    return task === 'data'
      ? await train({ ...all, algorithm: named(algorithms, name), model: await openModel() }, report)
      : await trainSplit({ ...all, cut: named(cuts, name), model: await openSplitModel() }, report);
  } finally {
    device.close();
  }
}

function named<T extends { readonly name: string }>(all: readonly T[], name: string): T {
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

function send(report: Report, sent?: () => void): void {
  process.send?.(report, undefined, undefined, sent);
}

process.once('message', (job: Job) => {
  void runJob(job)
    .then(
      (run): Report => ({ kind: 'run', run }),
      (error: unknown): Report => ({
        kind: 'failure',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
    )
    // the channel to the parent would keep the process alive; closed before all was sent, it would lose a long history
    .then((last) => send(last, () => process.disconnect()));
});
