/**
 * `npm run traffic`: counts the words that every kernel and every compressor reads and writes on a GPU, by running them
 * on the emulator, beside the least that could do. The same on every machine.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { whole } from '../../examples/mnist/format.ts';
import { renderText } from '../../examples/mnist/table.ts';
import { generateWgsl } from '../../scripts/wgsl.ts';
import { allTasks } from './count.ts';
import { compare, readFile, renderFile, type Row } from './figures.ts';
import { renderMarkdown, tableOf } from './table.ts';

const FILE = fileURLToPath(new URL('./figures.tsv', import.meta.url));
const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const START = '<!-- traffic -->';
const END = '<!-- end of traffic -->';
/** The size whose table is in the documentation. */
const SHOWN = 2 ** 20;

const help = `npm run traffic -- [options]

Counts what every kernel and every compressor does on a GPU, on an emulator of it: words of storage memory read and written,
each once a workgroup, dispatches, barriers, atomics. "least" is each input and each output once.

  --only NAME   tasks with this in their name, "topK" say; may be given several times (all)
  --json        figures as JSON
  --check       compare with tests/traffic/figures.tsv; fails where a figure grew. The last line is "N passed, N failed"
  --update      write tests/traffic/figures.tsv, and the table of docs/benchmarks.md
  --help        print this
`;

interface Options {
  readonly only: readonly string[];
  readonly json: boolean;
  readonly check: boolean;
  readonly update: boolean;
}

/** @throws TypeError where the arguments are wrong */
function readOptions(): Options {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      ...{ json: flag, check: flag, update: flag, help: flag },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  const only = (values.only ?? []).map((name) => name.toLowerCase());
  if (values.check && values.update) throw new TypeError('--check and --update exclude each other');
  if (values.update && only.length > 0) throw new TypeError('--update writes all figures: leave --only out');
  return { ...values, only };
}

/** What a process of its own is asked for: every `of`th task, from `lane` on. */
interface Share {
  readonly lane: number;
  readonly of: number;
  readonly only: readonly string[];
}

/** Whether a task is asked for; compress and decompress are counted together, by the compressor's name. */
function wanted(task: string, only: readonly string[]): boolean {
  const name = task.replace(/^(de)?compress /, '').toLowerCase();
  return only.length === 0 || only.some((part) => name.includes(part));
}

/** Counts a share of the tasks: their rows, by the number of the task. */
async function countShare({ lane, of, only }: Share): Promise<(readonly [number, Row[]])[]> {
  const found: (readonly [number, Row[]])[] = [];
  const tasks = allTasks().filter(({ name }) => wanted(name, only));
  for (let i = lane; i < tasks.length; i += of) found.push([i, await tasks[i].count()]);
  return found;
}

/** Counts all tasks, in two processes where there are two cores. */
async function countAll(only: readonly string[]): Promise<Row[]> {
  const of = Math.min(2, availableParallelism());
  const shares = await Promise.all(
    Array.from({ length: of }, async (_, lane) => {
      const child = fork(fileURLToPath(import.meta.url), [], { execArgv: ['--import', 'tsx'] });
      child.send({ lane, of, only } satisfies Share);
      const closed = once(child, 'close').then(() => Promise.reject(new Error('a process found no figures')));
      const [found] = (await Promise.race([once(child, 'message'), closed])) as [[number, Row[]][]];
      closed.catch(() => undefined); // it has answered
      return found;
    }),
  );
  return shares
    .flat()
    .sort(([a], [b]) => a - b)
    .flatMap(([, rows]) => rows);
}

/** One table a size. */
function renderAll(rows: readonly Row[]): string {
  const sizes = [...new Set(rows.map(({ n }) => n))];
  return sizes
    .map((n) => `n = ${whole(n)}\n\n${renderText(tableOf(rows.filter((row) => row.n === n)))}\n`)
    .join('\n');
}

/** Writes the figures, and their table between the marks of the page. */
async function update(rows: readonly Row[]): Promise<void> {
  writeFileSync(FILE, renderFile(rows));
  const page = readFileSync(PAGE, 'utf8');
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/benchmarks.md has no ${START} ... ${END}`);
  const table = renderMarkdown(tableOf(rows.filter(({ n }) => n === SHOWN)));
  const text = `${page.slice(0, start + START.length)}\n\n${table}\n\n${page.slice(end)}`;
  writeFileSync(PAGE, await format(text, { ...(await resolveConfig(PAGE)), parser: 'markdown' }));
}

/** Prints what grew, and the totals; whether nothing did. */
function check(rows: readonly Row[], only: readonly string[]): boolean {
  const before = readFile(readFileSync(FILE, 'utf8')).filter(({ task }) => wanted(task, only));
  const { passed, problems, fewer } = compare(before, rows);
  for (const problem of problems) console.log(` FAIL  ${problem}`);
  if (fewer > 0) console.log(`${fewer} figures are less than before; npm run traffic -- --update`);
  console.log(`\n${passed} passed, ${problems.length} failed`);
  return problems.length === 0 && passed > 0;
}

async function main(): Promise<number> {
  const options = readOptions();
  await generateWgsl(); // the processes that count read what is generated
  const rows = await countAll(options.only);
  if (options.json) console.log(JSON.stringify(rows, undefined, 2));
  else if (!options.check) console.log(renderAll(rows));
  if (options.update) await update(rows);
  return options.check && !check(rows, options.only) ? 1 : 0;
}

if (process.send) {
  const [share] = (await once(process, 'message')) as [Share];
  const rows = await countShare(share);
  process.send(rows, () => process.disconnect());
} else
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // parseArgs explains an unknown option at length; its first sentence names it
    console.error(`${error.message.split(/\.\s/)[0]}; see npm run traffic -- --help`);
    process.exitCode = 2;
  }
