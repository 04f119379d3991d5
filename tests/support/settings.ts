/**
 * The settings of a test run, REQUIRE_ALL for example: in Node environment variables, in a page a global set before the
 * tests.
 */

export interface Settings {
  /** Whether a test that cannot run here is a failure: REQUIRE_ALL=1. */
  readonly requireAll: boolean;
  /** How long one test may take: TEST_SECONDS. Software GPUs on busy machines are slow, hence the large default. */
  readonly testSeconds: number;
  /** The backends that suites run over, where not all that the runtime is tested with: TEST_BACKENDS, with commas. */
  readonly backends?: readonly string[];
  /** The driver that webgpu runs on, TEST_ON, where it is not the usual one: suites are named after it. */
  readonly on?: string;
  /**
   * Every how many rows of the tables of inputs are taken, by `npm test` and by slow runtimes: TEST_EVERY. With 2 or
   * more, no input is large.
   */
  readonly every?: number;
  /** The mode of the emulator that stands in the place of GPUs, TEST_EMULATOR: then no input is large, either. */
  readonly emulator?: string;
}

/** The global that carries the settings into a page. */
export const pageSettings = 'fewbitsTestSettings';

/** Whether the tests run in a page rather than in Node, Deno or Bun. */
export const inBrowser: boolean = typeof document !== 'undefined';

function readSettings(): Settings {
  const given = (globalThis as Record<string, unknown>)[pageSettings];
  if (given !== undefined) return given as Settings;
  const env = typeof process === 'undefined' ? {} : process.env;
  return {
    requireAll: env.REQUIRE_ALL === '1',
    testSeconds: Number(env.TEST_SECONDS ?? 120),
    backends: env.TEST_BACKENDS?.split(','),
    on: env.TEST_ON,
    every: Number(env.TEST_EVERY ?? 1),
    emulator: env.TEST_EMULATOR,
  };
}

export const settings: Settings = readSettings();
