/**
 * What the commands that run suites have in common: their options, the files that are asked for, the totals at the end.
 */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { print, type Print } from './lanes.ts';
import { plus, type Tally, type Took } from './report.ts';
import { settings } from './settings.ts';

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

type Flags = NonNullable<ParseArgsConfig['options']>;
type Values<Options extends Flags> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true }>
>['values'];

/** A command as it was called. */
export interface CommandLine<Options extends Flags> {
  readonly values: Values<Options>;
  /** Parts of the paths of the files that are asked for; none for all. */
  readonly parts: readonly string[];
  /** How long one test may take. */
  readonly testSeconds: number;
}

/** Reads the arguments; prints the help where that is asked for, or what is wrong, and exits. */
export function readCommandLine<const Options extends Flags>(
  name: string,
  help: string,
  own: Options,
): CommandLine<Options> {
  return orUsage(name, () => {
    const common = { timeout: { type: 'string' }, help: { type: 'boolean', default: false } } as const;
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { ...own, ...common } });
    const { timeout, help: isHelp } = values as { timeout?: string; help?: boolean };
    if (isHelp) {
      process.stdout.write(help);
      process.exit(0);
    }
    const testSeconds = Number(timeout ?? settings.testSeconds);
    if (!(testSeconds > 0)) throw new TypeError(`--timeout expected a number of seconds, got ${timeout}`);
    return { values: values as unknown as Values<Options>, parts: positionals, testSeconds };
  });
}

/** What `read` makes of the arguments; where it throws, its reason is printed and the process exits with 2. */
export function orUsage<Result>(name: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    // parseArgs explains an unknown option at length; its first sentence names it.
    const [reason] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    process.stderr.write(`${reason}; see ${name} -- --help\n`);
    process.exit(2);
  }
}

/** The test files below folders of tests/ whose path holds one of the parts, or all; sorted. */
export function testFiles(parts: readonly string[], folders: readonly string[] = ['']): string[] {
  return (
    folders
      .flatMap((folder) =>
        readdirSync(join(ROOT, 'tests', folder), { recursive: true, encoding: 'utf8' }).map((path) =>
          join(ROOT, 'tests', folder, path),
        ),
      )
      // test:runtimes installs packages that bring tests of their own
      .filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules'))
      .filter((path) => parts.length === 0 || parts.some((part) => relative(ROOT, path).includes(part)))
      .sort()
  );
}

/** Runs one part of the tests between two lines that say what and how long. */
export async function runPart<Result>(
  title: string,
  work: (print: Print) => Promise<Result>,
  out: Print = print,
): Promise<Result> {
  out(`\n== ${title}\n`);
  const start = performance.now();
  const result = await work(out);
  out(`== ${title}: ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  return result;
}

export function sumOf(tallies: readonly Tally[]): Tally {
  const took: Record<string, Took> = {};
  const total: Tally = { passed: 0, failed: 0, skipped: 0, took };
  for (const tally of tallies) {
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped += tally.skipped;
    for (const [file, more] of Object.entries(tally.took ?? {})) took[file] = plus(took[file], more);
  }
  return total;
}

/** Prints the slowest files, with the seconds that they took wherever they ran. */
export function printSlowest({ took = {} }: Tally, most = 10): void {
  const slowest = Object.entries(took)
    .sort(([, a], [, b]) => b.seconds - a.seconds)
    .slice(0, most);
  if (slowest.length < 2) return;
  print('\nThe slowest files, in seconds, and in seconds of the processor where they are known:\n');
  for (const [file, { seconds, processor }] of slowest) {
    const known = processor === 0 ? '' : processor.toFixed(1);
    print(`${seconds.toFixed(1).padStart(7)} ${known.padStart(7)}  ${file}\n`);
  }
}

/** Prints the totals as the last line, and sets the exit status: 1 where a test failed, or none ran. */
export function printTotals({ passed, failed, skipped }: Tally): void {
  const nothing = passed + failed + skipped === 0;
  if (nothing) print('\nNothing ran: no test file matches.\n');
  print(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  process.exitCode = failed > 0 || nothing ? 1 : 0;
}
