/**
 * The wasm backend: the kernels of assembly/, with SIMD where the engine has it. Work is done as it is queued, on the
 * calling thread.
 */
import type { Catalogue, Implementations } from '../../kernels/catalogue.ts';
import type { Kernel } from '../../kernels/kernel.ts';
import type { Backend, DeviceBuffer, ReadRequest } from '../backend.ts';
import { Heap } from './heap.ts';
import { EXPORTS, kernelsOf, type Exports } from './kernels.ts';

export interface WasmOptions {
  /** The compiled kernels, for runtimes that import .wasm files and forbid compiling bytes: wasm-simd or wasm-scalar. */
  readonly module?: WebAssembly.Module;
  /** false takes the kernels without SIMD, true those with it; by default the engine decides. */
  readonly simd?: boolean;
}

/**
 * Opens the wasm backend.
 * @throws Error where there is no WebAssembly, where compiling it is forbidden, or where `module` is not fewbits'
 */
export async function openWasm(options: WasmOptions = {}): Promise<Backend> {
  if (typeof WebAssembly !== 'object') throw new Error('this runtime has no WebAssembly');
  const module = options.module ?? (await compile(options.simd ?? simdWorks()));
  if (!isOurs(module))
    throw new Error('"module" is not one of the WebAssembly modules of this version of fewbits');
  try {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const instance = await WebAssembly.instantiate(module, { env: { memory } });
    return new WasmBackend(instance.exports as unknown as Exports, memory);
  } catch (cause) {
    throw new Error(`WebAssembly does not start: ${reasonOf(cause)}`, { cause });
  }
}

/** Whether the engine takes SIMD: it validates a function that makes a vector and drops it. */
function simdWorks(): boolean {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const type = [1, 4, 1, 0x60, 0, 0];
  const functions = [3, 2, 1, 0];
  // i32.const 0; i8x16.splat; drop; end
  const code = [10, 9, 1, 7, 0, 0x41, 0, 0xfd, 15, 0x1a, 0x0b];
  return WebAssembly.validate(new Uint8Array([...header, ...type, ...functions, ...code]));
}

async function compile(simd: boolean): Promise<WebAssembly.Module> {
  // Only the module that is wanted is loaded.
  const { bytes } = simd
    ? await import('../../generated/wasm-simd.ts')
    : await import('../../generated/wasm-scalar.ts');
  try {
    return await WebAssembly.compile(Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)));
  } catch (cause) {
    throw new Error(`WebAssembly may not be compiled here: ${reasonOf(cause)}`, { cause });
  }
}

function isOurs(module: unknown): module is WebAssembly.Module {
  if (!(module instanceof WebAssembly.Module)) return false;
  const names = WebAssembly.Module.exports(module).map((entry) => entry.name);
  const imports = WebAssembly.Module.imports(module);
  return (
    imports.length === 1 && imports[0].kind === 'memory' && EXPORTS.every((name) => names.includes(name))
  );
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

class WasmBuffer implements DeviceBuffer {
  readonly words: number;
  readonly address: number;
  constructor(words: number, address: number) {
    this.words = words;
    this.address = address;
  }
}

class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly detail: string;
  readonly lost = false;
  /** The memory, until the backend is closed. */
  #heap: Heap | undefined;
  #kernels: Implementations<number> | undefined;
  readonly #live = new Set<DeviceBuffer>();

  constructor(exports: Exports, memory: WebAssembly.Memory) {
    this.detail = exports.simd() === 1 ? 'SIMD' : 'scalar';
    this.#heap = new Heap(memory, exports.heapBase());
    this.#kernels = kernelsOf(exports, this.#heap);
  }

  allocate(words: number): DeviceBuffer {
    const buffer = new WasmBuffer(words, this.#open().take(words * 4));
    this.#live.add(buffer);
    return buffer;
  }

  release(buffer: DeviceBuffer): void {
    const { address } = this.#own(buffer);
    this.#live.delete(buffer);
    this.#open().give(address);
  }

  write(buffer: DeviceBuffer, words: Uint32Array): void {
    this.#view(buffer).set(words);
  }

  borrow(): never {
    throw new TypeError('the wasm backend has no GPU buffers: pass a Float32Array');
  }

  store(): never {
    return this.borrow();
  }

  run<Buffers extends string, Params extends string>(
    kernel: Kernel<Buffers, Params>,
    buffers: Readonly<Record<Buffers, DeviceBuffer>>,
    params: Readonly<Record<Params, number>>,
  ): void {
    const addresses: Record<string, number> = {};
    for (const name of kernel.buffers) addresses[name] = this.#own(buffers[name]).address;
    // The names of a kernel's buffers and numbers are those of its implementation: both have the type of the catalogue.
    const implementation = this.#kernels?.[kernel.name as keyof Catalogue] as (
      addresses: Readonly<Record<string, number>>,
      params: Readonly<Record<string, number>>,
    ) => void;
    implementation(addresses, params);
  }

  async read(requests: readonly ReadRequest[]): Promise<Uint32Array[]> {
    return requests.map(({ buffer, first = 0, count = buffer.words - first }) =>
      this.#view(buffer).slice(first, first + count),
    );
  }

  close(): void {
    this.#live.clear();
    this.#heap = undefined;
    this.#kernels = undefined;
  }

  #open(): Heap {
    if (this.#heap === undefined) throw new Error('the wasm backend is closed');
    return this.#heap;
  }

  #own(buffer: DeviceBuffer): WasmBuffer {
    this.#open();
    if (!this.#live.has(buffer)) throw new Error('the buffer belongs to another backend, or was released');
    return buffer as WasmBuffer;
  }

  #view(buffer: DeviceBuffer): Uint32Array {
    const { address, words } = this.#own(buffer);
    return this.#open().view(address, words);
  }
}
