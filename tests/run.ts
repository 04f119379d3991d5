/**
 * `npm test`: builds, checks format, lint and types, and runs the suites in Node and in a headless Chromium. Files
 * named *.node.test.ts run in Node alone, *.browser.test.ts in the browser alone, every other *.test.ts in both. Suites
 * that share a GPU are in one process, the others in several. `npm run test:all` is the same with whole tables of
 * inputs and long tests. The last line is `N passed, N failed`, with `, N skipped` where there are skips.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { runInBrowser } from './browser/run.ts';
import { runChecks, runScript } from './support/checks.ts';
import {
  printSlowest,
  printTotals,
  readCommandLine,
  ROOT,
  runPart as part,
  sumOf,
  testFiles,
} from './support/command-line.ts';
import { inLanes, print, type Print } from './support/lanes.ts';
import { findLavapipe } from './support/lavapipe.ts';
import { runInNode } from './support/node-run.ts';
import { processorSeconds } from './support/processor.ts';
import type { Tally } from './support/report.ts';
import { settings as given } from './support/settings.ts';
import { softwareGpu } from './support/software-gpu.ts';

/** Of the tables of inputs, every which row is taken where not all are asked for. No divisor of a table's turns. */
const SHORT = 11;

const help = `npm test -- [options] [part of a path ...]

Runs the test files whose path contains one of the parts given, or all, and then format, lint and types, too.

  --all              long tests and whole tables of inputs, as npm run test:all: otherwise every ${SHORT}th row
  --node             only the suites in Node
  --browser          only the suites in the browser
  --no-build         test what is built already
  --timeout SECONDS  how long one test may take (default: ${given.testSeconds})
  --help             print this

REQUIRE_ALL=1 in the environment makes skipped tests fail. The suites of kernels and compressors run on lavapipe too, where it
is found: TEST_LAVAPIPE names its driver file, 0 leaves it out (docs/testing.md).
`;

/** Processes for the files of Node that share no GPU: several, so that the last to end is not long alone. */
const CHUNKS = 4;

/** Processes for those that share one. Each compiles all shaders, which in a short run is most of what they take. */
const GPU_CHUNKS = { short: 1, whole: 4 } as const;
const SHARES_GPU = /support\/(backends|compressors|gpu)\.ts'/;

/** Beside one process for each core, those of which one waits: for a browser, a server, a time. */
const WAITING = 1;

/** These share what they build, and are in one process. */
const WEB = /tests.web/;

/**
 * Short runs leave these out of pages: every kernel runs in the suites of the compressors there, too, and the others
 * are plain JavaScript, which V8 runs in Node.
 */
const NOT_IN_PAGES = /tests.(kernels|packet|runs)/;

/** Chromium compiles shaders as Node does, by Dawn: of the rows that Node takes, every third. */
const IN_PAGES = 3;

/** The suites that a second driver is for, and every which of the rows that Node takes it takes. */
const ON_LAVAPIPE = /tests.(kernels|compressors|vectors)/;
const LAVAPIPE_EVERY = 3;

interface Options {
  readonly all: boolean;
  readonly parts: readonly string[];
  readonly node: boolean;
  readonly browser: boolean;
  readonly build: boolean;
  readonly testSeconds: number;
}

function readOptions(): Options {
  const flag = { type: 'boolean', default: false } as const;
  const flags = { all: flag, node: flag, browser: flag, 'no-build': flag };
  const { values, parts, testSeconds } = readCommandLine('npm test', help, flags);
  const both = values.node === values.browser;
  return {
    all: values.all,
    parts,
    node: both || values.node,
    browser: both || values.browser,
    build: !values['no-build'],
    testSeconds,
  };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** Deals files out, so that neighbours, which are often alike, are not all in one process. */
function dealt(files: readonly string[], chunks: number): string[][] {
  return Array.from({ length: chunks }, (_, i) => files.filter((_, place) => place % chunks === i));
}

async function main(options: Options): Promise<Tally> {
  const every = (given.every ?? 1) * (options.all ? 1 : SHORT);
  const settings = { ...given, every, testSeconds: options.testSeconds };
  if (options.build && !(await part('build', (to) => runScript('build', to))))
    return { passed: 0, failed: 1, skipped: 0 };

  const files = testFiles(options.parts);
  const nodeFiles = options.node ? files.filter((path) => !path.endsWith('.browser.test.ts')) : [];
  const isAlone = (path: string): boolean => path.endsWith('.node.test.ts');
  const isWeb = (path: string): boolean => WEB.test(relative(ROOT, path));
  const onGpu = nodeFiles.filter((path) => SHARES_GPU.test(readFileSync(path, 'utf8')));
  const rest = nodeFiles.filter((path) => !onGpu.includes(path) && !isWeb(path));
  const isLeftOut = (path: string): boolean =>
    !options.all && options.parts.length === 0 && NOT_IN_PAGES.test(relative(ROOT, path));
  const pages = options.browser ? files.filter((path) => !isAlone(path) && !isLeftOut(path)) : [];
  const tallies: Tally[] = [];
  if (nodeFiles.length + pages.length > 0) {
    const gpu = await part('software GPU and browser', softwareGpu);
    const node = `Node ${process.versions.node}`;
    const inNode =
      (what: string) =>
      (paths: readonly string[]) =>
      async (out: Print): Promise<void> => {
        if (paths.length === 0) return;
        const title = `${node}, ${count(paths.length, 'file')} ${what}`;
        tallies.push(await part(title, (to) => runInNode(paths, settings, gpu, to), out));
      };
    const inPages = async (out: Print): Promise<void> => {
      if (pages.length === 0) return;
      const title = `browser, ${count(pages.length, 'file')}`;
      const some = { ...settings, every: every * IN_PAGES };
      tallies.push(await part(title, (to) => runInBrowser(pages, ROOT, some, gpu, to), out));
    };
    const onLavapipe = async (out: Print): Promise<void> => {
      const isTaken = (path: string): boolean =>
        ON_LAVAPIPE.test(relative(ROOT, path)) && (!isAlone(path) || path.endsWith('vectors.node.test.ts'));
      const wanted = nodeFiles.filter(isTaken);
      if (wanted.length === 0) return;
      const lavapipe = await findLavapipe();
      if (typeof lavapipe === 'string') return out(`\nNothing runs on lavapipe: ${lavapipe}.\n`);
      const title = `${lavapipe.name}, ${count(wanted.length, 'file')}`;
      const env = { ...lavapipe.env, TEST_BACKENDS: 'webgpu', TEST_ON: 'lavapipe' };
      const some = { ...settings, every: every * LAVAPIPE_EVERY };
      tallies.push(await part(title, (to) => runInNode(wanted, some, { env }, to), out));
    };
    const check = async (out: Print): Promise<void> => {
      if (options.parts.length > 0 || !options.node || !options.browser) return;
      tallies.push(await part('format, lint and types', (to) => runChecks(options.all, to), out));
    };
    // those that take longest first, so that none is left alone at the end
    await inLanes(
      [
        ...dealt(onGpu, options.all ? GPU_CHUNKS.whole : GPU_CHUNKS.short).map(inNode('over the GPU')),
        inPages,
        inNode('of the page')(nodeFiles.filter(isWeb)),
        ...dealt(rest, CHUNKS).map(inNode('of all else')),
        check,
        onLavapipe,
      ],
      availableParallelism() + WAITING,
    );
  }
  return sumOf(tallies);
}

const options = readOptions();
process.chdir(ROOT);
const total = await main(options).catch((error: unknown): Tally => {
  process.stdout.write(`\n FAIL  the test run: ${error instanceof Error ? error.stack : String(error)}\n`);
  return { passed: 0, failed: 1, skipped: 0 };
});
printSlowest(total);
print(`\nProcessor time: ${processorSeconds().toFixed(0)} s\n`);
printTotals(total);
