/**
 * uvu's `suite` with four additions: a test may be `long`, for whole runs alone; each test is announced before it
 * starts, so that a hang has a name; it fails when it takes too long, so that a promise that never settles fails one
 * test and not the run; and the error of a `before` hook, which uvu drops, is printed.
 */
import { suite as uvuSuite } from 'uvu';
import type { Callback, Test } from 'uvu';
import { describeError, reporter } from './report.ts';
import { settings } from './settings.ts';

export interface Suite extends Test {
  /** Adds a test that runs where whole tables are asked for: `npm run test:all`. */
  long(this: void, name: string, body: Callback): void;
}

/**
 * A suite named `name`; register tests by calling it, then call its `run()`. With an emulator in the place of GPUs only
 * suites over a backend run: the others have nothing to do with it, and `npm test` runs them.
 */
export function suite(name: string, { overBackend = false }: { readonly overBackend?: boolean } = {}): Suite {
  const isLeftOut = settings.emulator !== undefined && !overBackend;
  const inner = uvuSuite(name);
  const watched =
    (test: string, body: Callback): Callback =>
    (context) => {
      reporter.send({ kind: 'running', what: `${name}: ${test}` });
      return withinTime(body(context));
    };
  const before = (hook: Callback): void => inner.before(printed(name, hook));
  const after = (hook: Callback): void => inner.after(hook);
  return Object.assign((test: string, body: Callback) => inner(test, watched(test, body)), {
    long(test: string, body: Callback) {
      if (settings.every === undefined || settings.every === 1) inner(test, watched(test, body));
    },
    only: (test: string, body: Callback) => inner.only(test, watched(test, body)),
    skip: (test?: string) => inner.skip(test),
    before: Object.assign(before, { each: (hook: Callback) => inner.before.each(hook) }),
    after: Object.assign(after, { each: (hook: Callback) => inner.after.each(hook) }),
    run: () => (isLeftOut ? undefined : inner.run()),
  });
}

function printed(name: string, hook: Callback): Callback {
  return async (context) => {
    try {
      await hook(context);
    } catch (error) {
      reporter.send({ kind: 'text', text: `\n FAIL  ${name}, before its tests\n${describeError(error)}\n` });
      throw error;
    }
  };
}

async function withinTime(work: Promise<void> | void): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the test did not finish within ${settings.testSeconds} s`)),
      settings.testSeconds * 1000,
    );
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
