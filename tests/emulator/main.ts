/**
 * `npm run test:emulator`: runs the suites of the kernels and compressors with the emulator in the place of the GPU,
 * once a mode. The last line is `N passed, N failed`, with `, N skipped` where there are skips.
 */
import { availableParallelism } from 'node:os';
import { generateWgsl } from '../../scripts/wgsl.ts';
import {
  orUsage,
  printTotals,
  readCommandLine,
  ROOT,
  runPart,
  sumOf,
  testFiles,
} from '../support/command-line.ts';
import { inLanes, type Print, print } from '../support/lanes.ts';
import { runInNode } from '../support/node-run.ts';
import type { Tally } from '../support/report.ts';
import { settings as given } from '../support/settings.ts';
import { modeNamed, MODES, type NamedMode } from './modes.ts';
import { updateResults } from './results.ts';

/** What CI runs: between them, everything that a compiler or a GPU that is known does. */
const USUAL = ['factoring', 'everything'];

/** The backends that the emulator stands in for (tests/support/backends.ts). */
const BACKENDS = ['webgpu', 'webgpu in windows'];

/** The suites that run on it. */
const FOLDERS = ['kernels', 'compressors'];

const help = `npm run test:emulator -- [options] [part of a path ...]

Runs the suites of tests/${FOLDERS.join(' and tests/')} whose path contains one of the parts given, or all, with the
emulator in the place of the GPU: in the modes ${USUAL.join(' and ')}, or in those that are named.

  --mode NAME        run in this mode; may be given several times
  --all              run in every mode
  --update           write the results of whole runs into the table of docs/same-bytes.md
  --timeout SECONDS  how long one test may take (default: ${given.testSeconds})
  --help             print this

Modes (* allowed by the specification, but no compiler or GPU is known to do it):

${MODES.map(({ name, about, specificationOnly }) => `  ${`${name}${specificationOnly ? ' *' : ''}`.padEnd(17)} ${about}`).join('\n')}
`;

interface Options {
  readonly modes: readonly NamedMode[];
  readonly parts: readonly string[];
  readonly testSeconds: number;
  readonly update: boolean;
}

function readOptions(): Options {
  const name = 'npm run test:emulator';
  const { values, parts, testSeconds } = readCommandLine(name, help, {
    mode: { type: 'string', multiple: true },
    all: { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
  });
  const modes = values.all ? MODES : orUsage(name, () => (values.mode ?? USUAL).map(modeNamed));
  return { modes, parts, testSeconds, update: values.update && parts.length === 0 };
}

/** Two halves of much the same length: the last files of a folder are not all in one. */
const halves = (paths: readonly string[]): string[][] =>
  [0, 1].map((half) => paths.filter((_, i) => i % 2 === half)).filter((paths) => paths.length > 0);

/** Runs files in a mode. */
function runMode(mode: NamedMode, paths: readonly string[], seconds: number, out: Print): Promise<Tally> {
  const settings = { ...given, testSeconds: seconds };
  const env = { TEST_EMULATOR: mode.name, TEST_BACKENDS: BACKENDS.join(',') };
  return runPart(`${mode.name}: ${mode.about}`, (to) => runInNode(paths, settings, { env }, to), out);
}

const options = readOptions();
process.chdir(ROOT);
await generateWgsl(); // the suites read what is generated
const paths = halves(testFiles(options.parts, FOLDERS).filter((path) => !path.endsWith('.node.test.ts')));
const lanes = options.modes.flatMap((mode) =>
  paths.map((half) => (out: Print) => runMode(mode, half, options.testSeconds, out)),
);
const tallies = await inLanes(lanes, Math.min(2, availableParallelism()));
const results = new Map(
  options.modes.map(({ name }, i) => [name, sumOf(tallies.slice(i * paths.length, (i + 1) * paths.length))]),
);
print('\n');
for (const [name, { passed, failed }] of results)
  print(`${name.padEnd(17)} ${passed} passed, ${failed} failed\n`);
if (options.update) await updateResults(results);
printTotals(sumOf(tallies));
