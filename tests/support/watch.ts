/** Watches a process or a page that runs suites: counts, knows what is running, and notices when nothing happens. */
import type { Print } from './lanes.ts';
import { plus, type Report, type Tally, type Took } from './report.ts';

export interface Watch {
  readonly tally: Tally;
  /** Takes a report of the watched one. */
  readonly take: (report: Report) => void;
  /** Prints output of the watched one, which is a sign of life. */
  readonly print: (text: string) => void;
  /** Counts a failure that is not a test's, and prints it with what was running. */
  readonly fail: (message: string) => void;
  /** Settles when all suites were run or when nothing was heard for too long; true where they were. */
  readonly ended: Promise<boolean>;
  /** Stops waiting, for when the watched one is gone. */
  readonly stop: () => void;
}

/** Gives up after `stallSeconds` without a report or output; `print` takes all output. */
export function watch(stallSeconds: number, print: Print): Watch {
  const took: Record<string, Took> = {};
  const tally: Tally = { passed: 0, failed: 0, skipped: 0, took };
  let running = 'the start';
  let settle: (whole: boolean) => void;
  const ended = new Promise<boolean>((resolve) => (settle = resolve));
  let over = false;
  let timer: NodeJS.Timeout;

  const finish = (whole: boolean): void => {
    over = true;
    clearTimeout(timer);
    settle(whole);
  };
  const fail = (message: string): void => {
    tally.failed += 1;
    print(`\n FAIL  ${message}\n    while running ${running}\n`);
  };
  const heard = (): void => {
    clearTimeout(timer);
    if (over) return;
    timer = setTimeout(() => {
      fail(`nothing happened for ${stallSeconds} s`);
      finish(false);
    }, stallSeconds * 1000);
  };
  heard();

  return {
    tally,
    ended,
    fail,
    take(report) {
      heard();
      if (report.kind === 'text') print(report.text);
      else if (report.kind === 'running') running = report.what;
      else if (report.kind === 'took') {
        const { file, seconds, processor = 0 } = report;
        took[file] = plus(took[file], { seconds, processor });
      } else if (report.kind === 'end') {
        running = 'the end, when all suites were done';
        finish(true);
      } else {
        tally.passed += report.passed;
        tally.failed += report.failed;
        tally.skipped += report.skipped;
      }
    },
    print(text) {
      heard();
      print(text);
    },
    stop() {
      finish(false);
    },
  };
}
