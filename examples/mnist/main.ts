/**
 * Trains on the MNIST digits with several workers, once with each system, and compares accuracy and traffic: a table
 * on the terminal, a page with plots, and the numbers as JSON. `npm start -- --help` lists the options.
 */
import { writeFile } from 'node:fs/promises';

import { BackendUnavailableError, openDevice } from 'fewbits';

import { DatasetError, loadFashion } from './fashion.ts';
import { whole } from './format.ts';
import { loadMnist } from './mnist.ts';
import { openModel } from './model.ts';
import type { Options } from './options.ts';
import { helpText, readOptions, UsageError } from './options.ts';
import { openProgress } from './progress.ts';
import type { Progress } from './progress.ts';
import { renderReport } from './report.ts';
import { openSplitModel } from './split-model.ts';
import { trainSplit } from './split.ts';
import { compare, renderText } from './table.ts';
import type { Run } from './train.ts';
import { BATCH, train } from './train.ts';

/** The sets by their names for people. */
const DATASETS = { mnist: 'MNIST', fashion: 'Fashion-MNIST' } as const;

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options.help) {
    process.stdout.write(helpText());
    return;
  }
  const device = await openDevice({ backend: options.backend });
  try {
    const digits = options.dataset === 'fashion' ? await loadFashion() : await loadMnist();
    const { algorithms, cuts, workers, steps, splitSteps, seed } = options;
    console.log(
      `${DATASETS[options.dataset]}, ${whole(digits.train.labels.length)} pictures; ${BATCH} a step; compression on ${device.backend}.`,
    );
    const data: Run[] = [];
    const split: Run[] = [];

    if (algorithms.length > 0) {
      const model = await openModel();
      console.log(`\nData parallel: a network of ${whole(model.size)} parameters, ${workers} workers.\n`);
      for (const algorithm of algorithms) {
        const setting = { algorithm, device, model, ...digits, workers, steps, seed };
        data.push(
          await shown(algorithm, steps, (progress) => train(setting, (entry) => progress.update(entry))),
        );
      }
      console.log(`\n${renderText(compare(data))}`);
    }

    if (cuts.length > 0) {
      const model = await openSplitModel();
      const size = whole(model.clientSize + model.serverSize);
      console.log(`\nSplit learning: a network of ${size} parameters, cut after its second convolution.\n`);
      for (const cut of cuts) {
        const setting = { cut, device, model, ...digits, steps: splitSteps, seed };
        split.push(
          await shown(cut, splitSteps, (progress) => trainSplit(setting, (entry) => progress.update(entry))),
        );
      }
      console.log(`\n${renderText(compare(split))}`);
    }

    console.log();
    await writeResults(options, { data, split }, args);
  } finally {
    device.close();
  }
}

/** One run with its name above and its progress below. */
async function shown(
  { name, description }: { readonly name: string; readonly description: string },
  steps: number,
  run: (progress: Progress) => Promise<Run>,
): Promise<Run> {
  console.log(`${name}: ${description}`);
  const progress = openProgress(steps);
  try {
    return await run(progress);
  } finally {
    progress.stop();
  }
}

async function writeResults(
  { json, report, dataset }: Options,
  runs: { readonly data: readonly Run[]; readonly split: readonly Run[] },
  args: readonly string[],
): Promise<void> {
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify({ runs: [...runs.data, ...runs.split] }, undefined, 2)}\n`);
  const command = ['npm start', ...(args.length > 0 ? ['--', ...args.map(quote)] : [])].join(' ');
  await writeFile(report, await renderReport({ ...runs, dataset: DATASETS[dataset], command }));
  console.log(`The report is in ${report}${json === undefined ? '' : `, its numbers are in ${json}`}.`);
}

/** An argument as a shell takes it. */
function quote(argument: string): string {
  return /^[\w./:=,@+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(
    error instanceof UsageError ||
    error instanceof DatasetError ||
    error instanceof BackendUnavailableError
  ))
    throw error;
  // One line: what each backend lacks comes on lines of its own.
  console.error(`npm start: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
