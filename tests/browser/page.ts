/** The page's side of the browser run: runs the bundled test files and reports to the process that opened the page. */
import { reporter } from '../support/report.ts';
import type { Report } from '../support/report.ts';
import { runSuites } from '../support/run-suites.ts';
import type { TestFile } from '../support/run-suites.ts';

/** The function that the process which opened the page has put into it. */
export const reportFunction = 'fewbitsReport';

/** Runs `files`, whose bundle calls this. */
export async function runPage(files: readonly TestFile[]): Promise<void> {
  const send = (globalThis as Record<string, unknown>)[reportFunction] as (report: Report) => Promise<void>;
  reporter.send = (report) => void send(report);
  const write = (text: string): void => reporter.send({ kind: 'text', text });

  // In a browser uvu prints by the console.log that it finds while it is imported, one line a dot.
  const log = console.log;
  console.log = write;
  (globalThis as { UVU_DEFER?: number }).UVU_DEFER = 1;
  await import('uvu');
  console.log = log;

  await runSuites(files, write);
}
