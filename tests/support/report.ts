/**
 * What the process or page that runs suites tells the one that watches it. Reports are sent as they happen, so that
 * after a hang or a crash the watcher knows what was running.
 */

export type Report =
  /** Output for the terminal. */
  | { readonly kind: 'text'; readonly text: string }
  /** What starts now: a file's import, a suite, a test. */
  | { readonly kind: 'running'; readonly what: string }
  | { readonly kind: 'counts'; readonly passed: number; readonly failed: number; readonly skipped: number }
  /** How long a file took, its import and its suites. */
  | { readonly kind: 'took'; readonly file: string; readonly seconds: number }
  /** Every suite has been run. */
  | { readonly kind: 'end' };

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** Seconds by the file that took them, where that is known. */
  readonly took?: Record<string, number>;
}

/** What the code under the runner reports to, and how often `skip` was called; the runner sets `send`. */
export const reporter: { send: (report: Report) => void; skips: number } = {
  send: () => {},
  skips: 0,
};

/** An error as text, with its message and its stack in every engine. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stack = '', name, message } = error;
  return stack.includes(message) ? stack : `${name}: ${message}\n${stack}`;
}
