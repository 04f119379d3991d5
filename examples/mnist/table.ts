/** The comparison of the runs of `npm start`, as text for the terminal and as cells for the page. */
import { megabytes, times } from './format.ts';
import { endText, MEASURES, measureOf } from './measure.ts';
import type { Run } from './train.ts';

/** One line a run, under a header. The first column is a name, all others are numbers. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Compares runs with each other and with float32 both ways, whether or not that was run. */
export function compare(runs: readonly Run[]): Table {
  const { title } = MEASURES[measureOf(runs[0])];
  return {
    header: ['algorithm', title, 'MB up', 'MB down', 'smaller than float32', 'seconds'],
    rows: runs.map((run) => [
      run.algorithm,
      endText(run),
      megabytes(run.bytesUp),
      megabytes(run.bytesDown),
      times(timesSmaller(run)),
      run.seconds.toFixed(1),
    ]),
  };
}

/** How many times less a run sent, up and down together, than float32 numbers in both directions take. */
export function timesSmaller({ bytesUp, bytesDown, bytesDense }: Run): number {
  return bytesDense / (bytesUp + bytesDown);
}

/** The table in columns, numbers flush right. */
export function renderText({ header, rows }: Table): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('   ');
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
