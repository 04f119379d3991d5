/**
 * The memory traffic of a task, what is counted of it, and the file that keeps it, figures.tsv: one line a task and
 * size, so that a change of a kernel is seen in a diff.
 */

/** What a task does, counted. */
export interface Figures {
  /** Words of 32 bits of storage memory, each once a workgroup; words that are cleared are written. */
  readonly read: number;
  readonly written: number;
  readonly dispatches: number;
  readonly clears: number;
  readonly workgroups: number;
  /** Of all workgroups. */
  readonly barriers: number;
  /** Operations on storage memory, and on workgroup memory. */
  readonly atomics: number;
  readonly sharedAtomics: number;
}

/** A task over a vector of n elements. */
export interface Row extends Figures {
  readonly task: string;
  readonly n: number;
  /** The least words that could be moved: each input once, each output once. */
  readonly least: number;
}

/** The figures that may not grow, with their names in the file. */
const COLUMNS = {
  read: 'words read',
  written: 'words written',
  dispatches: 'dispatches',
  clears: 'clears',
  workgroups: 'workgroups',
  barriers: 'barriers',
  atomics: 'atomics',
  sharedAtomics: 'workgroup atomics',
} as const satisfies Record<keyof Figures, string>;

const NAMES = Object.keys(COLUMNS) as (keyof Figures)[];

/** The file's text: columns are parted by tabs. */
export function renderFile(rows: readonly Row[]): string {
  const head = ['task', 'n', 'least words', ...Object.values(COLUMNS)];
  const lines = rows.map((row) => [row.task, row.n, row.least, ...NAMES.map((name) => row[name])]);
  return [head, ...lines].map((cells) => `${cells.join('\t')}\n`).join('');
}

/** @throws Error where the columns are others */
export function readFile(text: string): Row[] {
  const [head, ...lines] = text.trimEnd().split('\n');
  const expected = renderFile([]).trimEnd();
  if (head !== expected) throw new Error(`the columns of the figures are "${head}", expected "${expected}"`);
  return lines.map((line) => {
    const [task, n, least, ...cells] = line.split('\t');
    const figures = Object.fromEntries(NAMES.map((name, i) => [name, Number(cells[i])]));
    return { task, n: Number(n), least: Number(least), ...(figures as unknown as Figures) };
  });
}

/** How the figures of a run compare with those of the file. */
export interface Comparison {
  /** Figures that are as before, or less. */
  readonly passed: number;
  /** A line for each figure that grew, and for each row that is in one of both alone. */
  readonly problems: readonly string[];
  /** How many figures are less than before. */
  readonly fewer: number;
}

/** Compares what was found with what was found before. */
export function compare(before: readonly Row[], now: readonly Row[]): Comparison {
  const keyOf = ({ task, n }: Row): string => `${task}, n = ${n}`;
  const known = new Map(before.map((row) => [keyOf(row), row]));
  const problems: string[] = [];
  let [passed, fewer] = [0, 0];
  for (const row of now) {
    const old = known.get(keyOf(row));
    known.delete(keyOf(row));
    if (old === undefined) {
      problems.push(`${keyOf(row)}: not in the file; npm run traffic -- --update`);
      continue;
    }
    for (const name of NAMES) {
      if (row[name] > old[name]) {
        problems.push(`${keyOf(row)}: ${COLUMNS[name]} grew from ${old[name]} to ${row[name]}`);
        continue;
      }
      passed++;
      if (row[name] < old[name]) fewer++;
    }
  }
  for (const key of known.keys()) problems.push(`${key}: in the file alone; npm run traffic -- --update`);
  return { passed, problems, fewer };
}
