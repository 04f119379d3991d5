/**
 * The examples of transports as processes: to the last digit what one process makes of the same run; pages as peers.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser } from 'playwright-core';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { openDevice } from 'fewbits';
import { algorithms } from '../../examples/mnist/algorithms.ts';
import { openProblem } from '../../examples/mnist/problem.ts';
import { rateOf } from '../../examples/mnist/rates.ts';
import { train } from '../../examples/mnist/train.ts';
import { findPython, NO_PYTHON } from '../../examples/shared/python.ts';
import { some, whole } from '../support/inputs.ts';
import { skip } from '../support/require.ts';
import { softwareGpu } from '../support/software-gpu.ts';
import { suite } from '../support/suite.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const test = suite('examples of transports');
const children: ChildProcess[] = [];

interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly status: number; readonly output: string; readonly errors: string }>;
  /** Resolves with what standard output has when that has come. */
  until(words: RegExp): Promise<RegExpExecArray>;
}

/** What `npm run example:NAME -- ARGS` runs. */
function example(name: string, ...args: string[]): Program {
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/${name}/main.ts`, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let [output, errors] = ['', ''];
  let look = (): void => {};
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
    look();
  });
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  return {
    child,
    ended: new Promise((resolve) => {
      child.once('close', (status) => resolve({ status: status ?? -1, output, errors }));
    }),
    until: (words) =>
      new Promise((resolve, reject) => {
        look = () => {
          const found = words.exec(output);
          if (found !== null) resolve(found);
        };
        look();
        child.once('close', () => reject(new Error(`ended without ${words}: ${output}${errors}`)));
      }),
  };
}

test.after(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** The accuracy, in percent with two digits, that one process comes to with two workers. */
async function inOneProcess(name: string, steps: number): Promise<string> {
  const algorithm = algorithms.find((one) => one.name === name);
  if (algorithm === undefined) throw new Error(`no algorithm ${name}`);
  const device = await openDevice({ backend: 'wasm' });
  const problem = await openProblem({ dataset: 'mnist', workers: 2, seed: 1 });
  const learningRate = rateOf('data', 'mnist', name);
  const setting = { algorithm, learningRate, device, problem, steps, seed: 1 };
  const { accuracy = NaN } = await train(setting, () => {});
  device.close();
  return (100 * accuracy).toFixed(2);
}

const STEPS = whole ? 30 : 10;
const RUN = ['--workers', '2', '--steps', String(STEPS)];

// LIEC-SGD averages models in its hundredth step, by a round of another route; until then each worker has its own
for (const [name, steps] of some([
  ['fo-sgd', STEPS],
  ['liec-sgd', 100],
] as const))
  test(`websocket: ${name} with a server and two processes`, async () => {
    const args = ['--workers', '2', '--steps', String(steps), '--algorithm', name];
    const { status, output, errors } = await example('websocket', ...args).ended;
    assert.is(status, 0, errors);
    assert.match(output, `test accuracy ${await inOneProcess(name, steps)} %, the same model`);
    const [, up, down, dense] = (/([\d.]+) MB up, ([\d.]+) MB down.*: ([\d.]+) MB/.exec(output) ?? []).map(
      Number,
    );
    assert.is(dense, Number(((8 * 101_770 * 2 * steps) / 1e6).toFixed(2)));
    for (const way of [up, down]) assert.ok(way > dense / 2 / 33 && way < dense / 2 / 19, output);
  });

test.long(
  'websocket: a server and workers on their own; who is too many is refused, one who goes ends the run',
  async () => {
    const server = example('websocket', 'server', '--port', '0', ...RUN);
    const [url] = await server.until(/ws:\/\/[\d.]+:\d+/);
    const workers = [
      example('websocket', 'worker', '--url', url),
      example('websocket', 'worker', '--url', url),
    ];
    await Promise.all(workers.map(({ ended }) => ended));
    assert.is((await server.ended).status, 0);

    const again = example('websocket', 'server', '--port', '0', '--workers', '2', '--steps', '100000');
    const [other] = await again.until(/ws:\/\/[\d.]+:\d+/);
    const pair = [
      example('websocket', 'worker', '--url', other),
      example('websocket', 'worker', '--url', other),
    ];
    await again.until(/round 50/);
    const late = await example('websocket', 'worker', '--url', other).ended;
    assert.is(
      late.errors,
      'npm run example:websocket: the server has closed the connection: all seats are taken\n',
    );
    pair[0].child.kill('SIGKILL');
    const { status, errors } = await again.ended;
    assert.is(status, 1);
    assert.match(errors, /^npm run example:websocket: worker \d has gone before the end\n$/);
    assert.match((await pair[1].ended).errors, /the server has closed the connection/);
  },
);

test('websocket: garbage of a worker ends the run with a word, not with a wrong number', async () => {
  const server = example('websocket', 'server', '--port', '0', '--workers', '1');
  const [url] = await server.until(/ws:\/\/[\d.]+:\d+/);
  const socket = new WebSocket(url);
  socket.on('message', () => socket.send(new Uint8Array([0, 1, 2, 3])));
  const { status, errors } = await server.ended;
  assert.is(status, 1);
  assert.match(errors, /^npm run example:websocket: .*\(at byte \d+\)\n$/);
  socket.terminate();
});

test('webrtc: ExDyna among two processes, packets in small messages', async () => {
  const limit = 2000;
  const { status, output, errors } = await example('webrtc', ...RUN, '--limit', String(limit)).ended;
  assert.is(status, 0, errors);
  assert.match(output, `test accuracy ${await inOneProcess('ex-dyna-5', STEPS)} %, the same model`);
  const [, packets, messages, longest] = (
    /(\d+) packets in (\d+) messages of at most (\d+) bytes/.exec(output) ?? []
  ).map(Number);
  assert.ok(messages > 3 * packets && longest <= limit, output);
});

async function openBrowser(): Promise<Browser> {
  const gpu = await softwareGpu();
  if (gpu === undefined) return chromium.launch({ channel: 'chrome' });
  const env = { ...process.env, ...gpu.env } as Record<string, string>;
  return chromium.launch({ executablePath: gpu.chromium, env, args: ['--no-sandbox'] });
}

for (const [what, pages] of [
  ['two pages', 2],
  ['a page and a process', 1],
] as const)
  test.long(`webrtc: ${what} in Chromium are peers`, async () => {
    const room = example('webrtc', 'room', '--port', '0', ...RUN);
    const [, address] = await room.until(/http:\/\/([\d.]+:\d+)/);
    const browser = await openBrowser();
    try {
      const tabs = await Promise.all(Array.from({ length: pages }, () => browser.newPage()));
      for (const tab of tabs) await tab.goto(`http://${address}/`);
      if (pages === 1) example('webrtc', 'peer', '--url', `ws://${address}`);
      const ended = Promise.race([
        room.ended,
        ...tabs.map(async (tab) => {
          await tab.waitForFunction(() =>
            /no |gone|closed|Error/.test(document.querySelector('#state')?.textContent ?? ''),
          );
          throw new Error((await tab.textContent('#state')) ?? '');
        }),
      ]);
      const { status, output, errors } = await ended;
      assert.is(status, 0, errors);
      // gradients are jax-js's, which rounds otherwise where WebAssembly has relaxed SIMD
      const accuracy = Number(/test accuracy ([\d.]+) %, the same model/.exec(output)?.[1]);
      const one = Number(await inOneProcess('ex-dyna-5', STEPS));
      console.log(`accuracy ${accuracy}, in one process ${one}`);
      assert.ok(Math.abs(accuracy - one) < 2, output);
      for (const tab of tabs) assert.match((await tab.textContent('#state')) ?? '', /ended after 30 steps/);
    } finally {
      await browser.close();
    }
  });

test('python-server: workers in JavaScript and a server in Python', async () => {
  if ((await findPython()) === undefined) return skip(NO_PYTHON);
  const { status, output, errors } = await example('python-server', ...RUN).ended;
  assert.is(status, 0, errors);
  const one = await inOneProcess('double-squeeze-top-k', STEPS);
  const said = [...output.matchAll(/^worker \d: test accuracy ([\d.]+) %, model (\w+)/gm)];
  assert.equal(
    said.map(([, accuracy]) => accuracy),
    [one, one],
  );
  assert.is(said[0][2], said[1][2]);
});

test('wrong arguments are one line and status 2; --help is a page', async () => {
  const wrong = some([['--wrokers', '3'], ['--steps', 'many'], ['nobody'], ['--workers', '0']]);
  const one = async (name: string): Promise<void> => {
    const help = await example(name, '--help').ended;
    assert.is(help.status, 0);
    assert.match(help.output, `npm run example:${name} --`);
    for (const args of wrong) {
      const { status, errors } = await example(name, ...args).ended;
      assert.is(status, 2, errors);
      assert.match(
        errors,
        new RegExp(`^npm run example:${name}: [^\\n]+; see npm run example:${name} -- --help\\n$`),
      );
    }
  };
  await Promise.all(some(['websocket', 'webrtc', 'python-server']).map(one));
  const { status, errors } = await example('websocket', 'worker', '--url', 'ws://127.0.0.1:1').ended;
  assert.is(status, 1);
  assert.is(errors, 'npm run example:websocket: no connection to ws://127.0.0.1:1/\n');
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const port = String((taken.address() as AddressInfo).port);
  for (const [name, role] of some([
    ['websocket', 'server'],
    ['webrtc', 'room'],
  ])) {
    const outcome = await example(name, role, '--port', port).ended;
    assert.is(outcome.status, 1);
    assert.match(outcome.errors, new RegExp(`^npm run example:${name}: [^\\n]*EADDRINUSE[^\\n]*\\n$`));
  }
  taken.close();
});

test.run();
