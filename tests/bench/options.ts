/** The command line of `npm run bench`. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { LONGEST } from '../../ts/kernels/fwht.ts';
import { DATA, type DataKind } from './data.ts';

const BACKENDS = ['wasm', 'js'] as const;
export type BenchBackend = (typeof BACKENDS)[number];

/** What is measured: kernels, whole calls of a device, float32 as bytes and back, whole steps of systems. */
const GROUPS = ['kernels', 'compressors', 'wire', 'systems'] as const;
export type GroupName = (typeof GROUPS)[number];

/** What one call of the program does. */
export interface Options {
  readonly help: boolean;
  readonly backends: readonly BenchBackend[];
  readonly groups: readonly GroupName[];
  readonly sizes: readonly number[];
  /** Lengths at which systems are measured. */
  readonly systemSizes: readonly number[];
  /** Kinds of data for every task; without it normal ones, and all for what selects. */
  readonly data: readonly DataKind[] | undefined;
  /** Names of tasks in lower case: parts of them, or whole ones. */
  readonly only: readonly string[];
  readonly exact: boolean;
  /** Times that the candidates of a group take turns. */
  readonly rounds: number;
  /** Steps of a system that are timed at least, and the threads it runs on, one number after the other. */
  readonly steps: number;
  readonly threads: readonly number[];
  readonly peers: boolean;
  readonly json: string | undefined;
  readonly plot: string | undefined;
}

/** The command line asks for something that cannot be; the message is one line for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const SIZES = [100, 2 ** 12, 2 ** 16, 2 ** 20, 2 ** 22, 2 ** 24, 25_600_000];
const QUICK_SIZES = [100, 2 ** 16, 2 ** 20];
const ROUNDS = 5;
const QUICK_ROUNDS = 2;

/** The parameters of a small network, and two lengths at which memory is what takes time. */
const SYSTEM_SIZES = [101_770, 2 ** 22, 25_600_000];
const QUICK_SYSTEM_SIZES = [101_770, 2 ** 22];
const STEPS = 9;
const QUICK_STEPS = 5;

export const helpText: string = `Measures every kernel and every compressor on one thread, compressors from 2^22 elements on also on two, beside
what else does the same, in nanoseconds an element and against the time that it takes to read the data once; float32
as MessagePack, gzip and zstd, where Node has that, up to 2^20 elements; then whole steps of every system by four workers in one process, on wasm with one thread and with two, against a copy.

Usage: npm run bench -- [options]

  --group G       ${GROUPS.join(', ')}; may be given several times (all)
  --only NAME     tasks with this in their name, "topK" say; may be given several times (all)
  --exact         the names of --only are whole ones
  --n N           elements, 65536 or 2^16; may be given several times (100, 2^12, 2^16, 2^20, 2^22, 2^24 and
                  25600000; of systems 101770, 2^22 and 25600000)
  --data D        ${DATA.join(', ')}; may be given several times (normal, and all of them
                  for what selects and for compressors at 2^20 and 2^24)
  --backend B     ${BACKENDS.join(' or ')}; may be given several times (both)
  --quick         fewer rounds, and n = 100, 2^16 and 2^20 alone; of systems fewer steps, n = 101770 and 2^22, one thread
  --no-peers      without TensorFlow.js, onnxruntime and MessagePack, which are fetched at the first use (357 MB)
  --json FILE     all numbers
  --plot FILE     nanoseconds against n, as SVG
  --help          this text

A time is the median of samples that the candidates of a table take in turns; the quartiles stand beside it. Ten
calls before them do not count, fewer where they take two seconds; what the first of all took has a column.
Floors are measured in the same turns: reading is a sum over the data in WebAssembly, filling and copying are
memory.fill and memory.copy; a new array, filled, shows what the pages of new memory cost. Memory that outputs take is taken and given back inside of the time.
A step is the median of several after five that do not count, 21 of exDyna, by element and worker; a copy is y.set(x)
from array to array, in the same turns. Of cser it is the mean of eight steps, one of which averages models.
`;

/**
 * Reads the arguments that follow the program's name.
 * @throws UsageError naming the option, what was expected and what came
 */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  const quick = values.quick ?? false;
  const sizes = readSizes(values.n);
  return {
    help: values.help ?? false,
    groups: readChoices('group', values.group, GROUPS) ?? GROUPS,
    backends: readChoices('backend', values.backend, BACKENDS) ?? BACKENDS,
    sizes: sizes ?? (quick ? QUICK_SIZES : SIZES),
    systemSizes: sizes ?? (quick ? QUICK_SYSTEM_SIZES : SYSTEM_SIZES),
    data: readChoices('data', values.data, DATA),
    only: (values.only ?? []).map((name) => name.toLowerCase()),
    exact: values.exact ?? false,
    rounds: quick ? QUICK_ROUNDS : ROUNDS,
    steps: quick ? QUICK_STEPS : STEPS,
    threads: quick ? [1] : [1, 2],
    peers: !(values['no-peers'] ?? false),
    json: readOutput('json', values.json),
    plot: readOutput('plot', values.plot),
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const texts = { type: 'string', multiple: true } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        group: texts,
        only: texts,
        n: texts,
        data: texts,
        backend: texts,
        exact: flag,
        quick: flag,
        'no-peers': flag,
        json: text,
        plot: text,
        help: flag,
      },
    }).values;
  } catch (error) {
    throw usageError(error);
  }
}

/** What parseArgs says, in one line: its advice on arguments without a name is of no use where there are none. */
export function usageError(error: unknown): UsageError {
  if (!(error instanceof TypeError)) throw error;
  return new UsageError(error.message.replace(/\. To specify a positional.*$/s, '').replaceAll('\n', ' '));
}

function readChoices<T extends string>(
  option: string,
  names: readonly string[] | undefined,
  choices: readonly T[],
): readonly T[] | undefined {
  const wrong = names?.find((name) => !(choices as readonly string[]).includes(name));
  if (wrong !== undefined)
    throw expected(option, `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`, wrong);
  return names && choices.filter((choice) => names.includes(choice));
}

/** Lengths, ascending: integers, or powers of two as 2^16. */
export function readSizes(texts: readonly string[] | undefined): readonly number[] | undefined {
  const sizes = texts?.map((text) => {
    const [, power] = /^2\^(\d+)$/.exec(text) ?? [];
    const n = power === undefined ? (/^\d+$/.test(text) ? Number(text) : NaN) : 2 ** Number(power);
    if (!(n >= 32 && n <= LONGEST)) throw expected('n', 'an integer or a power of two in 32..2^26', text);
    return n;
  });
  return sizes && [...new Set(sizes)].sort((a, b) => a - b);
}

/** Found out now, because an hour later is a bad time to learn that a file cannot be written. */
export function readOutput(option: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  if (!statSync(path.dirname(path.resolve(file)), { throwIfNoEntry: false })?.isDirectory())
    throw expected(option, 'a file in a folder that exists', file);
  if (file === '' || statSync(file, { throwIfNoEntry: false })?.isDirectory())
    throw expected(option, 'a file', file);
  return file;
}

function expected(option: string, what: string, got: string): UsageError {
  return new UsageError(`"--${option}" expected ${what}, got ${JSON.stringify(got)}`);
}
