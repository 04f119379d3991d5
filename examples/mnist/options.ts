/** The command line: what may be asked for, checked before anything starts. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import type { Algorithm } from './algorithms.ts';
import { algorithms } from './algorithms.ts';

/** Backends that --backend takes. */
const BACKENDS = ['auto', 'webgpu', 'wasm', 'js'] as const;

/** What one call of the program does. */
export interface Options {
  readonly help: boolean;
  /** Systems to run, in this order, none twice. */
  readonly algorithms: readonly Algorithm[];
  readonly workers: number;
  readonly steps: number;
  readonly backend: (typeof BACKENDS)[number];
  readonly seed: number;
  /** File for the numbers; none is written without it. */
  readonly json: string | undefined;
  /** File for the page. */
  readonly report: string;
}

/** The command line asks for something that cannot be; the message is one line for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const DEFAULTS = { workers: 4, steps: 700, backend: 'auto', seed: 1, report: 'report.html' } as const;

/**
 * Reads the arguments that follow the program's name.
 *
 * @throws UsageError naming the option, what was expected and what came.
 */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  const options: Options = {
    help: values.help ?? false,
    algorithms: readAlgorithms(values.algorithm),
    workers: readInteger('workers', values.workers, DEFAULTS.workers, 1, 256),
    steps: readInteger('steps', values.steps, DEFAULTS.steps, 1, 1_000_000),
    backend: readBackend(values.backend),
    seed: readInteger('seed', values.seed, DEFAULTS.seed, 0, 2 ** 32 - 1),
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
  const width = Math.max(...algorithms.map(({ name }) => name.length));
  const systems = algorithms.map(({ name, description }) => `  ${name.padEnd(width)}  ${description}`);
  return `Trains a small network on the MNIST digits in data parallel, once with each system below,
and compares what it learns with what it sends.

Usage: npm start -- [options]

  --algorithm A  a system to run, by name; may be given several times (all of them)
  --workers N    workers that train together (${DEFAULTS.workers})
  --steps S      steps of each run (${DEFAULTS.steps})
  --backend B    what compresses: ${BACKENDS.join(', ')} (${DEFAULTS.backend})
  --seed S       what initial weights and batches are drawn from (${DEFAULTS.seed})
  --report FILE  the page with tables and plots (${DEFAULTS.report})
  --json FILE    the numbers behind it
  --help         this text

Systems ("up" is from every worker to the server, "down" from the server to every worker):
${systems.join('\n')}

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
        workers: text,
        steps: text,
        backend: text,
        seed: text,
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

function readAlgorithms(names: readonly string[] | undefined): readonly Algorithm[] {
  if (names === undefined) return algorithms;
  return [...new Set(names)].map((name) => {
    const found = algorithms.find((algorithm) => algorithm.name === name);
    if (found === undefined) throw expected('algorithm', listed(algorithms.map((each) => each.name)), name);
    return found;
  });
}

function readBackend(name: string = DEFAULTS.backend): Options['backend'] {
  const found = BACKENDS.find((backend) => backend === name);
  if (found === undefined) throw expected('backend', listed(BACKENDS), name);
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
