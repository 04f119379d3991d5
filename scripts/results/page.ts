/** docs/results.md: written whole, or one of its sections that are measured by themselves. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { megabytes, times } from '../../examples/mnist/format.ts';
import { endOf, MEASURES, measureOf } from '../../examples/mnist/measure.ts';
import { timesSmaller } from '../../examples/mnist/table.ts';
import type { Run } from '../../examples/mnist/train.ts';
import { mean, range, written } from './statistics.ts';

const FILE = fileURLToPath(new URL('../../docs/results.md', import.meta.url));

/** Headings of the sections that commands of their own write. */
export const APART = {
  loads: 'How even the load is with `balance`',
  rates: 'Learning rates',
} as const;

/** The columns of `cellsOf`, for runs that are judged alike. */
export const headerOf = (runs: readonly Run[]): string[] => {
  const { title } = MEASURES[measureOf(runs[0])];
  return ['system', 'rate', title, 'between', 'MB up', 'MB down', 'smaller than float32'];
};

/** What the runs of a system came to, over its seeds: a mean with its standard error. */
export function cellsOf(name: string, runs: readonly Run[]): string[] {
  const { format } = MEASURES[measureOf(runs[0])];
  const scores = runs.map(endOf);
  return [
    name,
    String(runs[0].learningRate),
    written(scores, format),
    range(scores, format),
    megabytes(mean(runs.map(({ bytesUp }) => bytesUp))),
    megabytes(mean(runs.map(({ bytesDown }) => bytesDown))),
    times(mean(runs.map(timesSmaller))),
  ];
}

/** Writes the page. */
export async function writePage(text: string): Promise<void> {
  const options = {
    ...(await resolveConfig(FILE)),
    parser: 'markdown',
    proseWrap: 'always',
    printWidth: 120,
  } as const;
  writeFileSync(FILE, await format(text, options));
  console.log(`\nWrote ${FILE}.`);
}

/** A section of the page as it is, with its heading. @throws Error where there is none */
export function sectionOf(heading: string): string {
  const page = readFileSync(FILE, 'utf8');
  const [start, end] = boundsOf(page, heading);
  return page.slice(start, end);
}

/** Writes a section of the page anew: what stands below its heading. @throws Error where there is none */
export async function writeSection(heading: string, text: string): Promise<void> {
  const page = readFileSync(FILE, 'utf8');
  const [start, end] = boundsOf(page, heading);
  await writePage(`${page.slice(0, start)}### ${heading}\n\n${text}\n\n${page.slice(end)}`);
}

/** Where a section stands, up to the next one or the page's end. */
function boundsOf(page: string, heading: string): [start: number, end: number] {
  const start = page.indexOf(`### ${heading}\n`);
  if (start < 0) throw new Error(`docs/results.md has no section "${heading}"`);
  const next = page.slice(start + 3).search(/^#{2,3} /m);
  return [start, next < 0 ? page.length : start + 3 + next];
}
