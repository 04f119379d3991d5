/** Opens the wasm backend: the kernels of assembly/, with SIMD where the engine has it. */
import type { Bytes } from '../../platform.ts';
import type { Backend } from '../backend.ts';
import { start } from './backend.ts';
import { compile, reasonOf, requireWebAssembly, simdWorks, unpack } from './compile.ts';
import { allKernels } from './kernels/index.ts';
import { startModule } from './module.ts';
import { symbolDecoderOf } from './symbols.ts';
import { shareMemory } from './threads/shared-memory.ts';

export interface WasmOptions {
  /**
   * The compiled kernels, for runtimes that import .wasm files and forbid compiling bytes: wasm-simd or wasm-scalar.
   */
  readonly module?: WebAssembly.Module;
  /** false takes the kernels without SIMD, true those with it; by default the engine decides. */
  readonly simd?: boolean;
  /** The most threads that work on a vector, the calling one with them; 1 if left out. */
  readonly threads?: number;
}

/**
 * Opens the wasm backend.
 * @throws Error where there is no WebAssembly, where compiling it is forbidden, or where `module` is not fewbits'
 */
export async function openWasm(options: WasmOptions = {}): Promise<Backend> {
  requireWebAssembly();
  const { threads = 1 } = options;
  let note = '';
  if (threads > 1) {
    try {
      return await openThreads(threads, options);
    } catch (error) {
      note = `, one thread: ${reasonOf(error)}`;
    }
  }
  return startModule(options.module ?? (await compile(await bytesOf(options))), note);
}

/** @throws Error where there are no threads here, or no memory that they share */
async function openThreads(count: number, options: WasmOptions): Promise<Backend> {
  if (options.module !== undefined) throw new Error('the memory of "module" cannot be shared');
  if (typeof SharedArrayBuffer !== 'function')
    throw new Error('there is no SharedArrayBuffer (a page needs COOP and COEP for it)');
  const module = await compile(shareMemory(await bytesOf(options)));
  const { startPool } = await import('./threads/spawn.ts');
  return start(module, allKernels, { threads: await startPool(count, module), symbolsOf: symbolDecoderOf });
}

async function bytesOf({ simd = simdWorks() }: WasmOptions): Promise<Bytes> {
  // Only the module that is wanted is loaded.
  const { bytes } = simd
    ? await import('../../generated/wasm-simd.ts')
    : await import('../../generated/wasm-scalar.ts');
  return unpack(bytes);
}
