/** What goes wrong on the GPU shows later: as promises of errors, which the next read waits for. */

/** The error that a piece of work turned out to have, if any. Never rejects. */
export type Problem = Promise<Error | undefined>;

const FILTERS: readonly GPUErrorFilter[] = ['internal', 'out-of-memory', 'validation'];

/**
 * Runs `work` and catches the GPU errors that it makes. The scopes are closed before this returns, so that they never
 * mix with those of others who use the same device.
 */
export function withErrorScopes<T>(
  device: GPUDevice,
  work: () => T,
): { result: T; error: Promise<GPUError | undefined> } {
  for (const filter of FILTERS) device.pushErrorScope(filter);
  let result: T;
  let found: Promise<GPUError | null>[];
  try {
    result = work();
  } finally {
    // A lost device has no errors to tell; the loss itself is told elsewhere.
    found = FILTERS.map(() => device.popErrorScope().catch(() => null));
  }
  return {
    result,
    error: Promise.all(found).then((errors) => errors.find((error) => error !== null) ?? undefined),
  };
}
