/**
 * A scope is one call's hold on a backend: the buffers that it took, all given back when the call ends, however it
 * ends. Kernels and compressors are written against it and never see which backend runs them.
 */
import type { Backend, DeviceBuffer, GpuRange, ReadRequest } from '../backends/backend.ts';
import type { Kernel } from './kernel.ts';

/**
 * What runs calls: a device, or in tests a bare backend. Work may read the vectors that its call is given, as they are.
 */
export interface Host {
  /** Runs `work` with a scope of its own and gives the scope's buffers back afterwards. */
  use<T>(work: (scope: Scope) => Promise<T>): Promise<T>;
}

/** A float32 vector on a backend: `n` elements, in the first `n` words of `buffer`. */
export interface Vector {
  readonly buffer: DeviceBuffer;
  readonly n: number;
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

  /** A vector of the user's, who leaves it as it is until the scope ends; kernels only read it. */
  vector(data: Float32Array): Vector {
    const buffer = this.#backend.lend(wordsOf(data));
    this.#words += data.length;
    this.#taken.push(buffer);
    return { buffer, n: data.length };
  }

  /** The vector in a range of a GPU buffer of the user's. */
  borrowed(range: GpuRange): Vector {
    const buffer = this.borrow(range);
    return { buffer, n: buffer.words };
  }

  /** A range of a GPU buffer of the user's, used where it lies if possible. */
  borrow(range: GpuRange): DeviceBuffer {
    const buffer = this.#backend.borrow(range);
    this.#taken.push(buffer);
    return buffer;
  }

  /** Queues the copy of a buffer to a range of the user's. */
  store(buffer: DeviceBuffer, range: GpuRange): void {
    this.#backend.store(buffer, range);
  }

  run<Buffers extends string, Params extends string>(
    kernel: Kernel<Buffers, Params>,
    buffers: Readonly<Record<Buffers, DeviceBuffer>>,
    params: Readonly<Record<Params, number>>,
  ): void {
    this.#backend.run(kernel, buffers, params);
  }

  /** Waits, and brings words back: one submit, one readback. */
  read(...requests: (DeviceBuffer | ReadRequest)[]): Promise<Uint32Array[]> {
    return this.#backend.read(
      requests.map((request) => ('words' in request ? { buffer: request } : request)),
    );
  }

  /** @see Backend.shorten */
  shorten(words: Uint32Array): Uint32Array | undefined {
    return this.#backend.shorten?.(words);
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
