/**
 * The wasm backend: the kernels of assembly/, with SIMD where the engine has it, on the calling thread and those that help
 * it. Kernels that go through one vector piece by piece wait for each other, and are done together before anything else is.
 */
import type { Kernel } from '../../kernels/kernel.ts';
import type { Bytes } from '../../platform.ts';
import type { Backend, DeviceBuffer, ReadRequest } from '../backend.ts';
import { PATIENCE } from '../free-list.ts';
import { runParts } from '../parts.ts';
import { compile, reasonOf, requireWebAssembly, simdWorks, unpack } from './compile.ts';
import { engineOf, type Engine } from './engine.ts';
import { PAGE } from './heap.ts';
import { allKernels, type BindKernels, EXPORTS } from './kernels.ts';
import { shareMemory } from './shared.ts';
import { shorten } from './shorten.ts';
import { ALONE, type Threads } from './threads.ts';
import { topKByPieces } from './top-k.ts';
import { transformShared } from './transform.ts';

export interface WasmOptions {
  /** The compiled kernels, for runtimes that import .wasm files and forbid compiling bytes: wasm-simd or wasm-scalar. */
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
  const module = options.module ?? (await compile(await bytesOf(options)));
  if (!isOurs(module))
    throw new Error('"module" is not one of the WebAssembly modules of this version of fewbits');
  return start(module, allKernels, note);
}

/** A backend of these kernels on one thread. @throws Error where WebAssembly does not start */
export function start(module: WebAssembly.Module, bind: BindKernels, note = ''): Backend {
  try {
    return new WasmBackend(module, bind, ALONE, note);
  } catch (cause) {
    throw new Error(`WebAssembly does not start: ${reasonOf(cause)}`, { cause });
  }
}

/** @throws Error where there are no threads here, or no memory that they share */
async function openThreads(count: number, options: WasmOptions): Promise<Backend> {
  if (options.module !== undefined) throw new Error('the memory of "module" cannot be shared');
  if (typeof SharedArrayBuffer !== 'function')
    throw new Error('there is no SharedArrayBuffer (a page needs COOP and COEP for it)');
  const module = await compile(shareMemory(await bytesOf(options)));
  const { startThreads } = await import('./start-threads.ts');
  return new WasmBackend(module, allKernels, await startThreads(count, module));
}

async function bytesOf({ simd = simdWorks() }: WasmOptions): Promise<Bytes> {
  // Only the module that is wanted is loaded.
  const { bytes } = simd
    ? await import('../../generated/wasm-simd.ts')
    : await import('../../generated/wasm-scalar.ts');
  return unpack(bytes);
}

function isOurs(module: unknown): module is WebAssembly.Module {
  if (!(module instanceof WebAssembly.Module)) return false;
  const names = WebAssembly.Module.exports(module).map((entry) => entry.name);
  const imports = WebAssembly.Module.imports(module);
  return (
    imports.length === 1 && imports[0].kind === 'memory' && EXPORTS.every((name) => names.includes(name))
  );
}

/** A kernel by the addresses of its buffers and its numbers. */
type Implementation = (
  addresses: Readonly<Record<string, number>>,
  params: Readonly<Record<string, number>>,
) => void;

/** Pages that shared memory may grow to: all that Heap hands out. */
const MOST_PAGES = 65535;

/** Memory that grows as it is wanted. */
function growing(threads: Threads): WebAssembly.Memory {
  const shared = threads.count > 1;
  return new WebAssembly.Memory(shared ? { initial: 1, maximum: MOST_PAGES, shared } : { initial: 1 });
}

/** Memory up to this size, 16 MiB, is kept, as is memory of which a call has used a quarter of late. */
const KEPT = 2 ** 24;
const LITTLE = 1 / 4;

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
  readonly synchronous = true;
  readonly lost = false;
  readonly #module: WebAssembly.Module;
  readonly #bind: BindKernels;
  readonly #threads: Threads;
  /** Whether memory and threads are of another backend, which closes these. */
  readonly #guest: boolean;
  /** The memory and what works there, until the backend is closed. */
  #engine: Engine | undefined;
  readonly #live = new Set<DeviceBuffer>();
  /** Calls in a row that used little of the memory. */
  #modest = 0;
  /** Whether memory is to be given back when no call uses it. */
  #trimming = false;

  /** `reserved` is memory that does not grow, beside a backend whose threads these are. */
  constructor(
    module: WebAssembly.Module,
    bind: BindKernels,
    threads: Threads,
    note = '',
    reserved?: WebAssembly.Memory,
  ) {
    this.#module = module;
    this.#bind = bind;
    this.#threads = threads;
    this.#guest = reserved !== undefined;
    this.#engine = engineOf(module, bind, reserved ?? growing(threads), threads);
    const several = threads.count > 1 ? `, ${threads.count} threads` : note;
    this.detail = (this.#engine.exports.simd() === 1 ? 'SIMD' : 'scalar') + several;
  }

  allocate(words: number): DeviceBuffer {
    return this.#adopt(new WasmBuffer(words, this.#open().heap.take(words * 4)));
  }

  release(buffer: DeviceBuffer): void {
    const own = this.#own(buffer);
    const { pieces, heap } = this.#open();
    pieces.finish();
    this.#live.delete(buffer);
    if (own.address !== undefined && own.address !== own.source?.byteOffset) heap.give(own.address);
    if (this.#live.size === 0) this.#rest();
  }

  write(buffer: DeviceBuffer, words: Uint32Array): void {
    this.#open().pieces.finish();
    this.#view(buffer).set(words);
  }

  lend(words: Uint32Array): DeviceBuffer {
    const own = words.buffer === this.#open().memory.buffer;
    return this.#adopt(new WasmBuffer(words.length, own ? words.byteOffset : undefined, words));
  }

  reserve(words: number): { words: Uint32Array; backend: Backend } {
    const bytes = WORKSPACE + 4 * words * (1 + WORKSPACES);
    const pages = Math.ceil(bytes / PAGE);
    // growing would take the vector from under its user
    const shared = this.#threads.count > 1;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    const backend = new WasmBackend(this.#module, this.#bind, this.#threads, '', memory);
    const { heap } = backend.#open();
    return { words: heap.view(heap.take(words * 4), words), backend };
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
    const { exports, pieces } = this.#open();
    if (kernel.parts) return runParts(this, kernel.parts(params), buffers);
    if (!(kernel.name in exports)) throw new TypeError(`this module has no kernel ${kernel.name}`);
    const own: Record<string, WasmBuffer> = {};
    for (const name of kernel.buffers) own[name] = this.#own(buffers[name]);
    const alone = (): void => this.#run(kernel.name, own, params);
    if (!pieces.wait(kernel.name, own, params, alone)) alone();
  }

  async read(requests: readonly ReadRequest[]): Promise<Uint32Array[]> {
    this.#open().pieces.finish();
    return requests.map(({ buffer, first = 0, count = buffer.words - first, into }) => {
      const words = this.#view(buffer);
      // slice takes several times as long from memory that threads share
      const target = into ?? new Uint32Array(count);
      target.set(words.subarray(first, first + count));
      return target;
    });
  }

  shorten(words: Uint32Array): Uint32Array {
    const { exports, heap } = this.#open();
    return shorten(exports, heap, words);
  }

  trim(): void {
    this.#trimming = true;
    if (this.#live.size === 0) this.#rest();
  }

  close(): void {
    this.#live.clear();
    if (!this.#guest) this.#threads.close();
    this.#engine = undefined;
  }

  /** No call is under way: a memory that is much too large is changed for a new one. */
  #rest(): void {
    const { heap, number } = this.#open();
    const modest = heap.bytes > KEPT && heap.peak < heap.bytes * LITTLE;
    this.#modest = modest ? this.#modest + 1 : 0;
    heap.peak = 0;
    if (this.#guest || !(this.#trimming || this.#modest >= PATIENCE)) return;
    this.#trimming = false;
    this.#modest = 0;
    try {
      this.#engine = engineOf(this.#module, this.#bind, growing(this.#threads), this.#threads);
    } catch {
      return; // where an engine has no room for another memory beside this one, it stays
    }
    this.#threads.drop(number);
  }

  #run(
    name: string,
    own: Readonly<Record<string, WasmBuffer>>,
    params: Readonly<Record<string, number>>,
  ): void {
    const { pieces, shop, kernels } = this.#open();
    pieces.finish();
    const { x, indices, values } = own;
    const inPieces = name === 'topK' && (x.address === undefined || shop.threadsFor(params.n) > 1);
    if (inPieces && topKByPieces(shop, x, addressesOf({ indices, values }), params)) return;
    for (const buffer of Object.values(own)) this.#settle(buffer);
    const transforms = name === 'fwht' || name === 'flatten';
    if (transforms && transformShared(shop, name, x, own.y.address!, params)) return;
    // The names of a kernel's buffers and numbers are those of its implementation: both have the type of the catalogue.
    const implementations = kernels as unknown as Readonly<Record<string, Implementation>>;
    implementations[name](addressesOf(own), params);
  }

  /** Copies what is only lent into linear memory. */
  #settle(buffer: WasmBuffer): number {
    if (buffer.address === undefined) {
      const { heap } = this.#open();
      buffer.address = heap.take(buffer.words * 4);
      heap.view(buffer.address, buffer.words).set(buffer.source!);
    }
    return buffer.address;
  }

  #adopt(buffer: WasmBuffer): DeviceBuffer {
    this.#live.add(buffer);
    return buffer;
  }

  #open(): Engine {
    if (this.#engine === undefined) throw new Error('the wasm backend is closed');
    return this.#engine;
  }

  #own(buffer: DeviceBuffer): WasmBuffer {
    this.#open();
    if (!this.#live.has(buffer)) throw new Error('the buffer belongs to another backend, or was released');
    return buffer as WasmBuffer;
  }

  #view(buffer: DeviceBuffer): Uint32Array {
    const own = this.#own(buffer);
    return this.#open().heap.view(this.#settle(own), own.words);
  }
}

function addressesOf(buffers: Readonly<Record<string, WasmBuffer>>): Record<string, number> {
  const addresses: Record<string, number> = {};
  for (const name in buffers) addresses[name] = buffers[name].address!;
  return addresses;
}
