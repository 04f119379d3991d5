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
  /** How long a file took, its import and its suites, and of the processor where that is known. */
  | { readonly kind: 'took'; readonly file: string; readonly seconds: number; readonly processor?: number }
  /** Every suite has been run. */
  | { readonly kind: 'end' };

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** What the files took, where that is known. */
  readonly took?: Record<string, Took>;
}

/** Seconds of the clock, and of the processor: 0 where they are not known. */
export interface Took {
  readonly seconds: number;
  readonly processor: number;
}

export const plus = (a: Took | undefined, b: Took): Took => ({
  seconds: (a?.seconds ?? 0) + b.seconds,
  processor: (a?.processor ?? 0) + b.processor,
});

/**
 * What the code under the runner reports to, the processor's seconds so far, and how often `skip` was called; the
 * runner sets `send` and, in Node, `processor`.
 */
export const reporter: { send: (report: Report) => void; processor: () => number; skips: number } = {
  send: () => {},
  processor: () => 0,
  skips: 0,
};

/** An error as text, with its message and its stack in every engine. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stack = '', name, message } = error;
  return stack.includes(message) ? stack : `${name}: ${message}\n${stack}`;
}
