/** `npm run example:websocket`: a server and workers over WebSockets. `-- --help` lists what else it does. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { WebSocket as WsWebSocket } from 'ws';

import { openDevice } from 'fewbits';

import { algorithms } from '../mnist/algorithms.ts';
import { openDigits } from '../mnist/digits.ts';
import { readMnistFile } from '../mnist/files.ts';
import { openModel } from '../mnist/model.ts';
import { integerOf, runProgram, startCrew, UsageError } from '../shared/command.ts';
import { summaryOf } from '../shared/summary.ts';
import { serve } from './server.ts';
import { work } from './worker.ts';

const HELP = `npm run example:websocket -- [server | worker] [options]

MNIST digits, trained by a server and workers that are processes and speak over WebSockets.
Without a word it starts all of them on this machine.

  server              the server alone; workers come from elsewhere
    --host HOST       where it listens (default: 127.0.0.1)
    --port PORT       (default: 8765; without a word, any free one)
  worker              one worker
    --url URL         the server's (default: ws://127.0.0.1:8765)

  --workers N         how many workers a run has (default: 4)
  --steps N           (default: 150)
  --algorithm NAME    any of npm start -- --help that has a server (default: fo-sgd)
  --seed N            of weights and batches (default: 1)
  --help              print this

On two machines: ... server --host 0.0.0.0 --workers 1, and ... worker --url ws://THE-SERVER:8765.
`;

const PORT = 8765;

/** Node has its own from version 22 on; ws has the same API. */
const Socket = globalThis.WebSocket ?? (WsWebSocket as unknown as typeof WebSocket);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string' },
      url: { type: 'string', default: `ws://127.0.0.1:${PORT}` },
      workers: { type: 'string', default: '4' },
      steps: { type: 'string', default: '150' },
      algorithm: { type: 'string', default: 'fo-sgd' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const [role = 'all', ...rest] = positionals;
  if (!['all', 'server', 'worker'].includes(role) || rest.length > 0)
    throw new UsageError(`expected server or worker, got ${positionals.join(' ')}`);
  if (role === 'worker') return runWorker(values.url);
  const named = algorithms.find(({ name }) => name === values.algorithm);
  if (named?.system.server === undefined) {
    const names = algorithms.filter(({ system }) => system.server !== undefined).map(({ name }) => name);
    throw new UsageError(
      `--algorithm expected one of ${names.join(', ')}; got ${JSON.stringify(values.algorithm)}`,
    );
  }
  const workers = integerOf('--workers', values.workers, 1, 64);
  const steps = integerOf('--steps', values.steps, 1, 1e6);
  const seed = integerOf('--seed', values.seed, 0, 2 ** 32 - 1);
  const port = integerOf('--port', values.port ?? String(role === 'all' ? 0 : PORT), 0, 65_535);
  const { size: n } = await openModel();
  const device = await openDevice();
  const server = await serve(device, {
    host: values.host,
    port,
    system: named.system,
    n,
    run: { workers, steps, algorithm: named.name, seed },
    onRound: (round) => {
      if (round % 50 === 0) console.log(`round ${round}`);
    },
  });
  console.log(`${server.url}: ${named.description}; ${workers} workers, ${steps} steps`);
  const crew =
    role === 'all'
      ? startCrew(workers, fileURLToPath(import.meta.url), () => ['worker', '--url', server.url])
      : undefined;
  try {
    const { reports, traffic } = await Promise.race([server.done, ...(crew ? [crew.failed] : [])]);
    process.stdout.write(
      summaryOf(reports, { countedBy: 'the sockets', ...traffic, dense: 8 * n * workers * steps }),
    );
  } catch (error) {
    crew?.stop();
    throw error;
  } finally {
    server.close();
    device.close();
  }
}

async function runWorker(url: string): Promise<void> {
  if (!/^wss?:\/\/./.test(url)) throw new UsageError(`--url expected ws://... or wss://..., got ${url}`);
  const device = await openDevice();
  try {
    await work(new Socket(url), device, (options) => openDigits(options, readMnistFile));
  } finally {
    device.close();
  }
}

await runProgram('npm run example:websocket', main);
