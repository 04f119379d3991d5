/**
 * What a memory of the wasm backend is worth nothing without: an instance of the module over it, its allocator, its kernels,
 * and the threads that know it. All of it is dropped with the memory, which is the only way to give that back: WebAssembly
 * memory grows, and never shrinks.
 */
import type { Implementations } from '../../kernels/catalogue.ts';
import { Heap } from './heap.ts';
import type { BindKernels, Exports } from './kernels.ts';
import { Pieces } from './pieces.ts';
import type { Threads } from './threads.ts';
import { Workshop } from './workshop.ts';

export interface Engine {
  readonly exports: Exports;
  readonly memory: WebAssembly.Memory;
  /** The number of the memory, to the threads. */
  readonly number: number;
  readonly heap: Heap;
  readonly kernels: Partial<Implementations<number>>;
  readonly shop: Workshop;
  readonly pieces: Pieces;
}

/** The module over a memory, its kernels as `bind` takes them, and threads that work there. */
export function engineOf(
  module: WebAssembly.Module,
  bind: BindKernels,
  memory: WebAssembly.Memory,
  threads: Threads,
): Engine {
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
  const heap = new Heap(memory, exports.heapBase());
  const number = threads.open(memory);
  const shop = new Workshop(exports, heap, threads, number);
  return { exports, memory, number, heap, kernels: bind(exports, heap), shop, pieces: new Pieces(shop) };
}
