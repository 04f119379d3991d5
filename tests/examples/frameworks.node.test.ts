/** npm run example:jax and example:tfjs, as a stranger starts them. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const test = suite('the examples of jax-js and TensorFlow.js');

async function start(name: string, ...args: string[]): Promise<string> {
  const main = `${root}/examples/${name}/main.ts`;
  return (await run(process.execPath, ['--import', 'tsx', main, ...args], { cwd: root })).stdout;
}

/** The rows of the table: name, accuracy as a share, megabytes up and down, times smaller. */
function rowsOf(stdout: string): { name: string; accuracy: number; numbers: number[] }[] {
  const lines = stdout.trimEnd().split('\n');
  return lines.slice(lines.findIndex((line) => line.startsWith('---')) + 1).map((line) => {
    const [name, accuracy, ...numbers] = line.split(/ {2,}/);
    return { name, accuracy: parseFloat(accuracy) / 100, numbers: numbers.map(parseFloat) };
  });
}

for (const [name, options, least] of some([
  ['jax', ['--algorithm', 'fo-sgd', '--algorithm', 'cser'], 0.75],
  ['tfjs', ['--algorithm', 'fo-sgd', '--algorithm', 'liec-sgd'], 0.7],
] as const))
  test(`${name} ${options.join(' ')} trains, with less traffic than dense`, async () => {
    const stdout = await start(name, '--steps', '60', '--workers', '2', '--seed', '3', ...options);
    assert.match(stdout, /^MNIST, [\d,]+ parameters, 2 workers, 60 steps, seed 3\n/m);
    const [dense, ...others] = rowsOf(stdout);
    assert.equal(
      [dense, ...others].map((row) => row.name),
      ['dense', ...options.filter((option) => /^[a-z]+-sgd$|^cser$/.test(option))],
    );
    for (const { name: algorithm, accuracy } of [dense, ...others])
      assert.ok(accuracy > least && accuracy < 1, `${algorithm} reaches ${accuracy}`);
    assert.ok(Math.abs(dense.numbers[2] - 1) < 0.01);
    for (const { numbers } of others) {
      assert.ok(numbers[2] > 10, `${numbers[2]} times smaller`);
      assert.ok(numbers[0] < dense.numbers[0] / 10);
    }
  });

test('help, and wrong input in one line', async () => {
  assert.match(await start('jax', '--help'), /^npm run example:jax -- \[options\]/);
  assert.match(await start('tfjs', '--help'), /--optimizer NAME .*adam, sgd/);
  const cases = [
    ['jax', ['--workers', '0'], '--workers expected an integer in 1..64, got "0"'],
    ['jax', ['--algorithm', 'sgd'], '--algorithm expected one of dense, fo-sgd,'],
    ['jax', ['--algorithm'], "Option '--algorithm <value>' argument missing"],
    ['jax', ['seven'], "Unexpected argument 'seven'"],
    ['jax', ['--optimizer', 'adam'], "Unknown option '--optimizer'"],
    ['tfjs', ['--optimizer', 'lion'], '--optimizer expected one of adam, sgd, momentum, rmsprop, got "lion"'],
  ] as const;
  for (const [name, args, message] of some(cases)) {
    const failed = await start(name, ...args).then(
      () => assert.unreachable(`${args.join(' ')} was taken`) as never,
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    const lines = failed.stderr.split('\n').filter((line) => line.startsWith('npm run'));
    assert.is(failed.code, 2);
    assert.is(lines.length, 1);
    assert.ok(lines[0].startsWith(`npm run example:${name}: ${message}`), lines[0]);
    assert.not.match(failed.stderr, '    at ');
  }
});

test.run();
