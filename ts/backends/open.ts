/** Choosing a backend: the one that was asked for, or the best that works here. */
import { BackendUnavailableError } from '../errors.ts';
import type { GpuDevice, WasmModule } from '../platform.ts';
import type { Backend, BackendName } from './backend.ts';

export const BACKENDS: readonly BackendName[] = ['webgpu', 'wasm', 'js'];

export interface OpenOptions {
  readonly backend: BackendName | 'auto';
  readonly gpu?: GpuDevice;
  readonly module?: WasmModule;
  readonly threads?: number;
}

/** A backend, and why the ones that would have been preferred are not it. */
export interface Opened {
  readonly backend: Backend;
  readonly reasons: Readonly<Record<string, string>>;
}

/**
 * Opens the backend of that name; for `auto` the first that works of webgpu (on a real GPU), wasm and js. Modules are
 * loaded only for backends that are tried.
 * @throws BackendUnavailableError with the reason for each backend tried
 */
export async function openBackend({ backend, ...options }: OpenOptions): Promise<Opened> {
  const reasons: Record<string, string> = {};
  for (const name of backend === 'auto' ? BACKENDS : [backend]) {
    try {
      return { backend: await openers[name]({ ...options, named: backend !== 'auto' }), reasons };
    } catch (error) {
      reasons[name] = error instanceof Error ? error.message : String(error);
    }
  }
  throw new BackendUnavailableError(reasons);
}

interface Hints extends Omit<OpenOptions, 'backend'> {
  /** Asked for by name: then a software GPU will do. */
  readonly named: boolean;
}

const openers: Record<BackendName, (hints: Hints) => Promise<Backend>> = {
  webgpu: async ({ gpu, named }) => {
    const { openWebgpu } = await import('./webgpu/index.ts');
    return openWebgpu({ gpu, allowSoftware: named });
  },
  wasm: async ({ module, threads }) => {
    const { openWasm } = await import('./wasm/index.ts');
    return openWasm({ module, threads });
  },
  js: async () => {
    const { openJs } = await import('./js/index.ts');
    return openJs();
  },
};
