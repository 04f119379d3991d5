/**
 * `npm run test:emulator`: runs the suites of the kernels and compressors with the emulator in the place of the GPU, once a
 * mode. The last line is `N passed, N failed`, with `, N skipped` where there are skips.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inLanes, type Print, print } from '../support/lanes.ts';
import { runInNode } from '../support/node-run.ts';
import type { Tally } from '../support/report.ts';
import { settings as given } from '../support/settings.ts';
import { modeNamed, MODES, type NamedMode } from './modes.ts';

/** What CI runs: between them, everything that a compiler or a GPU that is known does. */
const USUAL = ['factoring', 'everything'];

/** The backends that the emulator stands in for (tests/support/backends.ts). */
const BACKENDS = ['webgpu', 'webgpu in windows'];

/** The suites that run on it. */
const FOLDERS = ['kernels', 'compressors'];

const root = fileURLToPath(new URL('../..', import.meta.url));

const help = `npm run test:emulator -- [options] [part of a path ...]

Runs the suites of tests/${FOLDERS.join(' and tests/')} whose path contains one of the parts given, or all, with the
emulator in the place of the GPU: in the modes ${USUAL.join(' and ')}, or in those that are named.

  --mode NAME        run in this mode; may be given several times
  --all              run in every mode
  --timeout SECONDS  how long one test may take (default: ${given.testSeconds})
  --help             print this

Modes (* allowed by the specification, but no compiler or GPU is known to do it):

${MODES.map(({ name, about, specificationOnly }) => `  ${`${name}${specificationOnly ? ' *' : ''}`.padEnd(17)} ${about}`).join('\n')}
`;

interface Options {
  readonly modes: readonly NamedMode[];
  readonly parts: readonly string[];
  readonly testSeconds: number;
}

/** @throws TypeError or RangeError where the arguments are wrong */
function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      mode: { type: 'string', multiple: true },
      all: { type: 'boolean', default: false },
      timeout: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  const testSeconds = Number(values.timeout ?? given.testSeconds);
  if (!(testSeconds > 0))
    throw new TypeError(`--timeout expected a number of seconds, got ${values.timeout}`);
  const modes = values.all ? MODES : (values.mode ?? USUAL).map(modeNamed);
  return { modes, parts: positionals, testSeconds };
}

function testFiles(parts: readonly string[]): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(root, 'tests', folder)).map((name) => join(folder, name)),
  )
    .filter((path) => path.endsWith('.test.ts') && !path.endsWith('.node.test.ts'))
    .map((path) => join(root, 'tests', path))
    .filter((path) => parts.length === 0 || parts.some((part) => relative(root, path).includes(part)));
}

/** Two halves of much the same length: the last files of a folder are not all in one. */
const halves = (paths: readonly string[]): string[][] =>
  [0, 1].map((half) => paths.filter((_, i) => i % 2 === half)).filter((paths) => paths.length > 0);

async function runPart(
  mode: NamedMode,
  paths: readonly string[],
  options: Options,
  out: Print,
): Promise<Tally> {
  const title = `${mode.name}: ${mode.about}`;
  out(`\n== ${title}\n`);
  const start = performance.now();
  const settings = { ...given, testSeconds: options.testSeconds };
  const env = { TEST_EMULATOR: mode.name, TEST_BACKENDS: BACKENDS.join(',') };
  const tally = await runInNode(paths, settings, { env }, out);
  out(`== ${title}: ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  return tally;
}

let options: Options;
try {
  options = readOptions();
} catch (error) {
  const [reason] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
  process.stderr.write(`${reason}; see npm run test:emulator -- --help\n`);
  process.exit(2);
}
process.chdir(root);
const paths = halves(testFiles(options.parts));
const lanes = options.modes.flatMap((mode) =>
  paths.map(
    (half) =>
      (out: Print): Promise<Tally> =>
        runPart(mode, half, options, out),
  ),
);
const tallies = await inLanes(lanes, Math.min(2, availableParallelism()));
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
options.modes.forEach(({ name }, i) => {
  const own = { passed: 0, failed: 0 };
  for (const tally of tallies.slice(i * paths.length, (i + 1) * paths.length)) {
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped += tally.skipped;
    own.passed += tally.passed;
    own.failed += tally.failed;
  }
  print(`${i === 0 ? '\n' : ''}${name.padEnd(17)} ${own.passed} passed, ${own.failed} failed\n`);
});
const { passed, failed, skipped } = total;
const nothing = passed + failed + skipped === 0;
if (nothing) print('\nNothing ran: no test file matches.\n');
print(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = failed > 0 || nothing ? 1 : 0;
