/**
 * The wasm backend: buffers in linear memory, and kernels on the calling thread and its worker threads. Kernels that go
 * through one vector tile by tile are deferred, and run as one fused pass before any other operation (fusion.ts).
 */
import { simd } from '../../generated/wasm-exports.ts';
import type { Kernel } from '../../kernels/kernel.ts';
import type {
  Backend,
  BufferRange,
  Coder,
  DeviceBuffer,
  GpuRange,
  ReadRequest,
  Short,
  SymbolDecoder,
  Tail,
} from '../backend.ts';
import { PATIENCE } from '../free-list.ts';
import { runParts } from '../parts.ts';
import { coderOf } from './coder.ts';
import { reasonOf } from './compile.ts';
import { engineOf, type Engine } from './engine.ts';
import { SINGLE_THREAD, type Operand, type Threads } from './executor.ts';
import type { KernelTable } from './fusion.ts';
import type { Kernels } from './kernels/index.ts';
import type { AnyKernel } from './kernels/kernel.ts';
import { shorten } from './shorten.ts';

interface Settings {
  readonly threads?: Threads;
  /** What joins that which the backend says of itself. */
  readonly note?: string;
  /** Makes what reads coded symbols; left out where the module does not. */
  readonly symbolsOf?: (engine: () => Engine) => SymbolDecoder;
}

/**
 * A backend of these kernels on the threads of a pool, which it closes; on one thread where that is left out.
 * @throws Error where WebAssembly does not start
 */
export function start(
  module: WebAssembly.Module,
  kernels: Partial<Kernels>,
  { threads = SINGLE_THREAD, note = '', symbolsOf }: Settings = {},
): Backend {
  try {
    return new WasmBackend(module, kernels, threads, note, symbolsOf);
  } catch (cause) {
    throw new Error(`WebAssembly does not start: ${reasonOf(cause)}`, { cause });
  }
}

/** Pages that shared memory may grow to: all that an Allocator hands out. */
const MOST_PAGES = 65535;

/** Memory that grows as it is wanted. */
function growing(threads: Threads): WebAssembly.Memory {
  const shared = threads.count > 1;
  return new WebAssembly.Memory(shared ? { initial: 1, maximum: MOST_PAGES, shared } : { initial: 1 });
}

/** Memory up to this size, 16 MiB, is kept, as is memory of which a call has used a quarter of late. */
const KEPT = 2 ** 24;
const LITTLE = 1 / 4;

class WasmBuffer implements DeviceBuffer, Operand {
  readonly words: number;
  /** Where it lies in linear memory; undefined while it is only lent. */
  address: number | undefined;
  /** The user's words, where they are lent, or a target. */
  readonly source: Uint32Array | undefined;
  target: Operand['target'];
  /** Whether its memory is that of another buffer. */
  readonly part: boolean;
  /** The backend that it belongs to, until it is released. */
  owner: object | undefined;
  constructor(words: number, address: number | undefined, source?: Uint32Array, part = false) {
    this.words = words;
    this.address = address;
    this.source = source;
    this.part = part;
  }
}

class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly detail: string;
  readonly lost = false;
  readonly coder: Coder = coderOf(
    () => this.#open(),
    (buffer) => this.#locate({ of: buffer, first: 0, words: buffer.words }).address,
  );
  readonly symbols?: SymbolDecoder;
  readonly #module: WebAssembly.Module;
  readonly #kernels: KernelTable;
  readonly #threads: Threads;
  /** The memory and what works there, until the backend is closed. */
  #engine: Engine | undefined;
  /** Buffers that were not released. A set of them would cost a call of few elements more than their memory. */
  #live = 0;
  /** Those of them that stay beyond the call that took them. */
  readonly #kept = new Set<WasmBuffer>();
  /** Calls in a row that used little of the memory. */
  #modest = 0;
  /** Whether memory is to be given back when no call uses it. */
  #trimming = false;

  constructor(
    module: WebAssembly.Module,
    kernels: KernelTable,
    threads: Threads,
    note: string,
    symbolsOf: Settings['symbolsOf'],
  ) {
    this.symbols = symbolsOf?.(() => this.#open());
    this.#module = module;
    this.#kernels = kernels;
    this.#threads = threads;
    this.#engine = engineOf(module, kernels, growing(threads), threads);
    const several = threads.count > 1 ? `, ${threads.count} threads` : note;
    this.detail = (simd(this.#engine.exports) === 1 ? 'SIMD' : 'scalar') + several;
  }

  allocate(words: number): DeviceBuffer {
    return this.#adopt(new WasmBuffer(words, this.#open().allocator.allocate(words * 4)));
  }

  release(buffer: DeviceBuffer): void {
    const own = this.#own(buffer);
    const { fusion, allocator } = this.#open();
    fusion.settle(own);
    own.owner = undefined;
    this.#live--;
    this.#kept.delete(own);
    if (own.address !== undefined && !own.part) allocator.free(own.address);
    if (this.#live === this.#kept.size) this.#rest();
  }

  write(buffer: DeviceBuffer, words: Uint32Array): void {
    this.#open().fusion.settle(this.#own(buffer));
    this.#view(buffer).set(words);
  }

  lend(words: Uint32Array): DeviceBuffer {
    this.#open();
    return this.#adopt(new WasmBuffer(words.length, undefined, words));
  }

  target(words: Uint32Array, contents: boolean): DeviceBuffer {
    const buffer = this.lend(words) as WasmBuffer;
    buffer.target = { filled: contents };
    return buffer;
  }

  keep(buffer: DeviceBuffer, stays: boolean): void {
    const own = this.#own(buffer);
    if (stays) this.#kept.add(own);
    else this.#kept.delete(own);
    if (stays && this.#live === this.#kept.size) this.#rest();
  }

  borrow(range: GpuRange | BufferRange): DeviceBuffer {
    if ('of' in range) {
      // a part of what is only lent is lent, and not copied with the rest
      const { address, source, target } = this.#own(range.of);
      if (address === undefined && target === undefined)
        return this.lend(source!.subarray(range.first, range.first + range.words));
    }
    const { address, words } = this.#locate(range);
    return this.#adopt(new WasmBuffer(words, address, undefined, true));
  }

  store(buffer: DeviceBuffer, range: GpuRange | BufferRange): void {
    const { address } = this.#locate(range);
    const own = this.#own(buffer);
    if (own.address === address) return;
    this.#open()
      .allocator.view(address, own.words)
      .set(own.address === undefined ? own.source! : this.#view(own));
  }

  run<Buffers extends string, Params extends string>(
    kernel: Kernel<Buffers, Params>,
    buffers: Readonly<Record<Buffers, DeviceBuffer>>,
    params: Readonly<Record<Params, number>>,
  ): void {
    const { fusion } = this.#open();
    const entry = this.#kernels[kernel.name];
    if (kernel.parts && entry?.takes?.(params) !== true) return runParts(this, kernel.parts(params), buffers);
    if (entry === undefined) throw new TypeError(`this module has no kernel ${kernel.name}`);
    const own: Record<string, WasmBuffer> = {};
    // filled name by name: a spread of objects of many shapes takes microseconds
    const args: Record<string, number> = { from: 0 };
    for (const name of kernel.params) args[name] = params[name];
    for (const name of kernel.buffers) {
      own[name] = this.#own(buffers[name]);
      args[name] = own[name].address ?? 0;
    }
    const whole = (): void => this.#run(entry, own, args);
    if (!fusion.defer(kernel.name, own, args, whole)) whole();
  }

  async read(requests: readonly ReadRequest[]): Promise<Uint32Array[]> {
    return this.readNow(requests);
  }

  readNow(requests: readonly ReadRequest[]): Uint32Array[] {
    this.#open().fusion.flush();
    return requests.map(({ buffer, first = 0, count = buffer.words - first, into }) => {
      const own = this.#own(buffer);
      // what is only lent is read where it lies
      const words = own.address === undefined ? own.source! : this.#view(own);
      // of a target that kernels went through, all words are there
      if (own.address === undefined && into === words) return into;
      // slice takes several times as long from memory that threads share
      const target = into ?? new Uint32Array(count);
      target.set(words.subarray(first, first + count));
      return target;
    });
  }

  shorten(words: Uint32Array, tail?: Tail): Short {
    const { exports, allocator, fusion } = this.#open();
    if (tail === undefined) return shorten(exports, allocator, words);
    const own = this.#own(tail.buffer);
    fusion.settle(own);
    // a view is made where it is used: memory may grow, and move
    const source = (): Uint32Array => (own.address === undefined ? own.source! : this.#view(own));
    return shorten(exports, allocator, words, { words: tail.words, source });
  }

  trim(): void {
    this.#trimming = true;
    if (this.#live === this.#kept.size) this.#rest();
  }

  close(): void {
    this.#live = 0;
    this.#kept.clear();
    this.#threads.close();
    this.#engine = undefined;
  }

  /** No call is under way: a memory that is much too large is changed for a new one, to which what is kept moves. */
  #rest(): void {
    const { allocator, number, fusion } = this.#open();
    const modest = allocator.bytes > KEPT && allocator.peak < allocator.bytes * LITTLE;
    this.#modest = modest ? this.#modest + 1 : 0;
    allocator.resetPeak();
    if (!(this.#trimming || this.#modest >= PATIENCE)) return;
    this.#trimming = false;
    this.#modest = 0;
    fusion.flush();
    const addresses = new Map<WasmBuffer, number>();
    let engine: Engine;
    try {
      engine = engineOf(this.#module, this.#kernels, growing(this.#threads), this.#threads);
      for (const kept of this.#kept) addresses.set(kept, engine.allocator.allocate(kept.words * 4));
    } catch {
      return; // where an engine has no room for another memory beside this one, it stays
    }
    for (const [kept, address] of addresses) {
      engine.allocator.view(address, kept.words).set(allocator.view(kept.address!, kept.words));
      kept.address = address;
    }
    this.#engine = engine;
    this.#threads.drop(number);
  }

  /** Runs a kernel that does not wait: in parallel where it can, else whole. Fills in the addresses of what is lent. */
  #run(
    { whole, scratch, parallel }: AnyKernel,
    operands: Readonly<Record<string, WasmBuffer>>,
    args: Record<string, number>,
  ): void {
    const { exports, executor, fusion, allocator } = this.#open();
    fusion.flush();
    for (const name in operands)
      if (!parallel?.lent.includes(name)) args[name] = this.#settle(operands[name]);
    if (parallel !== undefined) {
      if (parallel.run(executor, operands, args)) return;
      for (const name of parallel.lent) args[name] = this.#settle(operands[name]);
    }
    if (scratch === undefined) return whole(exports, args);
    allocator.withBlock(scratch(exports, args), (address) => {
      args.scratch = address;
      whole(exports, args);
    });
  }

  /** Copies what is only lent into linear memory, and a target's words where there are any. */
  #settle(buffer: WasmBuffer): number {
    if (buffer.address === undefined) {
      const { allocator } = this.#open();
      buffer.address = allocator.allocate(buffer.words * 4);
      if (buffer.target?.filled !== false) allocator.view(buffer.address, buffer.words).set(buffer.source!);
    }
    return buffer.address;
  }

  /** Where a range lies, of which nothing is left to do. @throws TypeError where it is one of a GPU buffer */
  #locate(range: GpuRange | BufferRange): { address: number; words: number } {
    if (!('of' in range)) throw new TypeError('the wasm backend has no GPU buffers: pass a Float32Array');
    this.#open().fusion.flush();
    return { address: this.#settle(this.#own(range.of)) + range.first * 4, words: range.words };
  }

  #adopt(buffer: WasmBuffer): DeviceBuffer {
    buffer.owner = this;
    this.#live++;
    return buffer;
  }

  #open(): Engine {
    if (this.#engine === undefined) throw new Error('the wasm backend is closed');
    return this.#engine;
  }

  #own(buffer: DeviceBuffer): WasmBuffer {
    this.#open();
    if ((buffer as WasmBuffer).owner !== this)
      throw new Error('the buffer belongs to another backend, or was released');
    return buffer as WasmBuffer;
  }

  #view(buffer: DeviceBuffer): Uint32Array {
    const own = this.#own(buffer);
    return this.#open().allocator.view(this.#settle(own), own.words);
  }
}
