/** The process of one run: takes a job, reports each step and the finished run, and ends. */
import { openDevice } from 'fewbits';

import { algorithms } from './algorithms.ts';
import { cuts } from './cuts.ts';
import type { PicturesName } from './datasets.ts';
import type { Job, Report } from './jobs.ts';
import { openProblem, picturesOf } from './problem.ts';
import { rateOf } from './rates.ts';
import { openSplitModel } from './split-model.ts';
import { trainSplit } from './split.ts';
import type { HistoryEntry, Run } from './train.ts';
import { train } from './train.ts';

async function runJob({ task, name, dataset, backend, heldOut, rate, ...setting }: Job): Promise<Run> {
  const device = await openDevice({ backend });
  const report = (entry: HistoryEntry): void => send({ kind: 'entry', entry });
  const learningRate = rate ?? rateOf(task, dataset, name);
  const { steps, localSteps, seed } = setting;
  try {
    if (task === 'split') {
      const pictures = await picturesOf(dataset as PicturesName, heldOut);
      const [cut, model] = [named(cuts, name), await openSplitModel()];
      return await trainSplit({ ...pictures, cut, learningRate, device, model, steps, seed }, report);
    }
    const problem = await openProblem({ ...setting, dataset, heldOut });
    const algorithm = named(algorithms, name);
    return await train({ algorithm, learningRate, device, problem, steps, localSteps, seed }, report);
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
