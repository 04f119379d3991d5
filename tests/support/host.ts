/** A bare backend as something to call kernels on, and errors to look into. */
import * as assert from 'uvu/assert';
import type { Backend } from '../../ts/backends/backend.ts';
import { Scope, type Host } from '../../ts/kernels/scope.ts';

/** Runs each call on `backend`, which stays the caller's to close. */
export function hostOf(backend: Backend): Host {
  return {
    async use(work) {
      const scope = new Scope(backend);
      try {
        return await scope.finish(work(scope));
      } finally {
        scope.end();
      }
    },
  };
}

/** The error that `promise` rejects with; fails unless it is a `type` whose message holds `text`. */
export async function rejects<E extends Error>(
  promise: Promise<unknown>,
  type: new (...args: never[]) => E,
  text = '',
): Promise<E> {
  try {
    await promise;
  } catch (error) {
    return requireError(error, type, text);
  }
  return assert.unreachable(`expected ${type.name}, nothing was thrown`) as never;
}

/** `error`, which is a `type` whose message holds `text`. */
function requireError<E extends Error>(error: unknown, type: new (...args: never[]) => E, text: string): E {
  if (!(error instanceof type)) throw error;
  assert.ok(error.message.includes(text), `"${error.message}" does not say "${text}"`);
  return error;
}

/** As rejects, of what `work` throws. A text alone would be taken for the name of the check by `assert.throws`. */
export function throws<E extends Error>(
  work: () => unknown,
  type: new (...args: never[]) => E,
  text = '',
): void {
  assert.throws(work, (error: unknown) => requireError(error, type, text) === error);
}
