/**
 * `npm run docs:benchmarks -- FILE`: writes the tables of docs/benchmarks.md from what `npm run bench -- --json FILE`
 * has found: those of kernels and compressors, those of systems, or both, whichever the file has.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { times, whole } from '../examples/mnist/format.ts';
import { ONNX, PLAIN, TF_WASM } from '../tests/bench/peers.ts';
import { digits, FILL, COPY, ours, READ, type Row } from '../tests/bench/rows.ts';
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

const [file] = process.argv.slice(2);
if (file === undefined)
  throw new Error('npm run docs:benchmarks -- FILE: the JSON of npm run bench is missing');
const { machine, rows, systems, targets } = JSON.parse(readFileSync(file, 'utf8')) as Found;

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
  const body = tasks.flatMap((task) =>
    [WASM, RESIDENT].flatMap((candidate) => {
      const own = find(task, candidate);
      if (own === undefined) return [];
      const beside = peers.map((peer) => {
        const other = find(task, peer);
        return other === undefined ? '' : times(other.nsPerElement / own.nsPerElement);
      });
      const name = candidate === RESIDENT ? `${task}, from device memory` : task;
      const spread = `${digits(own.lower)} to ${digits(own.upper)}`;
      return [[name, digits(own.nsPerElement), spread, times(own.ratioToRead), ...beside]];
    }),
  );
  return table(['task', 'ns', 'quartiles', 'reads', ...peers.map((peer) => `${peer} takes`)], body);
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
  const each = [READ, FILL, COPY].map((candidate) => {
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

## How cost grows with n

Nanoseconds an element, wasm.

${byLength()}
${byData() === '' ? '' : `\n## Other data\n\nHow many times as long they take as normal ones, wasm.\n\n${byData()}\n`}`;

const page = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));

/** Prose in lines of the width that docs/ has. */
const wrapped = (prose: string): Promise<string> =>
  format(prose, { parser: 'markdown', proseWrap: 'always', printWidth: 120 });

let text = readFileSync(page, 'utf8');
if (rows.length > 0) text = filled(text, '<!-- tables -->', await wrapped(ofTasks()), '<!-- end -->');
if (systems.length > 0)
  text = filled(text, '<!-- systems -->', await wrapped(ofSystems()), '<!-- end of systems -->');
writeFileSync(page, await formatted(text, page));
