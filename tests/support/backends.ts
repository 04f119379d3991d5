/** The backends that the suites run over, in Node and in a page. */
import type { Backend } from '../../ts/backends/backend.ts';
import { sharedGpu } from './gpu.ts';
import { inBrowser, settings } from './settings.ts';
import { suite } from './suite.ts';
import type { Suite } from './suite.ts';
import { cutAnd, NARROW } from './windows.ts';

export type Kind = 'js' | 'wasm scalar' | 'wasm simd' | 'wasm threads' | 'webgpu' | 'webgpu in windows';

/** Whether whole tables and long tests are run. */
const whole = (settings.every ?? 1) === 1;

/** Plain JavaScript gives a page nothing that Node has not tested; short runs leave it one engine of two for wasm. */
const tested: readonly Kind[] = inBrowser
  ? [...(whole ? ['wasm scalar' as const] : []), 'wasm simd', 'webgpu']
  : ['js', 'wasm scalar', 'wasm simd', 'webgpu', 'webgpu in windows'];

/**
 * The kinds of a suite. Threads are only for those that ask: on short vectors they are the same as one. What is made of
 * kernels has windows in whole runs: the kernels' own suites have them in all.
 */
function kindsFor(threads: boolean, ofKernels: boolean): Kind[] {
  const kinds = threads ? [...tested, 'wasm threads' as const] : tested;
  const taken = whole || !ofKernels ? kinds : kinds.filter((kind) => kind !== 'webgpu in windows');
  return taken.filter((kind) => settings.backends?.includes(kind) ?? true);
}

/**
 * Of cases that windows do not change, every which is taken there: for readbacks in parts, and shaders without
 * subgroups.
 */
const UNCHANGED = 3;

/**
 * The emulator in the place of a GPU: it knows windows as plans do, and those of an input of 9,001 are smaller still.
 */
async function openEmulator(kind: Kind, name: string): Promise<Backend> {
  const [{ openEmulated }, { modeNamed }] = await Promise.all([
    import('../emulator/fewbits.ts'),
    import('../emulator/modes.ts'),
  ]);
  const limits = kind === 'webgpu' ? undefined : { ...NARROW, bindingWords: 2 ** 12 };
  return openEmulated(modeNamed(name).mode, { limits });
}

/** A backend of its own, which its user closes. */
export async function openKind(kind: Kind): Promise<Backend> {
  if (settings.emulator !== undefined && kind.startsWith('webgpu'))
    return openEmulator(kind, settings.emulator);
  switch (kind) {
    case 'js': {
      const { openJs } = await import('../../ts/backends/js/index.ts');
      return openJs();
    }
    case 'wasm scalar':
    case 'wasm simd': {
      const { openWasm } = await import('../../ts/backends/wasm/index.ts');
      return openWasm({ simd: kind === 'wasm simd' });
    }
    case 'wasm threads': {
      const { openWasm } = await import('../../ts/backends/wasm/index.ts');
      return openWasm({ threads: 3 });
    }
    case 'webgpu':
    case 'webgpu in windows': {
      const { openWebgpu } = await import('../../ts/backends/webgpu/index.ts');
      const gpu = await sharedGpu();
      if (kind === 'webgpu') return openWebgpu({ gpu });
      // and readbacks beyond a buffer, shaders without subgroups; in whole runs on a device without these
      const narrow = { subgroups: false, limits: NARROW, readbackBytes: 1000 };
      const backend = await openWebgpu({ ...(whole ? { allowSoftware: true } : { gpu }), ...narrow });
      return Object.assign(backend, { takes: cutAnd(UNCHANGED, NARROW) });
    }
  }
}

/** One opened backend a kind, shared by every suite, and how many suites have still to run on it. */
const opened = new Map<Kind, Promise<Backend>>();
const suitesLeft = new Map<Kind, number>();

function open(kind: Kind): Promise<Backend> {
  let backend = opened.get(kind);
  if (!backend) opened.set(kind, (backend = openKind(kind)));
  return backend;
}

/** Closes a backend after the last suite that runs on it, so that the process can exit. */
async function suiteDone(kind: Kind): Promise<void> {
  const left = (suitesLeft.get(kind) ?? 0) - 1;
  suitesLeft.set(kind, left);
  if (left > 0) return;
  const backend = opened.get(kind);
  opened.delete(kind);
  // A backend that could not be opened has failed the tests that asked for it.
  (await backend?.catch(() => undefined))?.close();
}

/**
 * Registers one suite for all backends, whose tests give each of them the same; otherwise as `eachBackend`.
 * @param body registers the tests; `on` has the backends
 */
export function allBackends(
  name: string,
  body: (test: Suite, on: readonly { readonly kind: Kind; readonly open: () => Promise<Backend> }[]) => void,
): void {
  const kinds = kindsFor(false, true);
  const test = suite(name, { overBackend: true });
  for (const kind of kinds) suitesLeft.set(kind, (suitesLeft.get(kind) ?? 0) + 1);
  test.after(async () => {
    for (const kind of kinds) await suiteDone(kind);
  });
  body(
    test,
    kinds.map((kind) => ({ kind, open: () => open(kind) })),
  );
  test.run();
}

/**
 * Registers a suite on each backend, named `name on webgpu` and so on, and runs it. Call it while the file is being
 * imported: a backend is closed when no registered suite is left.
 * @param body registers the tests; `open` gives the shared backend, which the tests do not close
 * @param options `threads`: on wasm with threads, too; `ofKernels`: windows cut nothing that kernels' suites have not
 * @example
 * eachBackend('fwht', (test, open) => {
 *   test('gives zeros for zeros', async () => {
 *     const backend = await open();
 *   });
 * });
 */
export function eachBackend(
  name: string,
  body: (test: Suite, open: () => Promise<Backend>, kind: Kind) => void,
  { threads = false, ofKernels = false }: { readonly threads?: boolean; readonly ofKernels?: boolean } = {},
): void {
  for (const kind of kindsFor(threads, ofKernels)) {
    const on = settings.on !== undefined && kind.startsWith('webgpu') ? ` on ${settings.on}` : '';
    const test = suite(`${name} on ${kind}${on}`, { overBackend: true });
    suitesLeft.set(kind, (suitesLeft.get(kind) ?? 0) + 1);
    test.after(() => suiteDone(kind));
    body(test, () => open(kind), kind);
    test.run();
  }
}
