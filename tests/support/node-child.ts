/** The process in which the Node suites run: takes the test files as arguments, reports to its parent. */
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { releaseSharedGpu } from './gpu.ts';
import { makeDawnPatient } from './patient-dawn.ts';
import { processorSeconds } from './processor.ts';
import { reporter } from './report.ts';
import { runSuites } from './run-suites.ts';

makeDawnPatient();
reporter.send = (report) => void process.send?.(report);
reporter.processor = processorSeconds;

await runSuites(
  process.argv.slice(2).map((path) => ({
    name: relative(process.cwd(), path),
    load: () => import(pathToFileURL(path).href) as Promise<unknown>,
  })),
  (text) => void process.stdout.write(text),
);
await releaseSharedGpu();
