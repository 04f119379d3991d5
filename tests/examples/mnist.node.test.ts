import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = `${root}/examples/mnist/main.ts`;
const run = promisify(execFile);
const test = suite('npm start');
let folder = '';
test.before(() => void (folder = mkdtempSync(`${tmpdir()}/fewbits-`)));
test.after(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly algorithm: string;
  readonly backend: string;
  readonly workers: number;
  readonly steps: number;
  readonly seed: number;
  readonly accuracy: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly seconds: number;
  readonly history: readonly { step: number; loss: number; accuracy?: number; density?: number }[];
}

async function start(name: string, ...args: string[]): Promise<Run[]> {
  const files = ['--json', `${folder}/${name}.json`, '--report', `${folder}/${name}.html`];
  await run(process.execPath, ['--import', 'tsx', main, ...files, ...args], { cwd: root });
  return (JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8')) as { runs: Run[] }).runs;
}

const N = 101_770;

test('trains with each system, counts its traffic and writes a report', async () => {
  const runs = await start('all', '--steps', '40', '--workers', '2', '--seed', '5', '--backend', 'wasm');
  assert.equal(
    runs.map(({ algorithm }) => algorithm),
    ['dense', 'top-k', 'scaled-sign'],
  );
  for (const { algorithm, backend, workers, steps, seed, accuracy, history } of runs) {
    assert.equal([backend, workers, steps, seed, history.length], ['wasm', 2, 40, 5, 40], algorithm);
    assert.ok(accuracy > 0.6, `${algorithm} reaches ${accuracy}`);
    assert.ok(history[39].loss < history[0].loss, `${algorithm} learns`);
  }
  const [dense, topK, scaledSign] = runs;
  assert.is(dense.bytesUp, 2 * 40 * N * 4);
  assert.is(scaledSign.bytesUp, 2 * 40 * (28 + Math.ceil(N / 32) * 4));
  assert.ok(topK.bytesUp < dense.bytesUp / 70 && topK.bytesDown < dense.bytesDown / 70);
  assert.ok(Math.abs((topK.history[0].density ?? 0) - 0.01) < 1e-4);
  const report = readFileSync(`${folder}/all.html`, 'utf8');
  assert.is(report.match(/<svg/g)?.length, 4, 'two plots, each wide and narrow');
  assert.not.match(report, /(src|href)="http/);
});

test('the same seed gives the same numbers on another backend', async () => {
  const numbers = async (backend: string): Promise<unknown> => {
    const runs = await start(backend, '--steps', '5', '--algorithm', 'top-k', '--backend', backend);
    return runs.map((one) => ({ ...one, backend: '', seconds: 0 }));
  };
  assert.equal(await numbers('js'), await numbers('wasm'));
});

test('wrong options are one line on standard error', async () => {
  for (const [args, message] of [
    [['--algorithm', 'magic'], /magic/],
    [['--steps', '0'], /steps/],
    [['--backend', 'cuda'], /cuda/],
    [['--speed'], /speed/],
  ] as const) {
    const failure = await run(process.execPath, ['--import', 'tsx', main, ...args], { cwd: root }).then(
      () => ({ code: 0, stderr: '' }),
      (error: unknown) => error as { code: number; stderr: string },
    );
    assert.is(failure.code, 2);
    assert.match(failure.stderr, message);
    assert.is(failure.stderr.trim().split('\n').length, 1, failure.stderr);
  }
});

test.run();
