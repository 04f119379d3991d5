/**
 * The wasm backend: the kernels of assembly/, with SIMD where the engine has it, on the calling thread. Kernels that go
 * through one vector piece by piece wait for each other, and are done together before anything else is.
 */
import type { Catalogue, Implementations } from '../../kernels/catalogue.ts';
import type { Kernel } from '../../kernels/kernel.ts';
import type { Backend, DeviceBuffer, ReadRequest } from '../backend.ts';
import { Heap, PAGE } from './heap.ts';
import { EXPORTS, kernelsOf, type Exports } from './kernels.ts';
import { Pieces } from './pieces.ts';
import { topKOfLent } from './top-k.ts';

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
    return new WasmBackend(module, instance, memory);
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

/** Room that compressors work in beside a reserved vector: so many bytes, and so many times its length. */
const WORKSPACE = 2 ** 22;
const WORKSPACES = 3;

class WasmBuffer implements DeviceBuffer {
  readonly words: number;
  /** Where it lies in linear memory; undefined while it is only lent. */
  address: number | undefined;
  /** The user's words, where they are lent. */
  readonly source: Uint32Array | undefined;
  constructor(words: number, address: number | undefined, source?: Uint32Array) {
    this.words = words;
    this.address = address;
    this.source = source;
  }
}

class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly detail: string;
  readonly lost = false;
  readonly #module: WebAssembly.Module;
  readonly #memory: WebAssembly.Memory;
  readonly #exports: Exports;
  /** The memory, until the backend is closed. */
  #heap: Heap | undefined;
  #kernels: Implementations<number> | undefined;
  readonly #pieces: Pieces;
  readonly #live = new Set<DeviceBuffer>();

  constructor(module: WebAssembly.Module, instance: WebAssembly.Instance, memory: WebAssembly.Memory) {
    const exports = instance.exports as unknown as Exports;
    this.#module = module;
    this.#memory = memory;
    this.detail = exports.simd() === 1 ? 'SIMD' : 'scalar';
    this.#exports = exports;
    this.#heap = new Heap(memory, exports.heapBase());
    this.#kernels = kernelsOf(exports, this.#heap);
    this.#pieces = new Pieces(exports, this.#heap);
  }

  allocate(words: number): DeviceBuffer {
    return this.#adopt(new WasmBuffer(words, this.#open().take(words * 4)));
  }

  release(buffer: DeviceBuffer): void {
    const own = this.#own(buffer);
    this.#pieces.finish();
    this.#live.delete(buffer);
    if (own.address !== undefined && own.address !== own.source?.byteOffset) this.#open().give(own.address);
  }

  write(buffer: DeviceBuffer, words: Uint32Array): void {
    this.#pieces.finish();
    this.#view(buffer).set(words);
  }

  lend(words: Uint32Array): DeviceBuffer {
    this.#open();
    const own = words.buffer === this.#memory.buffer;
    return this.#adopt(new WasmBuffer(words.length, own ? words.byteOffset : undefined, words));
  }

  reserve(words: number): { words: Uint32Array; backend: Backend } {
    const bytes = WORKSPACE + 4 * words * (1 + WORKSPACES);
    const pages = Math.ceil(bytes / PAGE);
    // growing would take the vector from under its user
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const instance = new WebAssembly.Instance(this.#module, { env: { memory } });
    const backend = new WasmBackend(this.#module, instance, memory);
    const address = backend.#open().take(words * 4);
    return { words: backend.#open().view(address, words), backend };
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
    const own: Record<string, WasmBuffer> = {};
    for (const name of kernel.buffers) own[name] = this.#own(buffers[name]);
    const alone = (): void => this.#run(kernel.name, own, params);
    if (!this.#pieces.wait(kernel.name, own, params, alone)) alone();
  }

  async read(requests: readonly ReadRequest[]): Promise<Uint32Array[]> {
    this.#pieces.finish();
    return requests.map(({ buffer, first = 0, count = buffer.words - first, into }) => {
      const words = this.#view(buffer);
      if (into === undefined) return words.slice(first, first + count);
      into.set(words.subarray(first, first + count));
      return into;
    });
  }

  close(): void {
    this.#live.clear();
    this.#pieces.clear();
    this.#heap = undefined;
    this.#kernels = undefined;
  }

  #run(
    name: string,
    own: Readonly<Record<string, WasmBuffer>>,
    params: Readonly<Record<string, number>>,
  ): void {
    this.#pieces.finish();
    const { x } = own;
    if (
      name === 'topK' &&
      x.address === undefined &&
      topKOfLent(
        this.#exports,
        this.#open(),
        x.source!,
        addressesOf({ indices: own.indices, values: own.values }),
        params,
      )
    )
      return;
    for (const buffer of Object.values(own)) this.#settle(buffer);
    // The names of a kernel's buffers and numbers are those of its implementation: both have the type of the catalogue.
    const implementation = this.#kernels?.[name as keyof Catalogue] as (
      addresses: Readonly<Record<string, number>>,
      params: Readonly<Record<string, number>>,
    ) => void;
    implementation(addressesOf(own), params);
  }

  /** Copies what is only lent into linear memory. */
  #settle(buffer: WasmBuffer): number {
    if (buffer.address === undefined) {
      buffer.address = this.#open().take(buffer.words * 4);
      this.#open().view(buffer.address, buffer.words).set(buffer.source!);
    }
    return buffer.address;
  }

  #adopt(buffer: WasmBuffer): DeviceBuffer {
    this.#live.add(buffer);
    return buffer;
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
    const own = this.#own(buffer);
    return this.#open().view(this.#settle(own), own.words);
  }
}

function addressesOf(buffers: Readonly<Record<string, WasmBuffer>>): Record<string, number> {
  const addresses: Record<string, number> = {};
  for (const name in buffers) addresses[name] = buffers[name].address!;
  return addresses;
}
