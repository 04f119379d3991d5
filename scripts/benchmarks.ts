/**
 * `npm run benchmarks`: measures what docs/benchmarks.md shows, in ten minutes or so on an idle machine, and writes its
 * tables and its picture. `-- --quick` takes short vectors alone, in two minutes, to see that all of it works.
 *
 * `npm run docs:benchmarks -- FILE`: writes the tables from what `npm run bench -- --json FILE` has found: those of
 * kernels and compressors, those of systems, or both, whichever the file has.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { times, whole } from '../examples/mnist/format.ts';
import { ONNX, PLAIN, TF_WASM } from '../tests/bench/peers.ts';
import { digits, FILL, COPY, NEW, ours, READ, type Row } from '../tests/bench/rows.ts';
import { stepTable } from '../tests/bench/step-table.ts';
import type { StepRow } from '../tests/bench/steps.ts';
import type { Outcome } from '../tests/bench/targets.ts';
import { filled, formatted, table } from './filled.ts';

interface Found {
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly node: string;
    readonly date: string;
    readonly packages: Readonly<Record<string, string>>;
  };
  readonly rows: readonly Row[];
  readonly systems: readonly StepRow[];
  readonly targets: readonly Outcome[];
}

const page = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));
const picture = fileURLToPath(new URL('../docs/images/benchmarks.svg', import.meta.url));

/** The tasks of the page, and the lengths; those of systems are of --quick. */
const WAYS = ['compress', 'decompress', 'accumulate', 'mean of 4,'];
const TASKS = [
  ...['topK 1 %', 'fwht, whole', 'signs and sums'],
  ...['topK 1 %', 'scaledSign', 'flattenedOneBit', 'float32'].flatMap((name) =>
    WAYS.map((way) => `${way} ${name}`),
  ),
  ...['compress quantized, 8 bits', 'decompress quantized, 8 bits'],
  ...['blockTopK, 64 of 4096, 2 bits', 'flattenedOneBit, drive'].map((name) => `compress ${name}`),
  ...[2, 4].flatMap((bits) => ['', ', packed'].map((how) => `compress flattenedLevels, ${bits} bits${how}`)),
  ...['float32 to bytes', 'float32 from bytes'],
];
const LENGTHS = ['100', '10000', '2^16', '2^20', '2^22', '25600000'];
const QUICK_LENGTHS = ['100', '10000', '2^16'];

/** Vectors up to this length are shown by the call, and what is sent with peers at that one or the next below. */
const SMALL = 10_000;
const SENT = 2 ** 20;

const [file] = process.argv.slice(2);
const { machine, rows, systems, targets } =
  file === undefined || file === '--quick' ? measured(file !== undefined) : read(file);

function read(from: string): Found {
  return JSON.parse(readFileSync(from, 'utf8')) as Found;
}

/** Runs the benchmark for the page. */
function measured(quick: boolean): Found {
  const folder = mkdtempSync(join(tmpdir(), 'fewbits-bench-'));
  const bench = (name: string, ...args: readonly string[]): Found => {
    const json = join(folder, `${name}.json`);
    const program = fileURLToPath(new URL('../tests/bench/main.ts', import.meta.url));
    const line = ['--import', 'tsx', program, '--quick', '--backend', 'wasm', ...args, '--json', json];
    const { status } = spawnSync(process.execPath, line, { stdio: 'inherit' });
    if (status !== 0) throw new Error(`npm run bench ended with status ${status}`);
    return read(json);
  };
  try {
    const tasks = bench(
      'tasks',
      ...['kernels', 'compressors', 'wire'].flatMap((group) => ['--group', group]),
      ...['--exact', ...TASKS.flatMap((task) => ['--only', task])],
      ...(quick ? QUICK_LENGTHS : LENGTHS).flatMap((n) => ['--n', n]),
      // a run of short vectors draws no picture over the one that is there
      ...(quick ? [] : ['--data', 'normal', '--plot', picture]),
    );
    const steps = bench('systems', '--group', 'systems', ...(quick ? ['--n', '101770'] : []));
    return { ...tasks, systems: steps.systems };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const WASM = ours('wasm');
const RESIDENT = ours('wasm', 'device');
const sizes = [...new Set(rows.map(({ n }) => n))].sort((a, b) => a - b);
const largest = sizes.at(-1);
const tasks = [...new Set(rows.map(({ task }) => task))];

const find = (task: string, candidate: string, n = largest, data = 'normal'): Row | undefined =>
  rows.find((row) => row.task === task && row.candidate === candidate && row.n === n && row.data === data);

/** Every task at the largest n: ours, in reads, and how many times as long the peers take. */
function atLargest(): string {
  const peers = [TF_WASM, ONNX, PLAIN];
  const toNew = `${WASM}, to a new array`;
  const body = tasks.flatMap((task) =>
    [WASM, RESIDENT, toNew].flatMap((candidate) => {
      const own = find(task, candidate);
      if (own === undefined) return [];
      const beside = peers.map((peer) => {
        const other = find(task, peer);
        return other === undefined ? '' : times(other.nsPerElement / own.nsPerElement);
      });
      const name = `${task}${{ [WASM]: '', [RESIDENT]: ', from device memory' }[candidate] ?? ', to a new array'}`;
      const spread = `${digits(own.lower)} to ${digits(own.upper)}`;
      const copy = find(task, COPY);
      const copies = copy === undefined ? '' : times(own.nsPerElement / copy.nsPerElement);
      const floors = [times(own.ratioToRead), copies, digits(own.first)];
      return [[name, digits(own.nsPerElement), spread, ...floors, ...beside]];
    }),
  );
  const header = ['task', 'ns', 'quartiles', 'reads', 'copies', 'first call'];
  return table([...header, ...peers.map((peer) => `${peer} takes`)], body);
}

/** Microseconds a call of short vectors, warm and the first. */
function small(): string {
  const short = sizes.filter((n) => n <= SMALL);
  const cell = (task: string, n: number, of: 'nsPerElement' | 'first'): string => {
    const found = find(task, WASM, n);
    return found === undefined ? '' : digits((found[of] * n) / 1000);
  };
  const body = tasks
    .filter((task) => find(task, WASM) !== undefined)
    .map((task) => [task, ...short.flatMap((n) => [cell(task, n, 'nsPerElement'), cell(task, n, 'first')])]);
  return table(['task', ...short.flatMap((n) => [whole(n), `${whole(n)}, first call`])], body);
}

/** Float32 as bytes and back: how small, and how fast. */
function sent(): string {
  const n = sizes.filter((length) => length <= SENT).at(-1);
  const [to, from] = ['float32 to bytes', 'float32 from bytes'];
  const body = rows
    .filter((row) => row.task === to && row.n === n && row.bytes !== undefined)
    .map(({ candidate, bytes = 0, nsPerElement }) => {
      const back = find(from, candidate, n);
      return [
        candidate,
        digits(bytes / n),
        digits(nsPerElement),
        back === undefined ? '' : digits(back.nsPerElement),
      ];
    });
  return table([`n = ${whole(n ?? 0)}`, 'bytes an element', 'to bytes, ns', 'from bytes, ns'], body);
}

/** Nanoseconds an element by n. */
function byLength(): string {
  const body = tasks.flatMap((task) => {
    const cells = sizes.map((n) => find(task, WASM, n));
    if (cells.filter((cell) => cell !== undefined).length < 2) return [];
    return [[task, ...cells.map((cell) => (cell === undefined ? '' : digits(cell.nsPerElement)))]];
  });
  return table(['task', ...sizes.map(whole)], body);
}

/** How many times as long other data take as normal ones. */
function byData(): string {
  const kinds = [...new Set(rows.map(({ data }) => data))].filter((data) => data !== 'normal');
  const body = tasks.flatMap((task) =>
    sizes.flatMap((n) => {
      const normal = find(task, WASM, n);
      const others = kinds.map((data) => find(task, WASM, n, data));
      if (normal === undefined || others.every((other) => other === undefined)) return [];
      const ratios = others.map((other) =>
        other === undefined ? '' : times(other.nsPerElement / normal.nsPerElement),
      );
      return [[task, whole(n), ...ratios]];
    }),
  );
  return body.length === 0 ? '' : table(['task', 'n', ...kinds], body);
}

/** The floors, medians over all tasks at the largest n. */
function floors(): string {
  const each = [READ, FILL, COPY, NEW].map((candidate) => {
    const found = rows.filter((row) => row.candidate === candidate && row.n === largest);
    const sorted = found.map(({ nsPerElement }) => nsPerElement).sort((a, b) => a - b);
    return `${candidate} ${digits(sorted[sorted.length >> 1])} ns`;
  });
  return each.join(', ');
}

const judged = targets
  .filter(({ reached }) => reached !== undefined)
  .map(({ target, wanted, measured, reached }) => [
    target,
    wanted,
    measured?.toPrecision(3) ?? '',
    reached ? 'yes' : '**no**',
  ]);

/** Steps of systems: a table for each length. */
function ofSystems(): string {
  const lengths = [...new Set(systems.map(({ n }) => n))].sort((a, b) => a - b);
  const tables = lengths.map((n) => {
    const found = systems.filter((row) => row.n === n && row.data === 'normal');
    const { header, rows: body } = stepTable(found);
    return `n = ${whole(n)}, a copy takes ${digits(found[0].copy)} ns an element:\n\n${table(header, body)}`;
  });
  return [`${machineText()}.`, ...tables].join('\n\n');
}

function machineText(): string {
  const { cpu, cores, node, date } = machine;
  return `${cpu.trim()}, ${cores} cores, Node ${node}, ${date.slice(0, 10)}`;
}

const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
/** All tables of kernels and compressors. */
const ofTasks = (): string => `${machineText()}; ${packages.join(', ')}.
Floors at n = ${whole(largest)}: ${floors()} an element.

## At n = ${whole(largest)}

${atLargest()}

## Targets

At n = ${whole(largest)} unless said.

${table(['target', 'wanted', 'measured', 'reached'], judged)}

## Short vectors

Microseconds a call, wasm.

${small()}

## What people send float32 with

Normal numbers, one thread; MessagePack has the array's bytes as binary, gzip and zstd are the runtime's.

${sent()}

## How cost grows with n

Nanoseconds an element, wasm.

${byLength()}
${byData() === '' ? '' : `\n## Other data\n\nHow many times as long they take as normal ones, wasm.\n\n${byData()}\n`}`;

/** Prose in lines of the width that docs/ has. */
const wrapped = (prose: string): Promise<string> =>
  format(prose, { parser: 'markdown', proseWrap: 'always', printWidth: 120 });

let text = readFileSync(page, 'utf8');
if (rows.length > 0) text = filled(text, '<!-- tables -->', await wrapped(ofTasks()), '<!-- end -->');
if (systems.length > 0)
  text = filled(text, '<!-- systems -->', await wrapped(ofSystems()), '<!-- end of systems -->');
writeFileSync(page, await formatted(text, page));
