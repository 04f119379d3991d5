/**
 * MNIST over a broker with the built command: three terminals, a worker that is killed, a page that is a worker, the
 * traffic.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import * as assert from 'uvu/assert';
import { serveJoinPage } from '../../examples/join/serve.ts';
import type { ServeReport } from '../../ts/cli/serve-progress.ts';
import { openBroker } from '../../ts/mqtt/broker.ts';
import { HEAD_BYTES } from '../../ts/runs/wire/head.ts';
import { some, whole } from '../support/inputs.ts';
import { skip } from '../support/require.ts';
import { softwareGpu } from '../support/software-gpu.ts';
import { suite } from '../support/suite.ts';
import { brokers } from './brokers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = `${root}/dist/cli/main.js`;
const run = promisify(execFile);
const test = suite('MNIST over a broker');

const STEPS = whole ? 60 : 20;

interface Command {
  readonly child: ChildProcess;
  readonly output: Promise<string>;
  /** What standard error has so far. */
  errors(): string;
  /** Resolves when standard error has that. */
  until(words: RegExp): Promise<void>;
}

const running: ChildProcess[] = [];

function fewbits(...args: string[]): Command {
  const child = spawn(process.execPath, [main, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let [out, errors] = ['', ''];
  const listeners = new Set<() => void>();
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
    for (const listener of listeners) listener();
  });
  return {
    child,
    output: new Promise((resolve, reject) => {
      child.once('close', (code) =>
        code === 0 ? resolve(out) : reject(new Error(`${args[0]} ended with ${code}: ${errors}`)),
      );
    }),
    errors: () => errors,
    until: (words) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (words.test(errors)) resolve();
        };
        listeners.add(look);
        look();
      }),
  };
}

test.after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** What one process makes of the same run. */
let inOneProcess: Promise<number> | undefined;
function accuracyInOneProcess(): Promise<number> {
  inOneProcess ??= (async () => {
    const folder = mkdtempSync(`${tmpdir()}/fewbits-`);
    const files = ['--json', `${folder}/run.json`, '--report', `${folder}/run.html`];
    const what = ['--task', 'data', '--algorithm', 'fo-sgd', '--workers', '2', '--steps', String(STEPS)];
    await run(process.execPath, ['--import', 'tsx', 'examples/mnist/main.ts', ...what, ...files], {
      cwd: root,
    });
    const { runs } = JSON.parse(readFileSync(`${folder}/run.json`, 'utf8')) as {
      runs: { accuracy: number }[];
    };
    rmSync(folder, { recursive: true });
    return runs[0].accuracy;
  })();
  return inOneProcess;
}

const SERVE = [
  'serve',
  '--task',
  'mnist',
  '--algorithm',
  'fo-sgd',
  '--workers',
  '2',
  '--steps',
  String(STEPS),
];

test('broker, workers and server from one command: the accuracy of one process, to the last digit', async () => {
  const report = JSON.parse(await fewbits(...SERVE, '--json').output) as ServeReport;
  assert.is(report.steps, STEPS);
  assert.is(report.accuracy, await accuracyInOneProcess());
  // packets go in from workers and out to the server, and answers the other way, each with a head and with MQTT around
  // it
  const { received, sent } = report.broker ?? { received: 0, sent: 0 };
  const packets = 2 * report.packetBytesUp + report.packetBytesDown + report.packetBytesDown / 2;
  const topic = 'fewbits/run/up/local-0'.length;
  const around = HEAD_BYTES + 5 + 2 + topic + 2 + 4;
  const messages = STEPS * (2 + 2 + 1 + 2);
  const expected = packets + messages * around;
  console.log(`broker: ${received + sent} bytes, packets and their headers: ${expected}`);
  // what a run begins and ends with weighs more where it has fewer steps
  const most = 1 + 1.8 / STEPS;
  assert.ok((received + sent) / expected < most, `${(received + sent) / expected} times`);
  assert.ok(received + sent > packets);
});

for (const kind of some(brokers))
  test.long(
    `${kind.name}, a server and two workers as processes, one killed with SIGKILL and started again`,
    async () => {
      if (kind.missing !== undefined) return skip(kind.missing);
      const broker = await kind.open();
      try {
        const at = ['--broker', broker.url, '--run', 'terminals'];
        const server = fewbits(...SERVE, ...at, '--deadline', '5', '--json');
        const a = fewbits('join', ...at, '--name', 'a');
        const b = fewbits('join', ...at, '--name', 'b');
        await server.until(/step 18 of/);
        b.child.kill('SIGKILL');
        b.output.catch(() => {});
        await server.until(/b has left/);
        const again = fewbits('join', ...at, '--name', 'b');
        const report = JSON.parse(await server.output) as ServeReport;
        assert.match(await a.output, /a: 60 steps/);
        await again.output;
        const one = await accuracyInOneProcess();
        console.log(`accuracy ${report.accuracy}, in one process ${one}`);
        // b is missing for as many steps as its process takes to start
        assert.ok(Math.abs((report.accuracy ?? 0) - one) < 0.03);
      } finally {
        await broker.close();
      }
    },
  );

test.long('a page in Chromium is one of the workers', async () => {
  const gpu = await softwareGpu();
  const broker = await openBroker({ webSocketPort: 0 });
  const page = await serveJoinPage(0);
  const browser = await chromium.launch(
    gpu === undefined
      ? { channel: 'chrome' }
      : {
          executablePath: gpu.chromium,
          env: { ...process.env, ...gpu.env },
          args: ['--no-sandbox'],
        },
  );
  try {
    const server = fewbits(...SERVE, '--broker', broker.url, '--run', 'page', '--json');
    const tab = await browser.newPage();
    const query = new URLSearchParams({ broker: broker.webSocketUrl ?? '', run: 'page', name: 'tab' });
    await tab.goto(`http://127.0.0.1:${(page.address() as AddressInfo).port}/?${query}`);
    const node = fewbits('join', '--broker', broker.url, '--run', 'page', '--name', 'node');
    await server.until(/tab is here/);
    const report = JSON.parse(await server.output) as ServeReport;
    assert.match(await node.output, /node: 60 steps/);
    await tab.waitForFunction(() =>
      document.querySelector('#state')?.textContent?.includes('has ended: 60 steps'),
    );
    assert.not.match(server.errors(), /without/, 'both were in every round');
    // packets are the same there; gradients are jax-js's, which rounds otherwise where WebAssembly has relaxed SIMD
    const one = await accuracyInOneProcess();
    console.log(`accuracy ${report.accuracy}, in one process ${one}`);
    assert.ok(Math.abs((report.accuracy ?? 0) - one) < 0.02);
  } finally {
    await browser.close();
    page.closeAllConnections();
    page.close();
    await broker.close();
  }
});

test.run();
