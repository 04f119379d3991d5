/**
 * Runs test files as `uvu` itself does (its run/index.mjs: UVU_DEFER, UVU_INDEX, UVU_QUEUE), in Node and in a page.
 * What it adds: a file that throws while it is imported fails alone, a file without suites fails, and the counts are
 * reported after each suite instead of being printed at the end.
 */
import { describeError, plus, reporter, type Took } from './report.ts';
import { settings } from './settings.ts';

export interface TestFile {
  readonly name: string;
  /** Imports the file, which registers its suites. */
  readonly load: () => Promise<unknown>;
}

/** One suite: `errors` is true where there are none, else uvu's text with messages and stacks. */
type UvuRun = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>;

interface UvuGlobals {
  UVU_DEFER?: number;
  UVU_INDEX?: number;
  UVU_QUEUE?: UvuRun[][];
}

/** Imports and runs `files`, one after the other; `write` prints to the terminal. Never rejects. */
export async function runSuites(files: readonly TestFile[], write: (text: string) => void): Promise<void> {
  const uvu = globalThis as UvuGlobals;
  uvu.UVU_DEFER = 1; // the suites wait for us instead of running at the next tick
  const queue = (uvu.UVU_QUEUE ??= []);
  const imports: Took[] = [];
  for (const [index, file] of files.entries()) {
    reporter.send({ kind: 'running', what: `the import of ${file.name}` });
    uvu.UVU_INDEX = index;
    const suites: UvuRun[] = (queue[index] = []);
    const since = clock();
    try {
      await file.load();
      // with an emulator, suites that are over no backend are left out
      if (suites.length === 0 && settings.emulator === undefined)
        throw new Error(`${file.name} has no suite: is a call of run() missing?`);
    } catch (error) {
      write(`\n FAIL  the import of ${file.name}\n${describeError(error)}\n`);
      reporter.send({ kind: 'counts', passed: 0, failed: 1, skipped: 0 });
    }
    imports.push(since());
  }
  for (const [index, file] of files.entries()) {
    const suites = queue[index] ?? [];
    const since = clock();
    if (suites.length > 0) write(`\n${file.name}\n`);
    for (const [position, run] of suites.entries()) {
      reporter.send({ kind: 'running', what: `suite ${position + 1} of ${file.name}` });
      await runSuite(run, write);
    }
    reporter.send({ kind: 'took', file: file.name, ...plus(imports[index], since()) });
  }
  reporter.send({ kind: 'end' });
}

/** Gives what it took from now on. */
function clock(): () => Took {
  const start = performance.now();
  const processor = reporter.processor();
  return () => ({
    seconds: (performance.now() - start) / 1000,
    processor: reporter.processor() - processor,
  });
}

/** Suites that take this many seconds or more say so: a short run has five minutes. */
const SLOW = 5;

async function runSuite(run: UvuRun, write: (text: string) => void): Promise<void> {
  const skipsBefore = reporter.skips;
  const start = performance.now();
  try {
    const [errors, ran, leftOut, total] = await run();
    const failed = total - ran;
    const seconds = (performance.now() - start) / 1000;
    if (seconds >= SLOW) write(`  ${seconds.toFixed(0)} s\n`);
    if (errors !== true) write(`\n${errors}\n`);
    // uvu drops the error of a `before` hook; tests/support/suite.ts prints it.
    else if (failed > 0) write(`\n FAIL  ${failed} not run: a hook of this suite threw\n`);
    // uvu counts a test that called skip() as passed.
    const skips = Math.min(reporter.skips - skipsBefore, ran);
    if (leftOut > 0) write(`SKIPPED: ${leftOut} by test.skip or test.only\n`);
    reporter.send({
      kind: 'counts',
      passed: ran - skips,
      failed: failed + (settings.requireAll ? leftOut : 0),
      skipped: skips + (settings.requireAll ? 0 : leftOut),
    });
  } catch (error) {
    // uvu gives the suite up and does not tell how far it was.
    write(`\n FAIL  an \`after\` hook of this suite\n${describeError(error)}\n`);
    reporter.send({ kind: 'counts', passed: 0, failed: 1, skipped: 0 });
  }
}
