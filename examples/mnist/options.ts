/** The command line of `npm start`: what may be asked for, checked before anything starts. */
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { UsageError } from '../shared/command.ts';
import type { Algorithm } from './algorithms.ts';
import { algorithms } from './algorithms.ts';
import type { Cut } from './cuts.ts';
import { cuts } from './cuts.ts';
import { PICTURES, type DatasetName, type PicturesName } from './datasets.ts';
import { HELD_OUT, type HeldOut } from './problem.ts';
import { SHARES, type Shares } from './shares.ts';
import { LOCAL_STEPS } from './train.ts';

/** Backends that --backend takes. */
const BACKENDS = ['auto', 'webgpu', 'wasm', 'js'] as const;

/** What one call of the program does. */
export interface Options {
  readonly help: boolean;
  /** Systems to run, in this order, none twice. */
  readonly algorithms: readonly Algorithm[];
  /** Ways of split learning to run, in this order, none twice. */
  readonly cuts: readonly Cut[];
  readonly dataset: DatasetName;
  readonly workers: number;
  /** Steps of each run, for data-parallel training and for split learning. */
  readonly steps: number;
  readonly splitSteps: number;
  /** Steps between two exchanges, for systems that take models. */
  readonly localSteps: number;
  /** Who has which pictures, in data-parallel training. */
  readonly shares: Shares;
  /** What the scores are of. */
  readonly heldOut: HeldOut;
  /** The learning rate of all runs; each system's own if undefined. */
  readonly rate: number | undefined;
  readonly backend: (typeof BACKENDS)[number];
  readonly seed: number;
  /** Runs at a time. */
  readonly atOnce: number;
  /** File for the numbers; none is written without it. */
  readonly json: string | undefined;
  /** File for the page. */
  readonly report: string;
}

const DEFAULTS = {
  workers: 4,
  steps: 1000,
  splitSteps: 500,
  localSteps: LOCAL_STEPS,
  seed: 1,
  // a run keeps one core busy, and a few hundred megabytes
  jobs: Math.min(availableParallelism(), 4),
  report: 'report.html',
} as const;

/** What --task takes: the tasks of a run. */
const TASKS = ['both', 'data', 'split', 'text'] as const;

/**
 * Reads the arguments that follow the program's name.
 *
 * @throws UsageError naming the option, what was expected and what came.
 */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  const options: Options = {
    help: values.help ?? false,
    ...readSystems(values.task, values.algorithm, values.all ?? false),
    ...readData(values.task, values.dataset, values.shares),
    workers: readInteger('workers', values.workers, DEFAULTS.workers, 1, 256),
    steps: readInteger('steps', values.steps, DEFAULTS.steps, 1, 1_000_000),
    splitSteps: readInteger('steps', values.steps, DEFAULTS.splitSteps, 1, 1_000_000),
    localSteps: readInteger('local-steps', values['local-steps'], DEFAULTS.localSteps, 1, 1_000_000),
    heldOut: readChoice('held-out', values['held-out'], HELD_OUT),
    rate: values.rate === undefined ? undefined : readRate(values.rate),
    backend: readChoice('backend', values.backend, BACKENDS),
    seed: readInteger('seed', values.seed, DEFAULTS.seed, 0, 2 ** 32 - 1),
    atOnce: readInteger('jobs', values.jobs, DEFAULTS.jobs, 1, 256),
    json: values.json === undefined ? undefined : readOutput('json', values.json),
    report: readOutput('report', values.report ?? DEFAULTS.report),
  };
  if (options.json !== undefined && path.resolve(options.json) === path.resolve(options.report)) {
    throw new UsageError(`"--json" and "--report" expected two files, got "${options.json}" twice`);
  }
  return options;
}

/** The text of --help. */
export function helpText(): string {
  const width = Math.max(...[...algorithms, ...cuts].map(({ name }) => name.length));
  const lines = (systems: readonly (Algorithm | Cut)[]): string =>
    systems
      .map(
        ({ name, description, standard }) => `${standard ? '*' : ' '} ${name.padEnd(width)}  ${description}`,
      )
      .join('\n');
  return `Trains small networks, once with each system below: on pictures in data parallel, and cut in
two between a client and a server; or on text. Compares what they learn with what they send.

Usage: npm start -- [options]

  --task T       data (data-parallel training on pictures), split (split learning on pictures), both, or text
                 (data-parallel training of a transformer on the King James Bible, fetched at the first use) (both)
  --algorithm A  a system to run, by name; may be given several times (those marked *)
  --all          every system, not only those marked *
  --dataset D    mnist, the digits, or fashion, pictures of clothes: 39 MB, fetched at the first use (mnist)
  --workers N    workers that train together (${DEFAULTS.workers})
  --steps S      steps of each run (${DEFAULTS.steps}; ${DEFAULTS.splitSteps} in split learning)
  --local-steps H  steps that workers take alone between two exchanges, in *-lo-co and fed-avg (${DEFAULTS.localSteps})
  --shares S     equal, or classes: each worker has pictures of two to five classes, and other numbers of them (equal)
  --held-out H   what is scored: test data, or validation: a part of the training data, not trained on then (test)
  --rate R       learning rate of all runs (each system's own, which npm run results:rates has found)
  --backend B    what compresses: ${BACKENDS.join(', ')} (${BACKENDS[0]})
  --jobs J       runs at a time, each in a process of its own (${DEFAULTS.jobs})
  --seed S       what initial weights and batches are drawn from (${DEFAULTS.seed})
  --report FILE  the page with tables and plots (${DEFAULTS.report})
  --json FILE    the numbers behind it
  --help         this text

Data parallel ("up" is what every worker sends, "down" what it receives):
${lines(algorithms)}

Split learning ("up" are the features that the client sends, "down" their gradient):
${lines(cuts)}

Megabytes are 10^6 bytes, summed over all workers and steps. Equal seeds give equal numbers, times aside.
`;
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        algorithm: { type: 'string', multiple: true },
        all: { type: 'boolean' },
        task: text,
        dataset: text,
        workers: text,
        steps: text,
        'local-steps': text,
        shares: text,
        'held-out': text,
        rate: text,
        backend: text,
        seed: text,
        jobs: text,
        json: text,
        report: text,
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Node's advice on arguments without a name is of no use here: there are none. Other advice is on lines of its own.
    throw new UsageError(error.message.replace(/\. To specify a positional.*$/s, '').replaceAll('\n', ' '));
  }
}

/** What runs: the systems that are named, or of the task those marked as standard, or all of them. */
function readSystems(
  task: string | undefined,
  names: readonly string[] | undefined,
  all: boolean,
): Pick<Options, 'algorithms' | 'cuts'> {
  const wanted = readChoice('task', task, TASKS);
  const known = {
    algorithms: wanted === 'split' ? [] : algorithms,
    cuts: wanted === 'both' || wanted === 'split' ? cuts : [],
  };
  const every = [...known.algorithms, ...known.cuts].map(({ name }) => name);
  const unknown = names?.find((name) => !every.includes(name));
  if (unknown !== undefined) throw expected('algorithm', listed(every), unknown);
  const runs = ({ name, standard }: Algorithm | Cut): boolean => names?.includes(name) ?? (all || standard);
  return { algorithms: known.algorithms.filter(runs), cuts: known.cuts.filter(runs) };
}

/** What is trained on, and who has what: of a text all have all. */
function readData(
  task: string | undefined,
  dataset: string | undefined,
  shares: string | undefined,
): { dataset: DatasetName; shares: Shares } {
  if (task !== 'text')
    return {
      dataset: readChoice('dataset', dataset, Object.keys(PICTURES) as PicturesName[]),
      shares: readChoice('shares', shares, SHARES),
    };
  for (const [option, value] of Object.entries({ dataset, shares }))
    if (value !== undefined) throw new UsageError(`"--${option}" is of pictures, and "--task text" has none`);
  return { dataset: 'bible', shares: 'equal' };
}

/** One of a few words; the first where nothing was asked for. */
function readChoice<T extends string>(option: string, name: string | undefined, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === (name ?? choices[0]));
  if (found === undefined) throw expected(option, listed(choices), name ?? '');
  return found;
}

function readInteger(
  option: string,
  text: string | undefined,
  fallback: number,
  least: number,
  most: number,
): number {
  if (text === undefined) return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) throw expected(option, `an integer in ${least}..${most}`, text);
  return value;
}

function readRate(text: string): number {
  const value = Number(text);
  if (!(text.trim() !== '' && value > 0 && value < Infinity))
    throw expected('rate', 'a number above 0', text);
  return value;
}

/** Found out now, because minutes later is a bad time to learn that a file cannot be written. */
function readOutput(option: string, file: string): string {
  const folder = path.dirname(path.resolve(file));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw expected(option, 'a file in a folder that exists', file);
  }
  if (file === '' || statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw expected(option, 'a file', file);
  }
  return file;
}

function expected(option: string, what: string, got: string): UsageError {
  return new UsageError(`"--${option}" expected ${what}, got ${JSON.stringify(got)}`);
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names[names.length - 1]}`;
}
