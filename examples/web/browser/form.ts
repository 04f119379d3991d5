/** A form that has a worker work for some seconds: its buttons, how far it is, how it ended, and the result to copy. */
import type { Connection } from '../calls.ts';
import { all, by, sayProblem } from '../elements.ts';
import { announcer, progressBar } from '../live.ts';
import { startBrowserWorker } from './backends.ts';
import type { BrowserFunctions, Progress } from './worker.ts';

export interface Work<Result> {
  /** What the form's elements begin with: `NAME-form`, `NAME-status`, `NAME-progress`, `NAME-now`, `NAME-problem`. */
  readonly name: string;
  /** What is done with that many percent: "compared". */
  readonly done: string;
  /** What is said where it was cancelled. */
  readonly cancelled: string;
  /** Has the worker work, as the form's fields say. */
  work(
    this: void,
    calls: Connection<BrowserFunctions>['calls'],
    field: (name: string) => string,
  ): Promise<Result>;
  /** Shows the result; what is to be said of how it ended. */
  show(this: void, result: Result): string;
  /** The result as it is copied. */
  text(this: void): string;
}

export function openForm<Result>({ name, done: verb, cancelled, work, show, text }: Work<Result>): void {
  const form = by<HTMLFormElement>(`${name}-form`);
  const [start] = all<HTMLButtonElement>('button[type=submit]', form);
  const [cancel] = all<HTMLButtonElement>('[data-do=cancel]', form);
  const [copy] = all<HTMLButtonElement>('[data-do=copy]', form);
  const status = announcer(by(`${name}-status`));
  const bar = progressBar(by(`${name}-progress`));
  const problem = by(`${name}-problem`);
  let running: Connection<BrowserFunctions> | undefined;

  const field = (of: string): string => (form.elements.namedItem(of) as HTMLSelectElement).value;
  const now = (said: string): void => void (by(`${name}-now`).textContent = said);

  /** Says how it ended, and lets another one start. */
  const end = (said: string): void => {
    running?.end();
    running = undefined;
    start.disabled = false;
    cancel.disabled = true;
    bar.hide();
    now(said);
    status.now(said);
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
      status.say(`${Math.floor(100 * done)} % ${verb}`);
    });
    bar.show(0);
    now('Opening the backends ...');
    work(running.calls, field)
      .then((result) => {
        const said = show(result);
        copy.disabled = false;
        end(said);
      })
      .catch((cause: unknown) => {
        end('');
        sayProblem(problem, cause);
      });
  });
  cancel.addEventListener('click', () => {
    end(cancelled);
    start.focus();
  });
  copy.addEventListener('click', () => {
    navigator.clipboard.writeText(text()).then(
      () => {
        now('Copied.');
        status.now('Copied.');
      },
      (cause: unknown) => sayProblem(problem, cause),
    );
  });
}
