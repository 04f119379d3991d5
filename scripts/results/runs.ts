/** The runs behind docs/results.md: what `npm start` gives, kept in a folder and not run again. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Run } from '../../examples/mnist/train.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where runs are kept, unless another folder is asked for. */
export const RUNS_FOLDER: string = path.join(root, 'results');

/** The command of some runs, without where it writes. */
export const commandOf = (args: readonly string[]): string => ['npm start --', ...args].join(' ');

/**
 * What `npm start` with these arguments gives, from a file of the folder where it has run before. The file has its name
 * only once all of it is there.
 */
export function runsOf(folder: string, name: string, args: readonly string[]): Run[] {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name}.json`);
  if (!existsSync(file)) {
    const [part, report] = [`${file}.part`, path.join(folder, `${name}.html`)];
    console.log(`\n${commandOf(args)}`);
    const main = path.join(root, 'examples/mnist/main.ts');
    const { status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', main, ...args, '--json', part, '--report', report],
      { cwd: root, stdio: 'inherit' },
    );
    if (status !== 0) throw new Error(`${commandOf(args)} ended with ${status}`);
    renameSync(part, file);
  }
  return (JSON.parse(readFileSync(file, 'utf8')) as { runs: Run[] }).runs;
}
