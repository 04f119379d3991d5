/** The runs behind docs/results.md: what `npm start` gives, kept in a folder and not run again. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatasetName } from '../../examples/mnist/datasets.ts';
import type { Run } from '../../examples/mnist/train.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where runs are kept, unless another folder is asked for. */
export const RUNS_FOLDER: string = path.join(root, 'results');

/** The command of some runs, without where it writes. */
export const commandOf = (dataset: DatasetName, args: readonly string[]): string =>
  ['npm start --', ...args, ...(dataset === 'mnist' ? [] : ['--dataset', dataset])].join(' ');

/** What `npm start` with these arguments gives, from a file of the folder where it has run before. */
export function runsOf(folder: string, name: string, dataset: DatasetName, args: readonly string[]): Run[] {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, name);
  if (!existsSync(`${file}.json`)) {
    const out = ['--dataset', dataset, '--json', `${file}.json`, '--report', `${file}.html`];
    console.log(`\n${commandOf(dataset, args)}`);
    const main = path.join(root, 'examples/mnist/main.ts');
    const { status } = spawnSync(process.execPath, ['--import', 'tsx', main, ...args, ...out], {
      cwd: root,
      stdio: 'inherit',
    });
    if (status !== 0) throw new Error(`${commandOf(dataset, args)} ended with ${status}`);
  }
  return (JSON.parse(readFileSync(`${file}.json`, 'utf8')) as { runs: Run[] }).runs;
}
