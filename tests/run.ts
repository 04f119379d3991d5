/**
 * `npm test`: builds, checks format, lint and types, and runs the suites in Node and in a headless Chromium. Files
 * named *.node.test.ts run in Node alone, *.browser.test.ts in the browser alone, every other *.test.ts in both. The
 * first kind runs beside the others. `npm run test:all` is the same with whole tables of inputs and long tests. The
 * last line is `N passed, N failed`, with `, N skipped` where there are skips.
 */
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

/** Processes for the files that run in Node alone: several, so that the last to end is not long alone. */
const CHUNKS = 4;

/** These share what they build, and are in one process. */
const WEB = /tests.web/;

/** Short runs leave these out of pages: every kernel runs in those of the compressors there, too. */
const KERNELS = /tests.kernels/;

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

async function main(options: Options): Promise<Tally> {
  const every = (given.every ?? 1) * (options.all ? 1 : SHORT);
  const settings = { ...given, every, testSeconds: options.testSeconds };
  if (options.build && !(await part('build', (to) => runScript('build', to))))
    return { passed: 0, failed: 1, skipped: 0 };

  const files = testFiles(options.parts);
  const nodeFiles = options.node ? files.filter((path) => !path.endsWith('.browser.test.ts')) : [];
  const alone = nodeFiles.filter((path) => path.endsWith('.node.test.ts'));
  const shared = nodeFiles.filter((path) => !path.endsWith('.node.test.ts'));
  const isLeftOut = (path: string): boolean =>
    !options.all && options.parts.length === 0 && KERNELS.test(relative(ROOT, path));
  const pages = options.browser
    ? files.filter((path) => !path.endsWith('.node.test.ts') && !isLeftOut(path))
    : [];
  const tallies: Tally[] = [];
  if (nodeFiles.length + pages.length > 0) {
    const gpu = await part('software GPU and browser', softwareGpu);
    const node = `Node ${process.versions.node}`;
    const inNode = async (paths: readonly string[], what: string, out: Print): Promise<void> => {
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
      const paths = [...shared, ...alone.filter((path) => path.endsWith('vectors.node.test.ts'))];
      const wanted = paths.filter((path) => ON_LAVAPIPE.test(relative(ROOT, path)));
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
    // dealt out, so that neighbours, which are often alike, are not all in one
    const isWeb = (path: string): boolean => WEB.test(relative(ROOT, path));
    const rest = alone.filter((path) => !isWeb(path));
    const chunks = Array.from({ length: CHUNKS }, (_, i) => rest.filter((_, place) => place % CHUNKS === i));
    const [first, ...others] = [alone.filter(isWeb), ...chunks].map(
      (files) => (out: Print) => inNode(files, 'for Node alone', out),
    );
    // two at a time, so that two cores have work
    await inLanes(
      [check, (out) => inNode(shared, 'for all runtimes', out), inPages, first, ...others, onLavapipe],
      Math.min(2, availableParallelism()),
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
