/** `fewbits serve`: the server of a run; without --broker also the broker and the workers, on this machine. */
import { openQuietly } from '../gpu.ts';
import type { Device } from '../../device.ts';
import type { Broker } from '../../mqtt/broker.ts';
import type { System } from '../../algorithms/system.ts';
import type { Schedule } from '../../runs/decisions.ts';
import type { ClosedRound, RunServer } from '../../runs/serve-options.ts';
import { serveRun } from '../../runs/serve.ts';
import { systemOf } from '../../runs/step-settings.ts';
import type { Task } from '../../runs/task.ts';
import { command, type Command, type ValuesOf } from '../command.ts';
import { localWorkers, type LocalWorkers } from '../local-workers.ts';
import { BACKEND, JSON_REPORT } from '../options.ts';
import { OF_OWN_BROKER, ownBroker } from '../own-broker.ts';
import { brokerOf, OF_BROKER, OF_RUN } from '../run-options.ts';
import { readSchedule, workersOf, type Workers } from '../run-schedule.ts';
import { evaluateEvery, openProgress, type Progress } from '../serve-progress.ts';
import { onSignals } from '../signals.ts';
import { fileStore, stateError } from '../state-file.ts';
import { systemOfTask, taskOf, type About } from '../tasks.ts';
import { integerOf, positiveOf, required, UsageError } from '../usage.ts';

const WORKERS = 4;
const STEPS = 100;

const OPTIONS = {
  broker: {
    ...OF_RUN.broker,
    about: `${OF_RUN.broker.about}; one is started here, with workers, where it is left out`,
  },
  run: { ...OF_RUN.run, about: "the run's name (run)" },
  prefix: OF_RUN.prefix,
  task: OF_RUN.task,
  algorithm: { type: 'string', value: 'NAME', about: "one of the task's systems" },
  workers: {
    type: 'string',
    value: 'N',
    about: 'the most workers (4); or 2..8, where seats follow the workers from step to step; 2.. for no end',
  },
  steps: { type: 'string', value: 'N', about: 'steps of the run' },
  'local-steps': {
    type: 'string',
    value: 'H',
    about: 'steps that workers train alone in each, where the system takes models',
  },
  seed: { type: 'string', value: 'N', about: 'what the task is drawn from (1)' },
  quorum: {
    type: 'string',
    value: 'N',
    about: 'messages that a round needs (half of the workers; of 2..8 the least)',
  },
  settings: {
    type: 'string',
    value: 'FILE',
    about: 'what is sent with steps, JSON: {"0": {"learningRate": 0.1}, "500": {"learningRate": 0.01}}',
  },
  'most-weight': { type: 'string', value: 'W', about: 'the most that a message may weigh (1)' },
  deadline: OF_RUN.deadline,
  'check-every': {
    type: 'string',
    value: 'STEPS',
    about: 'after which models are compared (25; 0 never)',
  },
  state: { type: 'string', value: 'FILE', about: 'where the server keeps its state, and goes on from' },
  ...OF_OWN_BROKER,
  ...OF_BROKER,
  ...BACKEND,
  ...JSON_REPORT,
} as const;

type Values = ValuesOf<typeof OPTIONS>;

export const serve: Command = command({
  forms: [
    ['fewbits serve --task TASK --workers 4', 'trains on this machine: broker, server and workers'],
    ['fewbits serve --task TASK --broker mqtt://HOST', 'the server of a run on a broker'],
  ],
  options: OPTIONS,
  takesFile: false,
  run: (values) => host(values),
});

async function host(values: Values): Promise<void> {
  const asked = await readLine(values);
  const { run, task, steps } = asked;
  const device = await openQuietly(values.backend);
  const progress = openProgress(steps, values.json === true);
  const children = localWorkers((text) => progress.say(text));
  const started = performance.now();
  const tally = countRounds(asked, progress);
  let broker: Broker | undefined;
  try {
    broker = values.broker === undefined ? await ownBroker(values) : undefined;
    const url = values.broker ?? (broker as Broker).url;
    const server = await openServer(values, asked, { url, device, progress, tally });
    const first = server.position.step;
    const isFinished = first >= steps;
    const leaving = stopOnSignals(server, children, progress);
    progress.say(`${asked.system.name} of ${task.model.parameters.length} numbers, run ${run} on ${url}`);
    if (isFinished) progress.say(`the run of ${values.state} has done all its ${steps} steps already`);
    else if (first > 0) progress.say(`goes on from step ${first} of ${steps}, from ${values.state}`);
    if (broker?.webSocketUrl !== undefined) progress.say(`WebSocket: ${broker.webSocketUrl}`);
    if (broker === undefined)
      progress.say(`to join: fewbits join --broker ${url} --run ${run}${ownTask(asked.name)}`);
    else if (!isFinished) startWorkers(values, asked, url, children);
    await endOf(server, steps, children, leaving);
    progress.keep();
    if (isFinished) tally.accuracy = await task.evaluate?.(task.model.parameters);
    sayWhereItStopped(values, steps, server.position.step, leaving.isStopped, progress);
    progress.end({
      run,
      system: asked.system.name,
      steps: server.position.step,
      accuracy: tally.accuracy,
      packetBytesUp: tally.packetBytesUp,
      packetBytesDown: tally.packetBytesDown,
      bytesReceived: tally.traffic.bytesDown,
      bytesSent: tally.traffic.bytesUp,
      broker: broker && { ...broker.bytes },
      seconds: (performance.now() - started) / 1000,
    });
  } finally {
    children.kill();
    device.close();
    await broker?.close();
  }
}

/** The run that a line asks for, and its task. */
interface Asked {
  /** The task's name, as `--task` has it. */
  readonly name: string;
  readonly run: string;
  readonly workers: Workers;
  readonly steps: number;
  readonly task: Task;
  /** The task's, as it begins. */
  readonly system: System;
  readonly settings: Schedule | undefined;
  readonly about: About;
}

/** @throws UsageError where an option makes no sense */
async function readLine(values: Values): Promise<Asked> {
  const name = required(values.task, 'serve expected --task mnist, or a module of yours: --task ./task.mjs');
  const workers = workersOf(values.workers ?? String(WORKERS));
  const seed = integerOf('seed', values.seed ?? '1', 0);
  const { algorithm, run = 'run' } = values;
  const localSteps =
    values['local-steps'] === undefined ? undefined : integerOf('local-steps', values['local-steps'], 1);
  const openTask = await taskOf(name);
  const asked = { algorithm, seed, ...(localSteps !== undefined && { localSteps }) };
  const task = await openTask({ ...asked, role: 'server' }).catch((error: unknown) => {
    const isOfLine = error instanceof RangeError && error.message.startsWith('"algorithm" ');
    throw isOfLine ? new UsageError(error.message.replace('"algorithm"', '--algorithm')) : error;
  });
  const steps = values.steps === undefined ? (task.steps ?? STEPS) : integerOf('steps', values.steps, 1);
  const settings = values.settings === undefined ? undefined : await readSchedule(values.settings);
  const system = systemOf(systemOfTask(task), typeof settings === 'function' ? settings(0) : settings);
  if (localSteps !== undefined && system.takes !== 'model')
    throw new UsageError(`--local-steps expected a system that takes models, got ${system.name}`);
  const about: About = {
    task: name,
    ...(algorithm !== undefined && { algorithm }),
    ...(localSteps !== undefined && { localSteps }),
    seed,
    steps,
  };
  return { name, run, workers, steps, task, system, settings, about };
}

/** What the closed rounds of a run have come to so far. */
interface Tally {
  /** Of the last evaluation; none before the first. */
  accuracy: number | undefined;
  packetBytesUp: number;
  packetBytesDown: number;
  traffic: Pick<ClosedRound['traffic'], 'bytesUp' | 'bytesDown'>;
  readonly onRound: (round: ClosedRound) => Promise<void>;
}

/** Counts the bytes of each round, evaluates the model some times in a run, and shows how far it is. */
function countRounds({ steps, task }: Asked, progress: Progress): Tally {
  const every = evaluateEvery(steps);
  const tally: Tally = {
    accuracy: undefined,
    packetBytesUp: 0,
    packetBytesDown: 0,
    traffic: { bytesUp: 0, bytesDown: 0 },
    async onRound(round) {
      for (const { bytes } of round.from) tally.packetBytesUp += bytes.length;
      tally.packetBytesDown += round.answer.length * round.present;
      tally.traffic = round.traffic;
      if (!round.last) return;
      const step = round.step + 1;
      if (task.evaluate && (step % every === 0 || step === steps))
        tally.accuracy = await task.evaluate(task.model.parameters);
      progress.round(round, tally.accuracy);
    },
  };
  return tally;
}

/** The server of the run, which goes on from `--state` where that has one. */
function openServer(
  values: Values,
  { run, workers, steps, task, system, settings, about }: Asked,
  { url, device, progress, tally }: { url: string; device: Device; progress: Progress; tally: Tally },
): Promise<RunServer> {
  return serveRun({
    broker: brokerOf(url, values, (text) => progress.say(text)),
    run,
    prefix: values.prefix,
    device,
    system: systemOfTask(task),
    model: task.model,
    workers: workers.asked,
    ...(settings !== undefined && { settings }),
    ...(values.quorum !== undefined && { quorum: integerOf('quorum', values.quorum, 1, workers.least) }),
    ...(values['most-weight'] !== undefined && {
      mostWeight: positiveOf('most-weight', values['most-weight']),
    }),
    ...(values.deadline !== undefined && { deadline: 1000 * positiveOf('deadline', values.deadline) }),
    ...(values['check-every'] !== undefined && {
      checkEvery: integerOf('check-every', values['check-every'], 0),
    }),
    ...(values.state !== undefined && {
      store: fileStore(values.state, { about, system: system.name, workers }),
    }),
    steps,
    about,
    onMember: ({ name, rank, here }) =>
      progress.say(`${name} ${here ? `is here, rank ${rank}` : 'has left'}`),
    onRefused: ({ name, reason }) => progress.say(`refused from ${name}: ${reason}`),
    onNote: (text) => progress.say(text),
    onRound: tally.onRound,
  }).catch((error: unknown) => {
    throw stateError(values.state, error);
  });
}

/** How a run is left before its end. */
interface Leaving {
  /** Whether a signal asked for it. */
  readonly isStopped: boolean;
  /** Stops the server and the workers on this machine. */
  readonly leave: () => Promise<unknown>;
  /** Leaves signals alone again. */
  readonly off: () => void;
}

/** The first signal has the server and its workers leave; a second one ends the workers at once. */
function stopOnSignals(server: RunServer, children: LocalWorkers, progress: Progress): Leaving {
  let isStopped = false;
  const leave = (): Promise<unknown> => Promise.allSettled([server.stop(), children.stop()]);
  const off = onSignals(
    (signal) => {
      isStopped = true;
      progress.say(`${signal}: stopping; once more ends it at once`);
      void leave();
    },
    () => children.kill(),
  );
  return {
    get isStopped() {
      return isStopped;
    },
    leave,
    off,
  };
}

/** The workers on this machine, where the broker is this process's. */
function startWorkers(
  values: Values,
  { name, run, workers }: Asked,
  url: string,
  children: LocalWorkers,
): void {
  for (let i = 0; i < workers.least; i++)
    children.start(`local-${i}`, ['--broker', url, '--run', run, '--task', name, ...passedOn(values)]);
}

/** Waits for the end of the run, or for all workers on this machine to end before it, which is an error. */
async function endOf(
  server: RunServer,
  steps: number,
  children: LocalWorkers,
  { leave, off }: Leaving,
): Promise<void> {
  // the workers hear of the last round first: they may all have left while the server is at its end
  const gone = children.gone.catch((error: unknown) => {
    if (server.position.step < steps) throw error;
    return server.done;
  });
  try {
    await Promise.race([server.done, gone]);
  } catch (error) {
    await leave();
    throw error;
  }
  // each has the end of the run by now, and is about to leave
  await children.left();
  off();
}

function sayWhereItStopped(
  { state }: Values,
  steps: number,
  step: number,
  isStopped: boolean,
  progress: Progress,
): void {
  if (isStopped && step < steps)
    progress.say(
      `stopped after step ${step} of ${steps}${state === undefined ? ': without --state nothing is kept' : ''}`,
    );
  if (state !== undefined) progress.say(`state saved in ${state}: step ${step} of ${steps}`);
}

/** What a joiner has to add where the task is not one of fewbits. */
function ownTask(name: string): string {
  return /^\w+$/.test(name) ? '' : ` --task ${name}`;
}

/** What a worker on this machine is told beside the run. */
function passedOn(values: Values): string[] {
  const names = ['prefix', 'backend', 'packet-bytes', 'deadline'] as const;
  return names.flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]]));
}
