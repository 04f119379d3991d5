/** Which backends work in this browser: asked once, for all parts of the page. */
import type { Diagnosis } from '../../../ts/cli/doctor.ts';
import { connect, type Connection } from '../calls.ts';
import { fillSelect } from '../elements.ts';
import type { BrowserFunctions } from './worker.ts';

/** A worker of its own: what is ended when it is no longer wanted. */
export function startBrowserWorker(onNote?: (note: never) => void): Connection<BrowserFunctions> {
  return connect<BrowserFunctions>(
    new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' }),
    onNote,
  );
}

let asked: Promise<Diagnosis> | undefined;

/** The diagnosis, which is made once. */
export function diagnosis(): Promise<Diagnosis> {
  asked ??= (async () => {
    const { calls, end } = startBrowserWorker();
    try {
      return await calls.diagnose();
    } finally {
      end();
    }
  })();
  return asked;
}

/**
 * Offers the backends that work here, the one that `openDevice()` takes first. Until that is known there is wasm; where
 * it cannot be known, the choice stays as it was.
 */
export async function backendChoices(
  select: HTMLSelectElement,
  before: readonly (readonly [value: string, text: string])[] = [],
): Promise<void> {
  fillSelect(select, [...before, ['wasm', 'wasm']]);
  const known = await diagnosis().catch(() => undefined);
  if (known === undefined) return;
  fillSelect(select, [
    ...before,
    ...known.backends
      .filter(({ works }) => works)
      .map(({ backend, detail }) => [backend, `${backend} (${detail})`] as const),
  ]);
  if (before.length > 0 || select.disabled || select.value === known.auto) return;
  select.value = known.auto;
  // what was begun on the other one is told
  select.dispatchEvent(new Event('change', { bubbles: true }));
}
