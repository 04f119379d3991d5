/** The command line of `npm run example:jax` and `example:tfjs`. */
import { parseArgs } from 'node:util';

import { algorithms, type Algorithm } from '../mnist/algorithms.ts';
import { integerOf, UsageError } from '../shared/command.ts';

/** What one call of an example does. */
export interface Options {
  readonly help: boolean;
  /** Dense first, then what it is compared with. */
  readonly algorithms: readonly Algorithm[];
  readonly workers: number;
  readonly steps: number;
  readonly seed: number;
  /** What an example has of its own, `--optimizer` say. */
  readonly choice: string;
}

/** An option of an example's own. */
export interface Choice {
  readonly name: string;
  readonly values: readonly string[];
  readonly about: string;
}

/** Optimizers are distributed over systems that take gradients. */
const NAMES = algorithms.filter(({ system }) => system.takes !== 'model').map(({ name }) => name);
const STANDARD = ['fo-sgd', 'liec-sgd'];
const DEFAULTS = { workers: 4, seed: 1 } as const;

/** Names in lines of a terminal's width, behind a column of options. */
function wrapped(names: readonly string[]): string {
  const lines = [''];
  for (const name of names) {
    const line = lines[lines.length - 1];
    if (line.length + name.length < 58) lines[lines.length - 1] = line === '' ? name : `${line}, ${name}`;
    else lines.push(name);
  }
  return lines.join(`,\n${' '.repeat(20)}`);
}

/** The text of --help. The first of a choice's values is the default. */
export function usage(command: string, what: string, steps: number, choice?: Choice): string {
  const own =
    choice === undefined
      ? ''
      : `\n  --${`${choice.name} NAME`.padEnd(16)}${choice.about}: ${choice.values.join(', ')}`;
  return `${command} -- [options]

${what}

  --algorithm NAME  beside dense, more than once for several (default: ${STANDARD.join(', ')}):
                    ${wrapped(NAMES.slice(1))}${own}
  --workers N       1 to 64 (default: ${DEFAULTS.workers})
  --steps N         1 to 100000 (default: ${steps})
  --seed N          of initial weights and batches, 0 to 2^32 - 1 (default: ${DEFAULTS.seed})
  --help            print this`;
}

/**
 * Reads the arguments that follow the program's name; `steps` are those of a run where nothing else is asked for.
 * @throws UsageError that names the option, what was expected and what came
 */
export function readOptions(args: readonly string[], steps: number, choice?: Choice): Options {
  const values = parsed(args, choice);
  const text = (name: string): string | undefined => values[name] as string | undefined;
  const names = (values.algorithm as string[] | undefined) ?? STANDARD;
  const chosen = ['dense', ...names].map((name) => {
    const found = algorithms.find((algorithm) => algorithm.name === name);
    if (found === undefined || !NAMES.includes(name))
      throw new UsageError(`--algorithm expected one of ${NAMES.join(', ')}, got ${JSON.stringify(name)}`);
    return found;
  });
  const own = choice === undefined ? '' : (text(choice.name) ?? choice.values[0]);
  if (choice !== undefined && !choice.values.includes(own))
    throw new UsageError(
      `--${choice.name} expected one of ${choice.values.join(', ')}, got ${JSON.stringify(own)}`,
    );
  return {
    help: values.help === true,
    algorithms: [...new Set(chosen)],
    workers: integerOf('--workers', text('workers') ?? `${DEFAULTS.workers}`, 1, 64),
    steps: integerOf('--steps', text('steps') ?? `${steps}`, 1, 100_000),
    seed: integerOf('--seed', text('seed') ?? `${DEFAULTS.seed}`, 0, 2 ** 32 - 1),
    choice: own,
  };
}

/** @throws what parseArgs does */
function parsed(args: readonly string[], choice?: Choice): Readonly<Record<string, unknown>> {
  return parseArgs({
    args: [...args],
    options: {
      algorithm: { type: 'string', multiple: true },
      workers: { type: 'string' },
      steps: { type: 'string' },
      seed: { type: 'string' },
      help: { type: 'boolean' },
      ...(choice === undefined ? {} : { [choice.name]: { type: 'string' as const } }),
    },
  }).values;
}
