import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { some } from '../support/inputs.ts';
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
  readonly learningRate: number;
  readonly accuracy?: number;
  readonly bits?: number;
  readonly diverged?: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly seconds: number;
  readonly history: readonly {
    step: number;
    loss: number;
    bytesUp: number;
    union?: number;
    error?: number;
  }[];
}

async function start(name: string, ...args: string[]): Promise<Run[]> {
  const files = ['--json', `${folder}/${name}.json`, '--report', `${folder}/${name}.html`];
  await run(process.execPath, ['--import', 'tsx', main, ...files, ...args], { cwd: root });
  return (JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8')) as { runs: Run[] }).runs;
}

const N = 101_770;

test('trains with each system, counts its traffic and writes a report', async () => {
  const runs = await start(
    'data',
    '--task',
    'data',
    '--steps',
    '40',
    '--workers',
    '2',
    '--seed',
    '5',
    '--backend',
    'wasm',
  );
  assert.equal(
    runs.map(({ algorithm }) => algorithm),
    ['dense', 'fo-sgd', 'liec-sgd', 'ex-dyna', 'sparse-lo-co'],
  );
  for (const { algorithm, backend, workers, steps, seed, accuracy = 0, history } of runs) {
    assert.equal([backend, workers, steps, seed, history.length], ['wasm', 2, 40, 5, 40], algorithm);
    assert.ok(accuracy > 0.6, `${algorithm} reaches ${accuracy}`);
    assert.ok(history[39].loss < history[0].loss, `${algorithm} learns`);
  }
  const [dense, foSgd, liecSgd, exDyna, sparseLoCo] = runs;
  assert.is(dense.bytesUp, 2 * 40 * (N * 4 + 20));
  assert.is(foSgd.bytesUp, 2 * 40 * (40 + 25 * 4 + (25 * 4096) / 8));
  assert.is(liecSgd.bytesUp, 2 * 40 * (28 + 25 * 4 + Math.ceil(N / 32) * 4 - 4));
  assert.ok(exDyna.bytesUp < dense.bytesUp / 50);
  assert.ok(Math.abs((exDyna.history[0].union ?? 0) / 0.01 - 1) < 0.02, 'a warm start meets the density');
  // an exchange after 25 steps, and one after the last
  const sent = sparseLoCo.history.map(({ bytesUp }) => bytesUp);
  assert.equal(
    sent.map((bytes) => bytes > 0),
    sent.map((_, i) => i >= 24),
  );
  assert.ok(sent[39] > sent[38] && new Set(sent).size === 3);
  assert.ok(sent[39] < 2 * 2 * (0.162 / 8) * N * 1.03, `${sent[39]} bytes`);
  const report = readFileSync(`${folder}/data.html`, 'utf8');
  assert.is(report.match(/<svg/g)?.length, 10, 'five plots, each wide and narrow');
  assert.not.match(report, /(src|href)="http/);
  assert.not.match(report, /NaN|Infinity/, 'steps before the first exchange have no place against megabytes');
});

test.long('trains a network that is cut in two, and says what the features lost', async () => {
  const [split, ms] = await start('split', '--task', 'split', '--steps', '12', '--backend', 'wasm');
  assert.equal([split.algorithm, split.workers, ms.algorithm], ['split', 1, 'ms']);
  assert.is(split.bytesUp, 12 * (64 * 3136 * 4 + 20));
  // masks of two bits by their entropy, at most as they are
  const values = 12 * (36 + 2007 * 4);
  assert.ok(ms.bytesUp > values && ms.bytesUp < values + (12 * (64 * 3136 * 2)) / 8, `${ms.bytesUp} bytes`);
  assert.is(split.history[11].error, 0);
  assert.ok(ms.history.every(({ error = 0 }) => error > 0 && error < 0.5));
  for (const { history } of [split, ms]) assert.ok(history[11].loss < history[0].loss);
});

test.long('trains a transformer on text, and scores it in bits', async () => {
  const names = ['--algorithm', 'dense', '--algorithm', 'sparse-lo-co'];
  const args = ['--workers', '2', '--steps', '30', '--local-steps', '10', '--backend', 'wasm'];
  const runs = await start('text', '--task', 'text', ...names, ...args);
  for (const { algorithm, accuracy, bits = NaN, history, bytesUp } of runs) {
    assert.is(accuracy, undefined);
    // 66 characters alike would be 6 bits
    assert.ok(bits > 3 && bits < 5, `${algorithm}: ${bits} bits`);
    assert.ok(history[29].loss < history[0].loss - 1, algorithm);
    assert.ok(bytesUp > 0);
  }
  const report = readFileSync(`${folder}/text.html`, 'utf8');
  assert.match(report, 'Bits a character against traffic');
  assert.not.match(report, /NaN|Infinity|pictures/);
});

test.long('a run whose numbers are not finite any more ends there and says so', async () => {
  const args = ['--workers', '2', '--steps', '30', '--rate', '1e4', '--backend', 'js', '--jobs', '1'];
  const runs = await start('diverged', ...args, '--algorithm', 'dense', '--algorithm', 'fo-sgd');
  for (const { algorithm, diverged = 0, accuracy, history } of runs) {
    assert.is(accuracy, undefined, algorithm);
    assert.is(history.length, diverged - 1);
    assert.ok(diverged > 1 && diverged < 30, `${algorithm}: step ${diverged}`);
  }
  assert.not.match(readFileSync(`${folder}/diverged.html`, 'utf8'), /NaN|Infinity/);
});

test.long('a rate of its own, and validation data', async () => {
  const args = ['--algorithm', 'dense', '--workers', '2', '--steps', '8', '--backend', 'js'];
  const [[own], [slow], [held]] = [
    await start('own', ...args),
    await start('slow', ...args, '--rate', '1e-6'),
    await start('held', ...args, '--held-out', 'validation'),
  ];
  assert.is(slow.learningRate, 1e-6);
  assert.ok(slow.history[7].loss > own.history[7].loss + 0.2);
  // other pictures are trained on, and scored
  assert.is.not(held.history[0].loss, own.history[0].loss);
  assert.is(Math.round((held.accuracy ?? NaN) * 1e4), (held.accuracy ?? NaN) * 1e4);
});

test.long('--all adds the baselines', async () => {
  const runs = await start('all', '--all', '--task', 'data', '--steps', '2', '--workers', '2');
  assert.ok(runs.length >= 15, `${runs.length} runs`);
  for (const { algorithm, history } of runs) assert.ok(Number.isFinite(history[1].loss), algorithm);
});

test.long('the same seed gives the same numbers on another backend', async () => {
  const numbers = async (backend: string): Promise<unknown> => {
    const runs = await start(
      backend,
      '--steps',
      '5',
      '--algorithm',
      'ex-dyna',
      '--algorithm',
      'fo-sgd',
      '--backend',
      backend,
    );
    return runs.map((one) => ({ ...one, backend: '', seconds: 0, gradientSeconds: 0, systemSeconds: 0 }));
  };
  assert.equal(await numbers('js'), await numbers('wasm'));
});

test('wrong options are one line on standard error', async () => {
  const cases = [
    [['--algorithm', 'magic'], /magic/],
    [['--steps', '0'], /steps/],
    [['--local-steps', '0'], /local-steps/],
    [['--shares', 'mine'], /"--shares" expected equal or classes, got "mine"/],
    [['--backend', 'cuda'], /cuda/],
    [['--dataset', 'cats'], /"--dataset" expected mnist or fashion, got "cats"/],
    [['--task', 'all'], /"--task" expected both, data, split or text, got "all"/],
    [['--task', 'text', '--dataset', 'mnist'], /"--dataset" is of pictures, and "--task text" has none/],
    [['--task', 'text', '--algorithm', 'ms'], /"--algorithm" expected .*, got "ms"/],
    [['--rate', '0'], /"--rate" expected a number above 0, got "0"/],
    [['--held-out', 'all'], /"--held-out" expected test or validation, got "all"/],
    [['--speed'], /speed/],
  ] as const;
  for (const [args, message] of some(cases)) {
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
