/**
 * The js backend: every kernel in plain TypeScript. It serves where WebAssembly is forbidden, and it is what the other
 * backends are compared with, so each kernel is written in the shortest way that follows its definition.
 */
import type { Catalogue, Implementations } from '../../kernels/catalogue.ts';
import type { Kernel } from '../../kernels/kernel.ts';
import type { Backend, BufferRange, DeviceBuffer, GpuRange, ReadRequest } from '../backend.ts';
import { FreeList } from '../free-list.ts';
import { runParts } from '../parts.ts';
import { accumulate, clear } from './accumulate.ts';
import { blockCounts } from './counts.ts';
import { blockLevels, blockTopK } from './blocks.ts';
import { compact } from './compact.ts';
import { compensate } from './compensate.ts';
import { packDithered } from './dither.ts';
import { codeSymbols } from './entropy.ts';
import { flatten, fwht, unflatten } from './fwht.ts';
import { keyCounts } from './histogram.ts';
import { listLevels } from './levels.ts';
import { packLevels } from './centroids.ts';
import { memoryOf, type Memory } from './memory.ts';
import { addSigns, packBits, packSigns, unpackBits, unpackSigns } from './pack.ts';
import { addLookup, findMarked, lookup, mark, quantize } from './quantize.ts';
import { randomBits } from './random.ts';
import { absSum, extremes, nonFinite, squareSum } from './reduce.ts';
import { lambdas, levelGrid, maskGrid, uniformGrid } from './scalars.ts';
import { scan } from './scan.ts';
import { threshold, topK } from './select.ts';
import { addAt, gather, place, scatter } from './sparse.ts';

const implementations: Implementations<Memory> = {
  absSum,
  accumulate,
  addAt,
  addLookup,
  addSigns,
  blockCounts,
  blockLevels,
  blockTopK,
  clear,
  codeSymbols,
  compact,
  compensate,
  extremes,
  findMarked,
  flatten,
  fwht,
  gather,
  keyCounts,
  lambdas,
  levelGrid,
  listLevels,
  lookup,
  mark,
  maskGrid,
  nonFinite,
  packBits,
  packDithered,
  packLevels,
  packSigns,
  place,
  quantize,
  randomBits,
  scan,
  scatter,
  squareSum,
  threshold,
  topK,
  unflatten,
  uniformGrid,
  unpackBits,
  unpackSigns,
};

/** Opens the js backend. It works in every runtime. */
export function openJs(): Backend {
  return new JsBackend();
}

class JsBuffer implements DeviceBuffer {
  readonly words: number;
  readonly memory: Memory;
  /** Whether it is the user's memory. */
  readonly lent: boolean;
  constructor(words: Uint32Array, lent: boolean) {
    this.words = words.length;
    this.memory = memoryOf(words);
    this.lent = lent;
  }
}

class JsBackend implements Backend {
  readonly name = 'js';
  readonly detail = 'plain JavaScript';
  readonly lost = false;
  /** Released memory by its size in words, so that repeated calls of a size allocate nothing. */
  readonly #free = new FreeList<JsBuffer>(() => undefined);
  readonly #live = new Set<DeviceBuffer>();

  allocate(words: number): DeviceBuffer {
    const buffer = this.#free.take(words) ?? new JsBuffer(new Uint32Array(words), false);
    this.#live.add(buffer);
    return buffer;
  }

  release(buffer: DeviceBuffer): void {
    const own = this.#own(buffer);
    this.#live.delete(buffer);
    if (!own.lent) this.#free.give(own.words, own);
  }

  write(buffer: DeviceBuffer, words: Uint32Array): void {
    this.#own(buffer).memory.words.set(words);
  }

  lend(words: Uint32Array): DeviceBuffer {
    const buffer = new JsBuffer(words, true);
    this.#live.add(buffer);
    return buffer;
  }

  borrow(range: GpuRange | BufferRange): DeviceBuffer {
    return this.lend(this.#wordsOf(range));
  }

  store(buffer: DeviceBuffer, range: GpuRange | BufferRange): void {
    const { words } = this.#own(buffer).memory;
    const target = this.#wordsOf(range);
    if (words.byteOffset !== target.byteOffset || words.buffer !== target.buffer) target.set(words);
  }

  run<Buffers extends string, Params extends string>(
    kernel: Kernel<Buffers, Params>,
    buffers: Readonly<Record<Buffers, DeviceBuffer>>,
    params: Readonly<Record<Params, number>>,
  ): void {
    if (kernel.parts) return runParts(this, kernel.parts(params), buffers);
    const memory: Record<string, Memory> = {};
    for (const name of kernel.buffers) memory[name] = this.#own(buffers[name]).memory;
    const implementation = implementations[kernel.name as keyof Catalogue] as (
      memory: Record<string, Memory>,
      params: Readonly<Record<string, number>>,
    ) => void;
    implementation(memory, params);
  }

  async read(requests: readonly ReadRequest[]): Promise<Uint32Array[]> {
    return this.readNow(requests);
  }

  readNow(requests: readonly ReadRequest[]): Uint32Array[] {
    this.#free.called();
    return requests.map(({ buffer, first = 0, count = buffer.words - first, into }) => {
      const { words } = this.#own(buffer).memory;
      if (into === undefined) return words.slice(first, first + count);
      into.set(words.subarray(first, first + count));
      return into;
    });
  }

  trim(): void {
    this.#free.clear();
  }

  close(): void {
    this.#free.clear();
    this.#live.clear();
  }

  /** The words of a range. @throws TypeError where it is one of a GPU buffer */
  #wordsOf(range: GpuRange | BufferRange): Uint32Array {
    if (!('of' in range)) throw new TypeError('the js backend has no GPU buffers: pass a Float32Array');
    return this.#own(range.of).memory.words.subarray(range.first, range.first + range.words);
  }

  #own(buffer: DeviceBuffer): JsBuffer {
    if (!this.#live.has(buffer)) throw new Error('the buffer belongs to another backend, or was released');
    return buffer as JsBuffer;
  }
}
