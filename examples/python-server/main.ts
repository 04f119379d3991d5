/**
 * `npm run example:python-server`: a server in Python and workers in JavaScript. `-- --help` lists what else it does.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { openDevice } from 'fewbits';

import { openDigits } from '../mnist/digits.ts';
import { readMnistFile } from '../mnist/files.ts';
import { openModel } from '../mnist/model.ts';
import { integerOf, runProgram, startCrew, UsageError } from '../shared/command.ts';
import { findPython, NO_PYTHON } from '../shared/python.ts';
import { digestOf } from '../shared/training.ts';
import { work } from './worker.ts';

const HELP = `npm run example:python-server -- [worker] [options]

MNIST digits, trained by workers in JavaScript and a server in Python, examples/python-server/server.py: the largest
1 % up and down, with error feedback on both sides. Without a word it starts all of them on this machine.

  worker            one worker
    --url URL       the server's (default: http://127.0.0.1:8000)
    --rank N        which worker, from 0 (default: 0)

  --workers N       how many workers a run has (default: 2)
  --steps N         (default: 150)
  --seed N          of weights and batches (default: 1)
  --help            print this

The server alone: PYTHONPATH=python python3 examples/python-server/server.py --help. It needs numpy.
`;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Share of the elements that is sent, up and down. */
const RATIO = 0.01;

interface Options {
  readonly workers: number;
  readonly steps: number;
  readonly seed: number;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:8000' },
      rank: { type: 'string', default: '0' },
      workers: { type: 'string', default: '2' },
      steps: { type: 'string', default: '150' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const [role = 'all', ...rest] = positionals;
  if (!['all', 'worker'].includes(role) || rest.length > 0)
    throw new UsageError(`expected worker or nothing, got ${positionals.join(' ')}`);
  const workers = integerOf('--workers', values.workers, 1, 64);
  const options: Options = {
    workers,
    steps: integerOf('--steps', values.steps, 1, 1e6),
    seed: integerOf('--seed', values.seed, 0, 2 ** 32 - 1),
  };
  if (role === 'all') return runAll(options);
  if (!/^https?:\/\/./.test(values.url)) throw new UsageError(`--url expected http://..., got ${values.url}`);
  await runWorker(options, integerOf('--rank', values.rank, 0, workers - 1), values.url.replace(/\/$/, ''));
}

async function runAll({ workers, steps, seed }: Options): Promise<void> {
  const python = await findPython();
  if (python === undefined) throw new Error(NO_PYTHON);
  const { size } = await openModel();
  const numbers = { workers, elements: size, ratio: RATIO, port: 0 };
  const server = spawn(
    python,
    [
      '-B',
      here('server.py'),
      ...Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ],
    { env: { ...process.env, PYTHONPATH: here('../../python') }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  process.once('exit', () => server.kill());
  try {
    const gone = once(server, 'exit').then(() => {
      throw new Error('the server in Python has ended');
    });
    // it says where it listens when it does
    const [said] = (await Promise.race([once(server.stdout, 'data'), gone])) as [Buffer];
    const url = said.toString().trim();
    console.log(`${url}: server.py on ${python}; ${workers} workers, ${steps} steps`);
    const crew = startCrew(workers, here('main.ts'), (rank) => [
      ...['worker', '--url', url, '--rank', String(rank)],
      ...['--workers', String(workers), '--steps', String(steps), '--seed', String(seed)],
    ]);
    try {
      await Promise.race([crew.done, gone]);
    } finally {
      crew.stop();
      gone.catch(() => {});
    }
  } finally {
    server.kill();
  }
}

async function runWorker({ workers, steps, seed }: Options, rank: number, url: string): Promise<void> {
  const device = await openDevice();
  try {
    const task = await openDigits({ algorithm: 'double-squeeze-top-k', seed, role: 'worker' }, readMnistFile);
    const { up, down } = await work(device, task, url, { rank, workers, steps }, RATIO);
    const { parameters } = task.model;
    const accuracy = (await task.evaluate?.(parameters)) ?? 0;
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
    const dense = 4 * parameters.length * steps;
    console.log(
      `worker ${rank}: test accuracy ${(100 * accuracy).toFixed(2)} %, model ${await digestOf(parameters)}, ` +
        `${megabytes(up)} up, ${megabytes(down)} down; float32: ${megabytes(dense)} each way`,
    );
  } finally {
    device.close();
  }
}

await runProgram('npm run example:python-server', main);
