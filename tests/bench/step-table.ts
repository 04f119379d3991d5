/** The steps of systems as a table, on the terminal and in docs/benchmarks.md: one of all systems at one length. */
import { percent, times } from '../../examples/mnist/format.ts';
import type { Table } from '../../examples/mnist/table.ts';
import { PLAIN } from './peers.ts';
import { digits, ours } from './rows.ts';
import type { StepRow } from './steps.ts';
import { LARGEST } from './targets.ts';

/** Rows of one length and one kind of data, plain JavaScript as a column beside one thread. */
export function stepTable(rows: readonly StepRow[]): Table {
  return {
    header: [
      'a step of 4 workers',
      'threads',
      'ns an element and worker',
      'quartiles',
      'copies',
      'at most',
      'first step',
      'compress',
      'decompress',
      'sent',
      `${PLAIN} takes`,
    ],
    rows: rows.filter(({ candidate }) => candidate !== PLAIN).map((row) => cells(row, rows)),
  };
}

function cells(row: StepRow, rows: readonly StepRow[]): string[] {
  const { system, n, candidate, step, first, copies, most, compress, decompress, union } = row;
  const single = candidate === ours('wasm');
  const plain = rows.find((other) => other.system === system && other.candidate === PLAIN);
  return [
    system,
    single ? '1' : '2',
    digits(step.median),
    `${digits(step.lower)} to ${digits(step.upper)}`,
    times(copies),
    single && n === LARGEST && most !== undefined ? `${most}` : '',
    digits(first),
    compress === undefined ? '' : digits(compress),
    decompress === undefined ? '' : digits(decompress),
    union === undefined ? '' : percent(union),
    single && plain !== undefined ? times(plain.step.median / step.median) : '',
  ];
}
