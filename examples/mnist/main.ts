/**
 * Trains small networks with several workers, once with each system, and compares what they learn with what they send:
 * a table on the terminal, a page with plots, and the numbers as JSON. `npm start -- --help` lists the options.
 */
import { writeFile } from 'node:fs/promises';

import { BackendUnavailableError, openDevice } from 'fewbits';

import { lookForGpu } from '../../ts/cli/gpu.ts';
import { UsageError } from '../shared/command.ts';
import { DATASETS } from './datasets.ts';
import { DatasetError } from './fetched.ts';
import { whole } from './format.ts';
import { runJobs } from './jobs.ts';
import type { Job } from './jobs.ts';
import type { Options } from './options.ts';
import { helpText, readOptions } from './options.ts';
import { sizeOf } from './problem.ts';
import { openDisplay } from './progress.ts';
import { renderReport } from './report.ts';
import { compare, renderText } from './table.ts';
import type { Run } from './train.ts';
import { counted } from './words.ts';

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options.help) {
    process.stdout.write(helpText());
    return;
  }
  const { dataset, workers, localSteps, shares, seed, heldOut, rate, atOnce } = options;
  // what is missing is found here, once, and not by each of the runs
  await lookForGpu(options.backend);
  const device = await openDevice({ backend: options.backend });
  const { backend } = device;
  device.close();
  console.log(
    `${DATASETS[dataset]}, ${await sizeOf(dataset, heldOut)}; compression on ${backend}; ` +
      `${atOnce} ${atOnce === 1 ? 'run' : 'runs'} at a time.\n`,
  );

  const setting = { dataset, backend, workers, localSteps, shares, seed, heldOut, rate };
  const jobs: Job[] = [
    ...options.algorithms.map(({ name }) => ({
      ...setting,
      task: 'data' as const,
      name,
      steps: options.steps,
    })),
    ...options.cuts.map(({ name }) => ({
      ...setting,
      task: 'split' as const,
      name,
      steps: options.splitSteps,
    })),
  ];
  const display = openDisplay(jobs.map(({ name }) => name));
  const runs = await runJobs(jobs, atOnce, display).finally(() => display.stop());
  const data = runs.filter((_, i) => jobs[i].task === 'data');
  const split = runs.filter((_, i) => jobs[i].task === 'split');

  if (data.length > 0) {
    const [{ parameters }] = data;
    console.log(
      `\nData parallel: a network of ${whole(parameters)} parameters, ${counted(workers, 'worker')}.\n`,
    );
    console.log(renderText(compare(data)));
  }
  if (split.length > 0) {
    const [{ parameters }] = split;
    console.log(
      `\nSplit learning: a network of ${whole(parameters)} parameters, cut after its second convolution.\n`,
    );
    console.log(renderText(compare(split)));
  }
  console.log();
  await writeResults(options, { data, split }, args);
}

async function writeResults(
  { json, report, dataset, heldOut, shares, localSteps }: Options,
  runs: { readonly data: readonly Run[]; readonly split: readonly Run[] },
  args: readonly string[],
): Promise<void> {
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify({ runs: [...runs.data, ...runs.split] }, undefined, 2)}\n`);
  const command = ['npm start', ...(args.length > 0 ? ['--', ...args.map(quote)] : [])].join(' ');
  await writeFile(report, await renderReport({ ...runs, dataset, heldOut, shares, localSteps, command }));
  console.log(`The report is in ${report}${json === undefined ? '' : `, its numbers are in ${json}`}.`);
}

/** An argument as a shell takes it. */
function quote(argument: string): string {
  return /^[\w./:=,@+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (
    !(
      error instanceof UsageError ||
      error instanceof DatasetError ||
      error instanceof BackendUnavailableError
    )
  )
    throw error;
  // One line: what each backend lacks comes on lines of its own.
  console.error(`npm start: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
