/**
 * What a memory of the wasm backend is worth nothing without: an instance of the module over it, its allocator, its
 * executor, and the threads that know it. All of it is dropped with the memory, which is the only way to give that
 * back: WebAssembly memory grows, and never shrinks.
 */
import { heapBase, type Exports } from '../../generated/wasm-exports.ts';
import { Allocator } from './allocator.ts';
import { Executor, type Threads } from './executor.ts';
import { Fusion, type KernelTable } from './fusion.ts';

export interface Engine {
  readonly exports: Exports;
  readonly memory: WebAssembly.Memory;
  /** The number of the memory, to the threads. */
  readonly number: number;
  readonly allocator: Allocator;
  readonly executor: Executor;
  readonly fusion: Fusion;
}

/** The module over a memory, and threads that work there. */
export function engineOf(
  module: WebAssembly.Module,
  kernels: KernelTable,
  memory: WebAssembly.Memory,
  threads: Threads,
): Engine {
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
  const allocator = new Allocator(memory, heapBase(exports));
  const number = threads.open(memory);
  const executor = new Executor(exports, allocator, threads, number);
  return { exports, memory, number, allocator, executor, fusion: new Fusion(executor, kernels) };
}
