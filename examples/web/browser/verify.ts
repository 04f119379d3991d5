/** "Verify this browser": whether all of its backends give the same bytes, as a report to copy. */
import { renderReport, type VerifyReport } from '../../../ts/verify/report.ts';
import type { Connection } from '../calls.ts';
import { all, by, sayProblem, sentence } from '../elements.ts';
import { announcer, progressBar } from '../live.ts';
import { startBrowserWorker } from './backends.ts';
import type { BrowserFunctions, Progress } from './worker.ts';

export function openVerify(): void {
  const form = by<HTMLFormElement>('verify-form');
  const [start] = all<HTMLButtonElement>('button[type=submit]', form);
  const [cancel] = all<HTMLButtonElement>('[data-do=cancel]', form);
  const [copy] = all<HTMLButtonElement>('[data-do=copy]', form);
  const amount = form.elements.namedItem('amount') as HTMLSelectElement;
  const report = by('verify-report');
  const status = announcer(by('verify-status'));
  const bar = progressBar(by('verify-progress'));
  const problem = by('verify-problem');
  let running: Connection<BrowserFunctions> | undefined;

  const now = (text: string): void => void (by('verify-now').textContent = text);

  /** Says how it ended, and lets another one start. */
  const end = (text: string): void => {
    running?.end();
    running = undefined;
    start.disabled = false;
    cancel.disabled = true;
    bar.hide();
    now(text);
    status.now(text);
  };

  const show = (found: VerifyReport): void => {
    report.textContent = renderReport(found);
    by('verify-result').hidden = false;
    copy.disabled = false;
    end(sentence(found.sentence));
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (running !== undefined) return;
    sayProblem(problem, undefined);
    start.disabled = true;
    cancel.disabled = false;
    running = startBrowserWorker(({ what, done }: Progress) => {
      bar.show(done);
      now(`${Math.floor(100 * done)} %: ${what}`);
      status.say(`${Math.floor(100 * done)} % compared`);
    });
    bar.show(0);
    now('Opening the backends ...');
    running.calls
      .verify(amount.value === 'quick')
      .then(show)
      .catch((cause: unknown) => {
        end('');
        sayProblem(problem, cause);
      });
  });
  cancel.addEventListener('click', () => {
    end('Stopped.');
    start.focus();
  });
  copy.addEventListener('click', () => {
    navigator.clipboard.writeText(report.textContent).then(
      () => {
        now('Copied.');
        status.now('Copied.');
      },
      (cause: unknown) => sayProblem(problem, cause),
    );
  });
}
