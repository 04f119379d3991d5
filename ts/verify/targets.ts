/** What is compared: each backend that opens here, wasm and webgpu in each of their forms. */
import type { Backend, BackendName } from '../backends/backend.ts';

/** A form of a backend. */
export interface Target {
  readonly name: string;
  readonly backend: BackendName;
  /**
   * Opens it. Where it is a form that does not exist here, a GPU without subgroups to leave out for example, there is
   * none.
   * @throws Error that says why it does not open
   */
  readonly open: () => Promise<Backend | undefined>;
}

/** Threads beyond these do not change how work is cut. */
const MOST_THREADS = 8;

/** All forms. `threads` is how many the form of wasm with threads has; those of the machine, 2 to 8, if left out. */
export function targetsHere(threads: number = coresHere()): Target[] {
  const wasm = async (options: { simd?: boolean; threads?: number }): Promise<Backend> => {
    const { openWasm } = await import('../backends/wasm/index.ts');
    return openWasm(options);
  };
  const webgpu = async (subgroups: boolean): Promise<Backend> => {
    const { openWebgpu } = await import('../backends/webgpu/index.ts');
    return openWebgpu({ allowSoftware: true, subgroups });
  };
  return [
    { name: 'wasm scalar', backend: 'wasm', open: () => wasm({ simd: false }) },
    { name: 'wasm SIMD', backend: 'wasm', open: () => wasm({ simd: true }) },
    {
      name: `wasm ${threads} threads`,
      backend: 'wasm',
      open: async () => requireThreads(await wasm({ threads })),
    },
    { name: 'webgpu', backend: 'webgpu', open: () => webgpu(true) },
    {
      name: 'webgpu without subgroups',
      backend: 'webgpu',
      // where the first form has none either, it is this one
      open: async () => {
        const first = await webgpu(true);
        first.close();
        return first.detail.includes('subgroups') ? webgpu(false) : undefined;
      },
    },
  ];
}

function coresHere(): number {
  const { navigator } = globalThis as { readonly navigator?: { readonly hardwareConcurrency?: number } };
  return Math.min(MOST_THREADS, Math.max(2, navigator?.hardwareConcurrency ?? 2));
}

/** @throws Error where threads were asked for and there is one */
function requireThreads(backend: Backend): Backend {
  const [, why] = /one thread: (.*)/.exec(backend.detail) ?? [];
  if (why === undefined) return backend;
  backend.close();
  throw new Error(why);
}
