/**
 * Trains on the MNIST digits with several workers, once with each system, and compares accuracy and traffic: a table
 * on the terminal, a page with plots, and the numbers as JSON. `npm start -- --help` lists the options.
 */
import { writeFile } from 'node:fs/promises';

import { BackendUnavailableError, openDevice } from 'fewbits';

import { whole } from './format.ts';
import { loadMnist } from './mnist.ts';
import { openModel } from './model.ts';
import type { Options } from './options.ts';
import { helpText, readOptions, UsageError } from './options.ts';
import { openProgress } from './progress.ts';
import { renderReport } from './report.ts';
import { compare, renderText } from './table.ts';
import type { Run } from './train.ts';
import { BATCH, train } from './train.ts';

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options.help) {
    process.stdout.write(helpText());
    return;
  }
  const device = await openDevice({ backend: options.backend });
  try {
    const model = await openModel();
    const digits = await loadMnist();
    console.log(
      `MNIST, ${whole(digits.train.labels.length)} digits; a network of ${whole(model.size)} parameters; ` +
        `${options.workers} workers, ${BATCH} digits each a step; compression on ${device.backend}.\n`,
    );

    const runs: Run[] = [];
    for (const algorithm of options.algorithms) {
      console.log(`${algorithm.name}: ${algorithm.description}`);
      const progress = openProgress(options.steps);
      const { workers, steps, seed } = options;
      const setting = { algorithm, device, model, ...digits, workers, steps, seed };
      try {
        runs.push(await train(setting, (entry) => progress.update(entry)));
      } finally {
        progress.stop();
      }
    }

    console.log(`\n${renderText(compare(runs, model.size))}\n`);
    await writeResults(options, runs, model.size, args);
  } finally {
    device.close();
  }
}

async function writeResults(
  { algorithms, json, report }: Options,
  runs: readonly Run[],
  parameters: number,
  args: readonly string[],
): Promise<void> {
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ runs }, undefined, 2)}\n`);
  const command = ['npm start', ...(args.length > 0 ? ['--', ...args.map(quote)] : [])].join(' ');
  await writeFile(report, await renderReport({ runs, algorithms, parameters, command }));
  console.log(`The report is in ${report}${json === undefined ? '' : `, its numbers are in ${json}`}.`);
}

/** An argument as a shell takes it. */
function quote(argument: string): string {
  return /^[\w./:=,@+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof BackendUnavailableError)) throw error;
  // One line: what each backend lacks comes on lines of its own.
  console.error(`npm start: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
