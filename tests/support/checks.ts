/** What `npm test` asks of the whole project beside its suites: format, lint and types. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ROOT } from './command-line.ts';
import type { Print } from './lanes.ts';
import type { Tally } from './report.ts';

/** The linter checks types as well, by TypeScript 7; whole runs do so by the compiler of the build, too. */
const CHECKS = ['check:format', 'check:lint'];
const MORE = ['check:types'];

/** Runs an npm script of package.json; whether it ended with status 0. */
export async function runScript(name: string, print: Print): Promise<boolean> {
  const npm = spawn('npm', ['run', '--silent', name], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32', // npm is a .cmd there
  });
  for (const stream of [npm.stdout, npm.stderr]) stream.setEncoding('utf8').on('data', print);
  const [status] = (await once(npm, 'close')) as [number | null];
  return status === 0;
}

/** Runs the checks one after the other, and counts each as a test. */
export async function runChecks(all: boolean, print: Print): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0, took: {} };
  for (const name of all ? [...CHECKS, ...MORE] : CHECKS) {
    const start = performance.now();
    const passed = await runScript(name, print);
    const seconds = (performance.now() - start) / 1000;
    tally[passed ? 'passed' : 'failed'] += 1;
    tally.took![`npm run ${name}`] = { seconds, processor: 0 };
    print(`${passed ? 'ok   ' : ' FAIL'} npm run ${name}, ${seconds.toFixed(1)} s\n`);
  }
  return tally;
}
