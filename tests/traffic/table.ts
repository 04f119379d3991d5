/**
 * The memory traffic of tasks (figures.ts) as a table, on the terminal and in the documentation: words of GPU memory
 * read and written an element, dispatches, barriers, atomics.
 */
import { times, whole } from '../../examples/mnist/format.ts';
import type { Table } from '../../examples/mnist/table.ts';
import type { Row } from './figures.ts';

/** A table of the rows, one line each; counts of the whole run but for words, which are an element's. */
export function tableOf(rows: readonly Row[]): Table {
  const header = ['task', 'words read', 'written', 'sum', 'least', 'sum to least', 'dispatches', 'clears'];
  const counts = ['workgroups', 'barriers a workgroup', 'atomics', 'in workgroup memory'];
  return { header: [...header, ...counts], rows: rows.map(cellsOf) };
}

function cellsOf({ task, n, least, ...row }: Row): string[] {
  const perElement = (words: number): string => (words / n).toFixed(3);
  const sum = row.read + row.written;
  return [
    task,
    ...[row.read, row.written, sum, least].map(perElement),
    least > 0 ? times(sum / least) : '',
    whole(row.dispatches),
    whole(row.clears),
    whole(row.workgroups),
    row.workgroups > 0 ? (row.barriers / row.workgroups).toFixed(1) : '',
    whole(row.atomics),
    whole(row.sharedAtomics),
  ];
}

/** The table in Markdown. */
export function renderMarkdown({ header, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [header, header.map(() => '---'), ...rows].map(line).join('\n');
}
