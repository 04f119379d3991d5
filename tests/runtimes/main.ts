/**
 * `npm run test:runtimes`: packs the package as npm would publish it, installs it in a project outside of the
 * repository, and asks every runtime and bundler for each golden packet of tests/vectors and for the README's program.
 * Prints a line for each; the last line is `N passed, N failed`, with `, N skipped` where there are skips.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { settings } from '../support/settings.ts';
import { softwareGpu } from '../support/software-gpu.ts';
import { browserChecks } from './browsers.ts';
import { bundlerChecks } from './bundlers.ts';
import { Cannot, type Check } from './check.ts';
import { makeConsumer } from './consumer.ts';
import { firstProgramChecks } from './first-programs.ts';
import { packageChecks } from './packaging.ts';
import { processChecks } from './processes.ts';
import { siteChecks } from './site.ts';
import { testRunnerChecks } from './test-runners.ts';
import { install, NPM, run } from './tools.ts';

const help = `npm run test:runtimes -- [options] [part of a name ...]

Checks the packed tarball in the runtimes and bundlers whose name contains one of the parts given, or in all.

  --no-build   pack what is built already
  --help       print this

FIREFOX in the environment is the path of another Firefox. REQUIRE_ALL=1 makes a runtime that is missing a failure.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'no-build': { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}

const total = { passed: 0, failed: 0, skipped: 0 };

function print(mark: string, name: string, text: string, started?: number): void {
  const seconds = started === undefined ? '' : `, ${((performance.now() - started) / 1000).toFixed(1)} s`;
  process.stdout.write(`${mark.padEnd(7)} ${name.padEnd(24)} ${text}${seconds}\n`);
}

async function take({ name, work }: Check): Promise<void> {
  const started = performance.now();
  try {
    const text = await work();
    total.passed += 1;
    print('ok', name(), text, started);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof Cannot && !settings.requireAll) {
      total.skipped += 1;
      return print('skipped', name(), reason);
    }
    total.failed += 1;
    print('FAIL', name(), reason, started);
  }
}

await install();
if (!values['no-build']) await run(NPM, ['run', 'build', '--silent']);
const gpu = await softwareGpu();
const consumer = await makeConsumer();
try {
  const checks = [
    ...packageChecks(consumer),
    ...processChecks(consumer, gpu),
    ...firstProgramChecks(consumer),
    ...testRunnerChecks(consumer),
    ...bundlerChecks(consumer, gpu),
    ...browserChecks(consumer, gpu),
    ...siteChecks(),
  ].filter(({ name }) => {
    const own = name().toLowerCase();
    return positionals.length === 0 || positionals.some((part) => own.includes(part.toLowerCase()));
  });
  for (const check of checks) await take(check);
} finally {
  rmSync(join(consumer.folder), { recursive: true, force: true, maxRetries: 5 });
}
const { passed, failed, skipped } = total;
process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = failed > 0 || passed + failed + skipped === 0 ? 1 : 0;
