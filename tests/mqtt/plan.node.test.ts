/**
 * `fewbits plan` (ts/mqtt/plan.ts) against its formula, and the words of the commands of runs where something is wrong.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { sizeOf } from '../../ts/mqtt/plan.ts';
import { runCommand } from '../support/command.ts';
import { suite } from '../support/suite.ts';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const run = promisify(execFile);
const test = suite('plans and commands of runs');

test('a step is the sum of its parts, as the documentation has it', () => {
  const [n, workers, link, serverLink, decode, compute] = [25.6e6, 100, 50e6, 1e10, 2e8, 2];
  const { seconds, bytesUp, bytesDown, shards } = sizeOf({ params: n, workers, link, compute });
  const [u, d] = [n / 8, n / 8 + 4 + 16 + 400];
  assert.ok(Math.abs(bytesUp / u - 1) < 0.001 && bytesUp > u);
  assert.ok(Math.abs(bytesDown / d - 1) < 0.001 && bytesDown > d);
  const step =
    compute + (8 * (u + d)) / link + (8 * workers * (u + d)) / serverLink + (n * (workers + 2)) / decode;
  assert.ok(Math.abs(seconds.step / step - 1) < 0.001, `${seconds.step}, expected ${step}`);
  assert.is(shards, 5);
  assert.throws(() => sizeOf({ params: 0, workers, link }), /"params" expected a number above 0/);
});

test('fragments: exchanges that much smaller, and what is computed meanwhile is not waited for', () => {
  const common = { params: 25.6e6, workers: 10, link: 50e6, compute: 0.1, localSteps: 30 };
  const whole = sizeOf(common);
  const three = sizeOf({ ...common, fragments: 3 });
  const late = sizeOf({ ...common, fragments: 3, delay: 5 });
  assert.is(whole.seconds.compute, 3);
  assert.equal([whole.exchange.bytesUp, whole.exchange.peakBits], [whole.bytesUp, Infinity]);
  assert.ok(Math.abs((3 * three.exchange.bytesUp) / whole.exchange.bytesUp - 1) < 0.001);
  assert.ok(Math.abs(three.exchange.waits - three.exchange.seconds) < 1e-12);
  assert.ok(Math.abs(three.seconds.workerLink / whole.seconds.workerLink - 1) < 0.001);
  assert.is(late.exchange.waits, 0, '0.34 s on the link, 0.5 s to compute');
  assert.is(late.seconds.workerLink, 0);
  assert.ok(Math.abs(late.exchange.peakBits / ((16 * (25.6e6 / 24)) / 0.5) - 1) < 0.001);
  const slow = sizeOf({ ...common, link: 10e6, fragments: 3, delay: 5 });
  assert.ok(Math.abs(slow.exchange.waits - (slow.exchange.seconds - 0.5)) < 1e-12);
  assert.throws(() => sizeOf({ ...common, fragments: 31 }), /"fragments" expected an integer in 1..30/);
  assert.throws(() => sizeOf({ ...common, fragments: 3, delay: 11 }), /"delay" expected an integer in 0..10/);
});

async function fails(...args: string[]): Promise<string> {
  try {
    await run(process.execPath, [main, ...args]);
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    assert.is(code, 2, stderr);
    return stderr;
  }
  throw new Error(`${args.join(' ')} worked`);
}

test('plan prints what it found, or one line on what is wrong', async () => {
  const args = ['plan', '--params', '1e6', '--workers', '4', '--link', '50Mbps'];
  const { stdout } = await run(process.execPath, [main, ...args, '--json']);
  assert.equal(
    JSON.parse(stdout),
    JSON.parse(JSON.stringify(sizeOf({ params: 1e6, workers: 4, link: 50e6 }))),
  );
  assert.match(
    await fails(...args.slice(0, -1), 'fast'),
    /--link expected a rate such as 50Mbps, got "fast"/,
  );
  assert.match(await fails('plan', '--params', '1e6'), /plan expected --workers/);
});

test('serve and join say what they miss', async () => {
  for (const [args, words] of [
    [['serve'], /serve expected --task/],
    [['serve', '--task', './no-such-task.js'], /--task \.\/no-such-task\.js: Cannot find module/],
    [['serve', '--task', 'mnist', '--workers', '0'], /--workers expected an integer in 1/],
    [['join', '--run', 'a'], /join expected --broker/],
    [['join', '--run', 'a', '--broker', 'http://x'], /--broker expected mqtt:\/\//],
    [['serve', 'x.npy'], /serve expected options alone, got "x\.npy"/],
  ] as const)
    assert.match(await fails(...args), words);
});

test('a task that Node takes for a script says how it is named', async () => {
  const folder = mkdtempSync(`${tmpdir()}/fewbits-task-`);
  try {
    writeFileSync(`${folder}/package.json`, '{ "type": "commonjs" }');
    const source = 'export async function openTask() {}\n';
    writeFileSync(`${folder}/task.js`, source);
    writeFileSync(`${folder}/imports.js`, `import { resolve } from 'node:path';\n${source}`);
    writeFileSync(`${folder}/faulty.mjs`, 'export const x = ;\n');
    for (const name of ['task', 'imports']) {
      const { status, stderr } = await runCommand(folder, ['serve', '--task', `./${name}.js`]);
      assert.is(status, 1);
      assert.match(stderr, `${name}.js is an ES module: name it ${name}.mjs, or set "type": "module"`);
      assert.match(stderr, new RegExp(`^fewbits: --task \\./${name}\\.js: `));
      assert.is(stderr.trim().split('\n').length, 1, stderr);
    }
    const { stderr } = await runCommand(folder, ['serve', '--task', './faulty.mjs']);
    assert.is(stderr, "fewbits: --task ./faulty.mjs: Unexpected token ';'\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the help of serve, join and plan is of each alone', async () => {
  const [serve, join, plan] = await Promise.all(
    ['serve', 'join', 'plan'].map(async (name) => (await runCommand('.', [name, '--help'])).stdout),
  );
  assert.match(serve, /--workers N +the most workers \(4\)/);
  assert.match(serve, /--run NAME +the run's name \(run\)/);
  assert.match(serve, /--broker URL .*where it is left out/);
  assert.match(join, /--broker URL .*required/);
  assert.match(join, /--run NAME .*required/);
  assert.match(join, /--deadline SECONDS +of waiting/);
  assert.not.match(join, /left out|closes with a quorum|\(run\)/);
  for (const option of ['params', 'workers', 'link'])
    assert.match(plan, new RegExp(`--${option} [A-Z]+ .*required`));
  assert.not.match(plan, /\(4\)/);
});

test.run();
