/** `fewbits serve`: the server of a run; without --broker also the broker and the workers, on this machine. */
import { openQuietly } from './gpu.ts';
import { openBroker, type Broker } from '../mqtt/broker.ts';
import type { ClosedRound } from '../runs/serve-options.ts';
import { serveRun } from '../runs/server.ts';
import { localWorkers } from './local-workers.ts';
import { brokerOf, type RunValues } from './run-options.ts';
import { onSignals } from './signals.ts';
import { fileStore, stateError } from './state-file.ts';
import { taskOf, type About } from './tasks.ts';
import { integerOf, positiveOf, required, UsageError } from './usage.ts';

/** What --json prints in the end. */
export interface ServeReport {
  readonly run: string;
  readonly system: string;
  readonly steps: number;
  readonly accuracy: number | undefined;
  /** Packets alone, and as the server's connection carried them. */
  readonly packetBytesUp: number;
  readonly packetBytesDown: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Bytes on all TCP connections of the broker, where it is this process's. */
  readonly broker: { readonly received: number; readonly sent: number } | undefined;
  readonly seconds: number;
}

const WORKERS = 4;
const STEPS = 100;

/** How often the model is evaluated in a run. */
const EVALUATIONS = 10;

export async function serve(values: RunValues): Promise<void> {
  const name = required(values.task, 'serve expected --task mnist, or a module of yours: --task ./task.mjs');
  const workers = integerOf('workers', values.workers ?? String(WORKERS), 1, 0xfffe);
  const seed = integerOf('seed', values.seed ?? '1', 0);
  const run = values.run ?? 'run';
  const { algorithm, prefix } = values;
  const openTask = await taskOf(name);
  const task = await openTask({ algorithm, seed, role: 'server' }).catch((error: unknown) => {
    const isOfLine = error instanceof RangeError && error.message.startsWith('"algorithm" ');
    throw isOfLine ? new UsageError(error.message.replace('"algorithm"', '--algorithm')) : error;
  });
  const steps = values.steps === undefined ? (task.steps ?? STEPS) : integerOf('steps', values.steps, 1);
  const about: About = { task: name, ...(algorithm !== undefined && { algorithm }), seed, steps };

  const device = await openQuietly(values.backend);
  const progress = openProgress(steps, values.json === true);
  const children = localWorkers((text) => progress.say(text));
  const started = performance.now();
  let accuracy: number | undefined;
  let [packetBytesUp, packetBytesDown] = [0, 0];
  let traffic = { bytesUp: 0, bytesDown: 0 };
  let broker: Broker | undefined;
  const every = Math.max(1, Math.floor(steps / EVALUATIONS));
  try {
    broker = values.broker === undefined ? await ownBroker(values) : undefined;
    const url = values.broker ?? (broker as Broker).url;
    const server = await serveRun({
      broker: brokerOf(url, values, (text) => progress.say(text)),
      run,
      prefix,
      device,
      system: task.system,
      model: task.model,
      workers,
      ...(values.quorum !== undefined && { quorum: integerOf('quorum', values.quorum, 1, workers) }),
      ...(values.deadline !== undefined && { deadline: 1000 * positiveOf('deadline', values.deadline) }),
      ...(values['check-every'] !== undefined && {
        checkEvery: integerOf('check-every', values['check-every'], 0),
      }),
      ...(values.state !== undefined && {
        store: fileStore(values.state, { about, system: task.system.name, workers }),
      }),
      steps,
      about,
      onMember: ({ name, rank, here }) =>
        progress.say(`${name} ${here ? `is here, rank ${rank}` : 'has left'}`),
      onRefused: ({ name, reason }) => progress.say(`refused from ${name}: ${reason}`),
      onNote: (text) => progress.say(text),
      async onRound(round) {
        for (const { bytes } of round.from) packetBytesUp += bytes.length;
        packetBytesDown += round.answer.length * round.present;
        traffic = round.traffic;
        if (!round.last) return;
        const step = round.step + 1;
        if (task.evaluate && (step % every === 0 || step === steps))
          accuracy = await task.evaluate(task.model.parameters);
        progress.round(round, accuracy);
      },
    }).catch((error: unknown) => {
      throw stateError(values.state, error);
    });
    const first = server.position.step;
    const isFinished = first >= steps;
    let isStopped = false;
    const leave = (): Promise<unknown> => Promise.allSettled([server.stop(), children.stop()]);
    const offSignals = onSignals(
      (signal) => {
        isStopped = true;
        progress.say(`${signal}: stopping; once more ends it at once`);
        void leave();
      },
      () => children.kill(),
    );
    progress.say(`${task.system.name} of ${task.model.parameters.length} numbers, run ${run} on ${url}`);
    if (isFinished) progress.say(`the run of ${values.state} has done all its ${steps} steps already`);
    else if (first > 0) progress.say(`goes on from step ${first} of ${steps}, from ${values.state}`);
    if (broker?.webSocketUrl !== undefined) progress.say(`WebSocket: ${broker.webSocketUrl}`);
    if (broker === undefined)
      progress.say(`to join: fewbits join --broker ${url} --run ${run}${ownTask(name)}`);
    else if (!isFinished)
      for (let i = 0; i < workers; i++)
        children.start(`local-${i}`, ['--broker', url, '--run', run, '--task', name, ...passedOn(values)]);
    try {
      await Promise.race([server.done, children.gone]);
    } catch (error) {
      await leave();
      throw error;
    }
    // each has the end of the run by now, and is about to leave
    await children.left();
    offSignals();
    progress.keep();
    if (isFinished) accuracy = await task.evaluate?.(task.model.parameters);
    const { step } = server.position;
    if (isStopped && step < steps)
      progress.say(
        `stopped after step ${step} of ${steps}${values.state === undefined ? ': without --state nothing is kept' : ''}`,
      );
    if (values.state !== undefined) progress.say(`state saved in ${values.state}: step ${step} of ${steps}`);
    const report: ServeReport = {
      run,
      system: task.system.name,
      steps: server.position.step,
      accuracy,
      packetBytesUp,
      packetBytesDown,
      bytesReceived: traffic.bytesDown,
      bytesSent: traffic.bytesUp,
      broker: broker && { ...broker.bytes },
      seconds: (performance.now() - started) / 1000,
    };
    progress.end(report);
  } finally {
    children.kill();
    device.close();
    await broker?.close();
  }
}

/** What a joiner has to add where the task is not one of fewbits. */
function ownTask(name: string): string {
  return /^\w+$/.test(name) ? '' : ` --task ${name}`;
}

async function ownBroker({ listen = '127.0.0.1:0', 'web-port': webPort }: RunValues): Promise<Broker> {
  const [, host, port] = /^(.+):(\d+)$/.exec(listen) ?? [];
  if (host === undefined) throw new UsageError(`--listen expected HOST:PORT, got ${JSON.stringify(listen)}`);
  const webSocketPort = webPort === undefined ? undefined : integerOf('web-port', webPort, 0, 65_535);
  const own = { host, port: integerOf('listen', port, 0, 65_535), webSocketPort };
  if (own.port === webSocketPort && own.port > 0)
    throw new UsageError(`--web-port expected another port than that of --listen, got ${own.port}`);
  try {
    return await openBroker(own);
  } catch (error) {
    const { message, cause } = error as Error;
    const { port: refused, syscall } = (cause ?? {}) as { port?: number; syscall?: string };
    const isWeb = webSocketPort !== undefined && webSocketPort > 0 && refused === webSocketPort;
    const option = isWeb ? `--web-port ${webSocketPort}` : `--listen ${listen}`;
    throw syscall === undefined ? error : new Error(`${option}: ${message}`, { cause: error });
  }
}

/** What a worker on this machine is told beside the run. */
function passedOn(values: RunValues): string[] {
  const names = ['prefix', 'backend', 'packet-bytes', 'deadline'] as const;
  return names.flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]]));
}

interface Progress {
  say(text: string): void;
  /** Leaves the line that is drawn where it is. */
  keep(): void;
  round(round: ClosedRound, accuracy: number | undefined): void;
  end(report: ServeReport): void;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** A line that is written over on a terminal; some lines elsewhere; with --json nothing but the report on standard output. */
function openProgress(steps: number, json: boolean): Progress {
  const terminal = process.stderr.isTTY === true;
  const every = Math.max(1, Math.floor(steps / EVALUATIONS));
  const write = (text: string): void =>
    void process.stderr.write(terminal ? `\r\x1b[K${text}\n` : `${text}\n`);
  let isDrawn = false;
  return {
    say: write,
    keep() {
      if (isDrawn) process.stderr.write('\n');
      isDrawn = false;
    },
    round({ step, present, from, missed, passed, stragglers, duration, traffic }, accuracy) {
      const late = missed.length === 0 ? '' : `, without ${missed.join(' ')}`;
      const out = passed.length === 0 ? '' : `, left out by ${passed.join(' ')}`;
      const behind = stragglers.length === 0 ? '' : `, straggling ${stragglers.join(' ')}`;
      const right = accuracy === undefined ? '' : `, accuracy ${(100 * accuracy).toFixed(2)} %`;
      const line =
        `round ${step + 1} of ${steps}, ${from.length} of ${present} workers${late}${out}${behind}${right}, ` +
        `${megabytes(traffic.bytesDown)} in, ${megabytes(traffic.bytesUp)} out, ${duration.toFixed(0)} ms`;
      if (terminal) {
        process.stderr.write(`\r\x1b[K${line}`);
        isDrawn = true;
      } else if ((step + 1) % every === 0 || step + 1 === steps || missed.length > 0 || passed.length > 0)
        write(line);
    },
    end(report) {
      if (json) return console.log(JSON.stringify(report, undefined, 2));
      const { accuracy, packetBytesUp, packetBytesDown, bytesReceived, bytesSent, seconds } = report;
      const right = accuracy === undefined ? '' : `accuracy ${(100 * accuracy).toFixed(2)} %, `;
      console.log(
        `${report.steps} steps, ${right}${megabytes(bytesReceived)} in, ${megabytes(bytesSent)} out, ` +
          `${seconds.toFixed(1)} s; packets alone ${megabytes(packetBytesUp)} from workers, ` +
          `${megabytes(packetBytesDown)} to all workers together`,
      );
    },
  };
}
