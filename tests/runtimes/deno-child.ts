/**
 * The program that runs suites in Deno: takes the test files as arguments, prints its tally last, as a line of JSON.
 */
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { reporter, type Tally } from '../support/report.ts';
import { runSuites } from '../support/run-suites.ts';

const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
let running = '';
reporter.send = (report) => {
  if (report.kind === 'text') console.log(report.text);
  if (report.kind === 'running') running = report.what;
  if (report.kind !== 'counts') return;
  tally.passed += report.passed;
  tally.failed += report.failed;
  tally.skipped += report.skipped;
  if (report.failed > 0) console.log(`failed in ${running}`);
};

await runSuites(
  process.argv.slice(2).map((path) => ({
    name: relative(process.cwd(), path),
    load: () => import(pathToFileURL(path).href) as Promise<unknown>,
  })),
  (text) => console.log(text),
);
console.log(JSON.stringify(tally));
