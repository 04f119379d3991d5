/** `fewbits serve` with workers of its own, as processes: signals, the state, and what is printed. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { openBroker } from '../../ts/mqtt/broker.ts';
import { main } from '../support/command.ts';
import { suite } from '../support/suite.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const test = suite('serve and its workers');

/** How long a run may take to end, on a machine with other work. */
const SECONDS = 20;

interface Served {
  readonly child: ChildProcess;
  errors(): string;
  /** Resolves when standard error has that. */
  until(words: RegExp): Promise<void>;
  /** The exit status and standard output. */
  readonly ended: Promise<{ readonly status: number | null; readonly output: string }>;
}

const running: ChildProcess[] = [];

const TASK = ['--task', './tests/cli/slow-task.mjs', '--backend', 'js'];

type AddTest = (name: string, body: () => Promise<void>) => void;

function serve(args: readonly string[], detached = false): Served {
  const workers = args.includes('--workers') ? [] : ['--workers', '2'];
  const child = spawn(process.execPath, [main, 'serve', ...TASK, ...workers, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  });
  running.push(child);
  let [output, errors] = ['', ''];
  let look = (): void => {};
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
    look();
  });
  return {
    child,
    errors: () => errors,
    until: (words) =>
      new Promise((resolve, reject) => {
        look = () => {
          if (words.test(errors)) resolve();
        };
        child.once('close', () => reject(new Error(`it has ended: ${errors}`)));
        look();
      }),
    ended: new Promise((resolve) => {
      child.once('close', (status) => resolve({ status, output }));
    }),
  };
}

test.after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Processes whose parent is this one. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((one) => {
      try {
        return (
          Number(
            readFileSync(`/proc/${one}/stat`, 'utf8')
              .replace(/^.*\) /, '')
              .split(' ')[1],
          ) === pid
        );
      } catch {
        return false;
      }
    });
}

const isAlive = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${SECONDS} s: ${what}`)), SECONDS * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until none of these is alive. */
async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive))
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const broker = await openBroker();
  await broker.close();
  return Number(new URL(broker.url).port);
}

const inFolder = (name: string, body: (folder: string) => Promise<void>, add: AddTest = test): void => {
  add(name, async () => {
    if (process.platform !== 'linux') return;
    const folder = mkdtempSync(`${tmpdir()}/fewbits-serve-`);
    try {
      await body(folder);
    } finally {
      chmodSync(folder, 0o755);
      rmSync(folder, { recursive: true });
    }
  });
};

inFolder(
  'SIGTERM to the server alone: it and its workers end, the state is saved, and it goes on from there',
  async (folder) => {
    const state = ['--state', `${folder}/state`];
    const first = serve([...state, '--deadline', '5', '--steps', '500']);
    await first.until(/step 50 of 500/);
    const workers = childrenOf(first.child.pid as number);
    assert.ok(workers.length >= 2, `${workers.length} workers`);
    first.child.kill('SIGTERM');
    const { status, output } = await within(first.ended, first.errors());
    await within(gone(workers), 'its workers');
    assert.is(status, 0);
    const step = Number(/state saved in \S+: step (\d+) of 500/.exec(first.errors())?.[1]);
    assert.ok(step >= 50 && step < 500, first.errors());
    assert.match(output, new RegExp(`^${step} steps, `));
    assert.match(first.errors(), new RegExp(`SIGTERM: stopping.*\n(.*\n)*.*stopped after step ${step}`));
    const second = serve([...state, '--steps', String(step + 5)]);
    const end = await within(second.ended, second.errors());
    assert.match(second.errors(), new RegExp(`goes on from step ${step} of ${step + 5}`));
    assert.match(end.output, new RegExp(`^${step + 5} steps, `), second.errors());
  },
);

inFolder('SIGINT to the group, as Ctrl-C sends it', async () => {
  const one = serve([], true);
  await one.until(/local-1 is here/);
  const workers = childrenOf(one.child.pid as number);
  process.kill(-(one.child.pid as number), 'SIGINT');
  const { status } = await within(one.ended, one.errors());
  assert.is(status, 0);
  await within(gone(workers), 'its workers');
  assert.match(one.errors(), /without --state nothing is kept/);
});

inFolder('a second signal ends all at once', async () => {
  const one = serve([]);
  await one.until(/local-1 is here/);
  const workers = childrenOf(one.child.pid as number);
  for (const pid of workers) process.kill(pid, 'SIGSTOP');
  one.child.kill('SIGTERM');
  await one.until(/SIGTERM: stopping/);
  one.child.kill('SIGTERM');
  const { status } = await within(one.ended, one.errors());
  assert.is(status, 128 + 15);
  await within(gone(workers), 'its workers');
});

inFolder('workers leave when the process of their server is killed', async () => {
  const one = serve([]);
  await one.until(/local-1 is here/);
  const workers = childrenOf(one.child.pid as number);
  one.child.kill('SIGKILL');
  await within(gone(workers), 'its workers');
});

const brokerGone = async (folder: string): Promise<void> => {
  const broker = await openBroker();
  const one = serve(['--broker', broker.url, '--state', `${folder}/state`]);
  await one.until(/to join/);
  await broker.close();
  one.child.kill('SIGTERM');
  const { status } = await within(one.ended, one.errors());
  assert.is(status, 0);
  assert.ok(existsSync(`${folder}/state`));
};
inFolder('a server whose broker is gone ends on SIGTERM', brokerGone, test.long);

inFolder('a state that cannot be written is an error before anybody joins', async (folder) => {
  const one = serve(['--state', `${folder}/none/state`]);
  const { status } = await within(one.ended, one.errors());
  assert.is(status, 1);
  assert.match(one.errors(), /cannot write/);
  assert.not.match(one.errors(), /is here/);
});

inFolder(
  'a state of another run, of one that is further or a damaged one is refused by name',
  async (folder) => {
    const file = `${folder}/state`;
    const state = ['--state', file];
    const first = serve([...state, '--steps', '3']);
    assert.is((await within(first.ended, first.errors())).status, 0, first.errors());
    const finished = serve([...state, '--steps', '3']);
    const { status, output } = await within(finished.ended, finished.errors());
    assert.is(status, 0);
    assert.match(finished.errors(), /has done all its 3 steps already/);
    assert.match(output, /^3 steps, accuracy \d/);
    const bytes = readFileSync(file);
    const damaged = Uint8Array.from(bytes);
    damaged[60] ^= 1;
    writeFileSync(`${folder}/damaged`, damaged);
    for (const [args, code, words] of [
      [[...state, '--seed', '2'], 2, /--state \S+\/state is of a run with --seed 1, this one has 2/],
      [[...state, '--workers', '3'], 2, /\/state is of a run with --workers 2, this one has 3/],
      [[...state, '--algorithm', 'cser'], 2, /\/state is of a run with --algorithm \S+, this one has cser/],
      [[...state, '--steps', '2'], 2, /--steps 2: the run of --state \S+ has done 3 steps already/],
      [['--state', `${folder}/damaged`], 1, /--state \S+\/damaged: the CRC does not match[^(]*$/],
      [['--state', '/dev/full'], 2, /--state expected a regular file, got \/dev\/full/],
    ] as const) {
      const one = serve(args);
      const { status } = await within(one.ended, args.join(' '));
      assert.match(one.errors(), words);
      assert.is(status, code, one.errors());
    }
    assert.ok(readFileSync(file).equals(bytes));
  },
  test.long,
);

inFolder('a port that is taken is an error at once, and nothing stays open', async () => {
  const other = await openBroker({ webSocketPort: 0 });
  try {
    const [taken, free] = [new URL(other.url).port, new URL(other.webSocketUrl as string).port];
    for (const [args, words] of [
      [['--listen', `127.0.0.1:${taken}`], `--listen 127.0.0.1:${taken}: cannot listen on`],
      [['--web-port', free], `--web-port ${free}: cannot listen on`],
    ] as const) {
      const one = serve(args);
      const { status } = await within(one.ended, words);
      assert.is(status, 1, one.errors());
      assert.match(one.errors(), words);
      assert.match(one.errors(), /the port is taken/);
      assert.not.match(one.errors(), /EADDRINUSE/);
    }
    // the port that was free before the other one turned out to be taken is free again
    const port = await freePort();
    let error: unknown;
    await openBroker({ port, webSocketPort: Number(taken) }).catch((reason: unknown) => (error = reason));
    assert.match((error as Error).message, `cannot listen on 127.0.0.1:${taken}: the port is taken`);
    await (await openBroker({ port })).close();
  } finally {
    await other.close();
  }
});

inFolder('seats that follow the workers, and settings by step', async (folder) => {
  const settings = `${folder}/settings.json`;
  writeFileSync(settings, '{ "0": { "learningRate": 0.5 }, "60": { "learningRate": 0.01 } }');
  const port = await freePort();
  const args = ['--workers', '2..3', '--settings', settings, '--listen', `127.0.0.1:${port}`, '--run', 'r'];
  const one = serve([...args, '--steps', '150', '--state', `${folder}/state`]);
  await one.until(/local-1 is here/);
  const late = ['join', '--broker', `mqtt://127.0.0.1:${port}`, '--run', 'r', '--name', 'late', ...TASK];
  const child = spawn(process.execPath, [main, ...late], { cwd: root, stdio: 'ignore' });
  running.push(child);
  const { status, output } = await within(one.ended, one.errors());
  assert.is(status, 0, one.errors());
  assert.match(one.errors(), /late is here, rank 2/);
  assert.match(one.errors(), /3 of 3 workers/);
  assert.match(output, /^150 steps, accuracy 100.00 %/);
  // another range goes on from the state; a number has to be the one that there was
  const again = serve(['--workers', '1..', '--steps', '150', '--state', `${folder}/state`]);
  assert.is((await within(again.ended, again.errors())).status, 0, again.errors());
  for (const [given, words] of [
    [['--workers', '3..2'], /--workers expected an integer in 3..65534, got "2"/],
    [['--workers', '0..2'], /--workers expected an integer in 1..65534, got "0"/],
    [['--workers', 'many'], /--workers expected an integer/],
    [['--workers', '2..3', '--quorum', '3'], /--quorum expected an integer in 1..2/],
    [['--settings', `${folder}/state`], /the settings \S+ make no sense: they are no JSON/],
  ] as const) {
    const refused = serve(given);
    assert.is((await within(refused.ended, refused.errors())).status, 2);
    assert.match(refused.errors(), words);
  }
  for (const [text, words] of [
    ['{ "0": { "learningRate": -1 } }', /of step 0, "learningRate" expected a finite number/],
    ['{ "a": {} }', /"a" is not the number of a step/],
    ['[]', /they are no object of steps/],
    ['{ "0": { "rate": 1 } }', /of step 0, .*rate/],
  ] as const) {
    writeFileSync(settings, text);
    const refused = serve(['--settings', settings]);
    assert.is((await within(refused.ended, refused.errors())).status, 2);
    assert.match(refused.errors(), words);
  }
});

test.run();
