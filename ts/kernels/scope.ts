/**
 * A scope is one call's hold on a backend: the buffers that it took, all given back when the call ends, however it
 * ends. Kernels and compressors are written against it and never see which backend runs them.
 */
import { isGpuRange } from '../arguments.ts';
import type {
  Backend,
  BufferRange,
  DeviceBuffer,
  GpuRange,
  Coder,
  ReadRequest,
  Short,
  SymbolDecoder,
  Tail,
} from '../backends/backend.ts';
import {
  type DeviceVector,
  isDeviceVector,
  lengthOf,
  placeOf,
  rangeOn,
  rangeToWrite,
  type VectorLike,
} from './device-vector.ts';
import type { Kernel } from './kernel.ts';

/**
 * Work of a call, in steps: it yields what it has to read, and goes on with the words. Written once, it runs with
 * waiting, where a GPU works on its own, or without.
 */
export type Steps<T> = Generator<readonly ReadRequest[], T, Uint32Array[]>;

/**
 * What runs calls: a device, or in tests a bare backend. Work may read the vectors that its call is given, as they are.
 */
export interface Host {
  /** Runs `work` with a scope of its own and gives the scope's buffers back afterwards. */
  use<T>(work: (scope: Scope) => Steps<T>): Promise<T>;
}

/** A float32 vector on a backend: `n` elements, in the first `n` words of `buffer`. */
export interface Vector {
  readonly buffer: DeviceBuffer;
  readonly n: number;
}

/** A vector of the user's that a call writes. */
export interface Target extends Vector {
  /** To be called behind what writes it: what is left to read for it. */
  done(): readonly ReadRequest[];
}

export class Scope {
  readonly #backend: Backend;
  readonly #taken: DeviceBuffer[] = [];
  #words = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Bytes of all that it has taken; a vector that is lent counts as if it was copied. */
  get bytes(): number {
    return this.#words * 4;
  }

  /** A buffer of `words` words, undefined contents, until the scope ends. */
  take(words: number): DeviceBuffer {
    const buffer = this.#backend.allocate(words);
    this.#words += words;
    this.#taken.push(buffer);
    return buffer;
  }

  /** A buffer that holds these words. */
  put(data: Float32Array | Uint32Array): DeviceBuffer {
    const buffer = this.take(data.length);
    if (data.length > 0) this.#backend.write(buffer, wordsOf(data));
    return buffer;
  }

  /** Sets the first words of a buffer. */
  write(buffer: DeviceBuffer, words: Uint32Array): void {
    this.#backend.write(buffer, words);
  }

  /** A buffer that holds these words, which stay as they are until the scope ends; kernels only read it. */
  lend(words: Uint32Array): DeviceBuffer {
    const buffer = this.#backend.lend(words);
    this.#words += words.length;
    this.#taken.push(buffer);
    return buffer;
  }

  /** A vector of the user's, who leaves it as it is until the scope ends; kernels only read it. */
  vector(x: VectorLike): Vector {
    return { buffer: this.#input(x), n: lengthOf(x) };
  }

  #input(x: VectorLike): DeviceBuffer {
    if (isDeviceVector(x)) return this.#within(rangeOn(this.#backend, x));
    if (isGpuRange(x)) return this.#borrow(x);
    return this.lend(wordsOf(x));
  }

  /**
   * A vector of the user's to be changed, all of its words at least once; kernels find in it what is there. `streamed`
   * says that all of them go through it and nothing else that is as long: then an array may be changed where it lies.
   */
  changed(y: VectorLike, streamed = false): Target {
    return this.#target(y, true, streamed);
  }

  /** A vector of the user's to be written, all of its words; kernels find anything in it. `streamed` as above. */
  written(y: VectorLike, streamed = false): Target {
    return this.#target(y, false, streamed);
  }

  #target(y: VectorLike, contents: boolean, streamed: boolean): Target {
    const n = lengthOf(y);
    if (isDeviceVector(y)) {
      const range = contents ? rangeOn(this.#backend, y) : rangeToWrite(this.#backend, y);
      const buffer = this.#within(range, contents);
      return { buffer, n, done: () => this.#stored(buffer, range) };
    }
    if (isGpuRange(y)) {
      const range = { ...y, length: n };
      const buffer = this.#borrow(range, contents);
      return { buffer, n, done: () => this.#stored(buffer, range) };
    }
    const words = wordsOf(y);
    const buffer = this.#arrayOf(words, contents, streamed);
    return { buffer, n, done: () => [{ buffer, into: words }] };
  }

  #arrayOf(words: Uint32Array, contents: boolean, streamed: boolean): DeviceBuffer {
    if (!streamed || this.#backend.target === undefined)
      return contents ? this.put(words) : this.take(words.length);
    const buffer = this.#backend.target(words, contents);
    this.#words += words.length;
    this.#taken.push(buffer);
    return buffer;
  }

  #stored(buffer: DeviceBuffer, range: GpuRange | BufferRange): readonly ReadRequest[] {
    this.#backend.store(buffer, range);
    return [];
  }

  /** The whole of a buffer as it is, or a part of it. */
  #within(range: BufferRange, contents?: boolean): DeviceBuffer {
    return range.words === range.of.words ? range.of : this.#borrow(range, contents);
  }

  #borrow(range: GpuRange | BufferRange, contents?: boolean): DeviceBuffer {
    const buffer = this.#backend.borrow(range, contents);
    this.#taken.push(buffer);
    return buffer;
  }

  /**
   * Lets a vector of the user's have the words of a buffer that the scope took, which is as long; what is left to read
   * for that. A whole vector of the device's takes the buffer itself.
   */
  give(buffer: DeviceBuffer, y: VectorLike): readonly ReadRequest[] {
    if (!isDeviceVector(y)) return isGpuRange(y) ? this.#stored(buffer, y) : [{ buffer, into: wordsOf(y) }];
    const range = rangeToWrite(this.#backend, y);
    if (range.words !== range.of.words) return this.#stored(buffer, range);
    this.#taken[this.#taken.indexOf(buffer)] = range.of;
    this.#backend.keep?.(range.of, false);
    this.#backend.keep?.(buffer, true);
    placeOf(y).allocation.buffer = buffer;
    return [];
  }

  /** Sets all words of a vector of the device's to these. */
  overwrite(vector: DeviceVector, words: Uint32Array): void {
    const range = rangeToWrite(this.#backend, vector);
    const buffer = this.#within(range, false);
    this.#backend.write(buffer, words);
    this.#backend.store(buffer, range);
  }

  /** Sets all words of a vector of the device's to those of another. */
  move({ buffer }: Vector, vector: DeviceVector): readonly ReadRequest[] {
    return this.#stored(buffer, rangeToWrite(this.#backend, vector));
  }

  /** Sets words of a buffer, from word `first` on. */
  splice(buffer: DeviceBuffer, first: number, words: Uint32Array): void {
    this.#backend.store(this.put(words), { of: buffer, first, words: words.length });
  }

  /** n elements of a vector, from `first` on, where they lie, as a vector of their own that kernels only read. */
  slice({ buffer }: Vector, first: number, n: number): Vector {
    return { buffer: this.#borrow({ of: buffer, first, words: n }), n };
  }

  /**
   * Lets `work` queue what changes the words of a buffer from `first` on, or writes all of them where it needs no
   * `contents`, and nothing else of the buffer.
   */
  within(
    buffer: DeviceBuffer,
    {
      first,
      words,
      contents,
    }: { readonly first: number; readonly words: number; readonly contents: boolean },
    work: (part: DeviceBuffer) => void,
  ): void {
    const range = { of: buffer, first, words };
    const part = this.#backend.borrow(range, contents);
    try {
      work(part);
      this.#backend.store(part, range);
    } finally {
      this.#backend.release(part);
    }
  }

  /** Another vector with the words of this one, n >= 1. */
  copy({ buffer, n }: Vector): Vector {
    const copy = this.take(n);
    this.#backend.store(buffer, { of: copy, first: 0, words: n });
    return { buffer: copy, n };
  }

  run<Buffers extends string, Params extends string>(
    kernel: Kernel<Buffers, Params>,
    buffers: Readonly<Record<Buffers, DeviceBuffer>>,
    params: Readonly<Record<Params, number>>,
  ): void {
    this.#backend.run(kernel, buffers, params);
  }

  /** What a step yields to have these words: one submit, one readback. */
  read(...requests: (DeviceBuffer | ReadRequest)[]): readonly ReadRequest[] {
    return requests.map((request) => ('words' in request ? { buffer: request } : request));
  }

  /** Runs steps to their end, waiting for what they read. */
  async finish<T>(steps: Steps<T>): Promise<T> {
    let next = steps.next();
    while (next.done !== true) {
      let words: Uint32Array[];
      try {
        words = await this.#backend.read(next.value);
      } catch (error) {
        next = steps.throw(error);
        continue;
      }
      next = steps.next(words);
    }
    return next.value;
  }

  /** The same without waiting, on a backend that reads at once. */
  finishNow<T>(steps: Steps<T>): T {
    let next = steps.next();
    while (next.done !== true) {
      let words: Uint32Array[];
      try {
        words = this.#backend.readNow!(next.value);
      } catch (error) {
        next = steps.throw(error);
        continue;
      }
      next = steps.next(words);
    }
    return next.value;
  }

  /** @see Backend.coder */
  get coder(): Coder | undefined {
    return this.#backend.coder;
  }

  /** @see Backend.symbols */
  get symbols(): SymbolDecoder | undefined {
    return this.#backend.symbols;
  }

  /** @see Backend.shorten */
  shorten(words: Uint32Array, tail?: Tail): Short | undefined {
    return this.#backend.shorten?.(words, tail);
  }

  /** Whether `shorten` does anything. */
  get shortens(): boolean {
    return this.#backend.shorten !== undefined;
  }

  /** Gives all buffers back. */
  end(): void {
    for (const buffer of this.#taken.splice(0)) this.#backend.release(buffer);
  }
}

/** The same memory, seen as words. */
export function wordsOf(data: Float32Array | Uint32Array): Uint32Array {
  return data instanceof Uint32Array ? data : new Uint32Array(data.buffer, data.byteOffset, data.length);
}

/** The same memory, seen as float32. */
export function floatsOf(words: Uint32Array): Float32Array {
  return new Float32Array(words.buffer, words.byteOffset, words.length);
}
