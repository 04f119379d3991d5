/** Runs over each broker: a suite whose tests have a broker of their own, and a server, workers and processes on it. */
import { fork, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import type { System } from '../../ts/algorithms/system.ts';
import { mqttBroker } from '../../ts/mqtt/connection.ts';
import type { JoinOptions } from '../../ts/runs/join-options.ts';
import type { RunServer, ServeOptions } from '../../ts/runs/serve-options.ts';
import { serveRun } from '../../ts/runs/serve.ts';
import { joinRun } from '../../ts/runs/worker.ts';
import { device } from '../reference/algorithms/play.ts';
import { WORKERS } from '../runs/play.ts';
import { checker, gradientAt, modelOf, type Checker } from '../runs/runs.ts';
import { some } from '../support/inputs.ts';
import { skip } from '../support/require.ts';
import { suite } from '../support/suite.ts';
import { brokers, type RunningBroker } from './brokers.ts';
import type { Said, Settings } from './process.ts';

/** A process, what it has said so far, and what it says in the end. */
export interface Process {
  readonly child: ChildProcess;
  readonly said: Said[];
  readonly done: Promise<Said & { kind: 'done' }>;
  until(this: void, holds: (said: Said) => boolean): Promise<void>;
}

/** A run on the broker of a test. */
export interface Played {
  readonly run: string;
  readonly checks: Checker;
  readonly refusals: string[];
  /** Of workers, by their names. */
  readonly models: Map<string, JoinOptions['model']>;
  serve(this: void, more?: Partial<ServeOptions>): Promise<RunServer>;
  join(this: void, name: string, more?: Partial<JoinOptions>): ReturnType<typeof joinRun>;
}

/** The broker of a test, and who is on it. */
export interface OnBroker {
  readonly broker: RunningBroker;
  /** A server and workers of a run, whose rounds are checked. */
  play(this: void, tried: { readonly system: System; readonly momentum: number }, check?: boolean): Played;
  /** A server or a worker as a process, which is killed when the test ends. */
  start(this: void, settings: Partial<Settings> & Pick<Settings, 'role' | 'url' | 'system'>): Process;
}

/** Adds a test, with a broker of these settings; it is skipped where the broker is not installed. */
export type AddTest = (
  name: string,
  body: (on: OnBroker) => Promise<void>,
  settings?: readonly string[],
) => void;

/** A suite over each kind of broker, with the tests that `add` adds. */
export function overBrokers(title: string, add: (test: AddTest, kind: string) => void): void {
  for (const { name: kind, missing, open } of some(brokers)) {
    const test = suite(`${title} over ${kind}`);
    const addTest: AddTest = (name, body, settings) => {
      test(name, async () => {
        if (missing !== undefined) return skip(missing);
        const broker = await open(settings);
        const children: ChildProcess[] = [];
        let runs = 0;
        try {
          await body({
            broker,
            play: (tried, check = true) => play(broker, `run-${runs++}`, tried, check),
            start: (settings) => start(settings, children),
          });
        } finally {
          for (const child of children) child.kill('SIGKILL');
          await broker.close();
        }
      });
    };
    add(addTest, kind);
    test.run();
  }
}

function play(
  { url }: RunningBroker,
  run: string,
  { system, momentum }: { readonly system: System; readonly momentum: number },
  check: boolean,
): Played {
  const checks = checker(system, WORKERS, momentum);
  const refusals: string[] = [];
  const models = new Map<string, JoinOptions['model']>();
  const common = { broker: mqttBroker({ url }), run, device, system };
  return {
    run,
    checks,
    refusals,
    models,
    serve: (more = {}) =>
      serveRun({
        ...common,
        model: modelOf(momentum),
        workers: WORKERS,
        steps: 12,
        deadline: 3000,
        heartbeat: 300,
        ...(check && { onRound: checks.onRound }),
        onRefused: ({ name, reason }) => refusals.push(`${name}: ${reason}`),
        ...more,
      }),
    join(name, more = {}) {
      const model = modelOf(momentum);
      models.set(name, model);
      return joinRun({ ...common, name, model, gradient: gradientAt, ...more });
    },
  };
}

let built: string | undefined;

/**
 * process.ts as one file of JavaScript, in a folder whose programs find the packages that it imports. One that is not
 * translated as it starts takes a third of the processor time, and a test starts up to six.
 */
function program(): string {
  if (built !== undefined) return built;
  const folder = fileURLToPath(new URL(`../../node_modules/.cache/fewbits/${process.pid}/`, import.meta.url));
  const outfile = `${folder}mqtt-process.mjs`;
  const entryPoints = [fileURLToPath(new URL('./process.ts', import.meta.url))];
  buildSync({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external' });
  process.once('exit', () => rmSync(folder, { recursive: true }));
  return (built = outfile);
}

function start(
  settings: Partial<Settings> & Pick<Settings, 'role' | 'url' | 'system'>,
  children: ChildProcess[],
): Process {
  const child = fork(program(), { execArgv: [] });
  children.push(child);
  child.send({
    name: 'x',
    pause: 20,
    workers: WORKERS,
    steps: 20,
    held: false,
    file: '',
    backend: 'js',
    ...settings,
  });
  const said: Said[] = [];
  child.on('message', (one: Said) => said.push(one));
  const until = (holds: (one: Said) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      child.on('message', (one: Said) => {
        if (holds(one)) resolve();
        if (one.kind === 'failed') reject(new Error(one.reason));
      });
      // what has ended says nothing more: a test that waits for it fails at once
      child.once('exit', () => reject(new Error(`the ${settings.role} has ended`)));
    });
  const done = until(({ kind }) => kind === 'done').then(
    () => said[said.length - 1] as Said & { kind: 'done' },
  );
  done.catch(() => {});
  return { child, said, done, until };
}
