/**
 * A device: one backend, opened; the vectors on it; and its calls. calls.ts checks the arguments of a call and says
 * what its work is, schedule.ts when a call on a GPU begins; here the work runs, with a scope on the backend.
 */
import { requireInteger } from './arguments.ts';
import type { BackendName } from './backends/backend.ts';
import type { Opened, OpenOptions } from './backends/open.ts';
import {
  compressCall,
  decompressCall,
  MAX_ELEMENTS,
  meanCall,
  type CompressOptions,
  type DecompressOptions,
  type MeanOptions,
} from './calls.ts';
import type { CodecOf, Compressor } from './compressors/compressor.ts';
import { DeviceClosedError } from './errors.ts';
import { clearKernel } from './kernels/accumulate.ts';
import { type Allocation, DeviceVector, type VectorHost, type VectorLike } from './kernels/device-vector.ts';
import { type Host, Scope, type Steps, wordsOf } from './kernels/scope.ts';
import type { Bytes, GpuDevice } from './platform.ts';
import { Schedule, type Touch, touchOf } from './schedule.ts';

/** 256 MiB: what keeps a GPU at work, and fits beside a model. */
const MAX_BYTES_IN_FLIGHT = 2 ** 28;

/** What a device is made of beside its backend. */
export interface Parts {
  /** Opens the backend anew when its GPU was lost; left out where there is none. */
  readonly open?: (options: OpenOptions) => Promise<Opened>;
  readonly codecOf: CodecOf;
  /** As in DeviceOptions. */
  readonly maxBytesInFlight?: number;
}

/**
 * A device without kernels to call: it holds nothing that it was not given, so that a bundle can leave out the rest.
 */
export class PacketDevice implements Host, VectorHost {
  readonly #options: OpenOptions;
  readonly #parts: Parts;
  readonly #schedule: Schedule;
  readonly #vectors = new Set<Allocation>();
  #opened: Opened;
  #reopening: Promise<Opened> | undefined;
  #closed = false;

  /** Not for users: call openDevice. */
  constructor(options: OpenOptions, opened: Opened, parts: Parts) {
    this.#options = options;
    this.#opened = opened;
    this.#parts = parts;
    this.#schedule = new Schedule(parts.maxBytesInFlight ?? MAX_BYTES_IN_FLIGHT);
  }

  /** The backend in use. */
  get backend(): BackendName {
    return this.#opened.backend.name;
  }

  /** What runs underneath, for people: `SIMD`, a GPU's name. */
  get detail(): string {
    return this.#opened.backend.detail;
  }

  /**
   * The GPU in use, for buffers of your own: your device where you gave one, else another after it was lost. undefined
   * on other backends.
   */
  get gpu(): GpuDevice | undefined {
    return this.#opened.backend.gpu;
  }

  /** For each backend that `auto` would have preferred, why it is not in use. */
  get reasons(): Readonly<Record<string, string>> {
    return this.#opened.reasons;
  }

  /** How many vectors of `vector` were not freed. */
  get vectors(): number {
    return this.#vectors.size;
  }

  /**
   * A vector of n zeros in the memory that this device works in: linear memory, a GPU buffer or an array. `compress`,
   * `decompress` and the kernels take it as they take a Float32Array, and work on it where it lies. It stays until it
   * is freed, or the device is closed.
   *
   * @param n elements, 0 to 2^28
   * @returns the vector
   * @throws RangeError unless n is in 0..2^28, or where there is not so much memory
   * @throws DeviceClosedError after close(); DeviceLostError where the GPU went away and no call has reopened it yet
   * @example
   * const error = device.vector(gradient.length);
   * const packet = await device.compress(topK({ ratio: 0.01 }), gradient, { error });
   * error.free();
   */
  vector(n: number): DeviceVector {
    requireInteger('n', n, 0, MAX_ELEMENTS);
    if (this.#closed) throw new DeviceClosedError();
    const { backend } = this.#opened;
    const buffer = backend.allocate(n);
    if (n > 0) backend.run(clearKernel, { y: buffer }, { n });
    backend.keep?.(buffer, true);
    const allocation: Allocation = { backend, buffer, state: 'held' };
    this.#vectors.add(allocation);
    return new DeviceVector(this, n, { allocation, first: 0 });
  }

  /** Not for users: call `write` of a vector. */
  async writeVector(vector: DeviceVector, source: VectorLike): Promise<void> {
    if (vector.length === 0) return;
    const touches = [touchOf(source, 'reads', false), touchOf(vector, 'writes', true)];
    await this.use(function* (scope) {
      if (ArrayBuffer.isView(source)) return scope.overwrite(vector, wordsOf(source));
      yield scope.move(scope.vector(source), vector);
    }, touches);
  }

  /** Not for users: call `read` of a vector. */
  async readVector(vector: DeviceVector, into: Float32Array): Promise<void> {
    if (vector.length === 0) return;
    await this.use(
      function* (scope) {
        yield scope.read({ buffer: scope.vector(vector).buffer, count: into.length, into: wordsOf(into) });
      },
      [touchOf(vector, 'reads', true), touchOf(into, 'writes', false)],
    );
  }

  /** Not for users: call `free` of a vector. */
  freeVector(allocation: Allocation): void {
    if (allocation.state !== 'held') return;
    allocation.state = 'freed';
    this.#vectors.delete(allocation);
    if (this.#closed) return;
    const all: Touch = { memory: allocation, first: 0, end: Infinity, writes: true, brief: false };
    const call = this.#schedule.begin([all], 0);
    const release = (): void => {
      const { backend, buffer } = allocation;
      allocation.state = 'gone';
      if (!backend.lost) backend.release(buffer);
      this.#schedule.end(call);
    };
    // on a GPU calls that were made before may not have begun
    if (call.ready === undefined) release();
    else call.ready.then(release, () => undefined);
  }

  /**
   * Compresses a vector to a packet, a Uint8Array with an ArrayBuffer of its own, or in `out`: the same bytes on every
   * backend. `x` stays as it is until the promise settles. A range of a GPU buffer is read where it lies; its buffer
   * has usage STORAGE, and an offset that is a multiple of 256, or usage COPY_SRC.
   *
   * @param compressor what makes the packet
   * @param x a Float32Array, a range of a buffer on the device's GPU, or a vector of the device
   * @param options keys of random draws; the error of earlier packets, which this one carries and then has what it lost
   * @returns the packet
   * @throws NonFiniteError where x holds NaN or infinity, or its sum with the error, or what the packet loses of that
   * @throws RangeError where the compressor does not fit x, k > n for example
   * @throws DeviceClosedError after close(), DeviceLostError where the GPU goes away
   * @example
   * const packet = await device.compress(scaledSign(), new Float32Array([1, -2, 3]));
   */
  async compress(compressor: Compressor, x: VectorLike, options: CompressOptions = {}): Promise<Bytes> {
    const { work, touches, bytes } = compressCall(this.#parts.codecOf, 'compress', compressor, x, options);
    return this.use(work, touches, bytes);
  }

  /**
   * As `compress`, without waiting: on js and wasm, where everything is done when a call returns.
   *
   * @throws TypeError on webgpu, where the GPU works on its own; else as `compress`
   * @example
   * const packet = device.compressSync(topK({ k: 1 }), new Float32Array([1, -2, 3]));
   */
  compressSync(compressor: Compressor, x: VectorLike, options: CompressOptions = {}): Bytes {
    const { work } = compressCall(this.#parts.codecOf, 'compressSync', compressor, x, options);
    return this.#useNow('compressSync', work);
  }

  /**
   * The vector that a packet stands for: the same float32 bits on every backend. With `into` it is written there, with
   * `accumulate` added there, and `into` is returned; `packet` stays as it is until the promise settles. A range of a
   * GPU buffer is written on the GPU; its buffer has usage COPY_DST, and for `accumulate` also what `compress` asks
   * for. To add a sparse packet costs what it holds.
   *
   * @param packet what `compress` gave
   * @param options where the vector goes, and how; the most elements
   * @returns `into`, or a new array
   * @throws PacketError where the bytes are not a sound packet, or stand for more than `maxElements` elements
   * @throws RangeError where `into` has another length than the vector
   * @throws DeviceClosedError after close(), DeviceLostError where the GPU goes away
   * @example
   * await device.decompress(packet, { into: sum, accumulate: 1 / workers });
   */
  async decompress(packet: Uint8Array, options?: DecompressOptions<Float32Array>): Promise<Float32Array>;
  async decompress<Target extends VectorLike>(
    packet: Uint8Array,
    options: DecompressOptions<Target> & { readonly into: Target },
  ): Promise<Target>;
  async decompress(packet: Uint8Array, options: DecompressOptions<VectorLike> = {}): Promise<VectorLike> {
    const { work, touches, bytes } = decompressCall(this.#parts.codecOf, 'decompress', packet, options);
    return this.use(work, touches, bytes);
  }

  /**
   * As `decompress`, without waiting: on js and wasm, where everything is done when a call returns.
   *
   * @throws TypeError on webgpu, where the GPU works on its own; else as `decompress`
   * @example
   * const approx = device.decompressSync(packet);
   */
  decompressSync(packet: Uint8Array, options?: DecompressOptions<Float32Array>): Float32Array;
  decompressSync<Target extends VectorLike>(
    packet: Uint8Array,
    options: DecompressOptions<Target> & { readonly into: Target },
  ): Target;
  decompressSync(packet: Uint8Array, options: DecompressOptions<VectorLike> = {}): VectorLike {
    const { work } = decompressCall(this.#parts.codecOf, 'decompressSync', packet, options);
    return this.#useNow('decompressSync', work);
  }

  /**
   * The mean of what packets stand for: zeros, to which each packet is added as `decompress` adds with `accumulate`, in
   * their order, times its share of the weights, rounded to float32: the same bits on every backend, and those of
   * adding one by one, in one walk over the result.
   *
   * @param packets at least one, all of as many elements; as they are until the promise settles
   * @param options where the mean goes, weights, the most elements
   * @returns `into`, or a new array
   * @throws PacketError where one is not a sound packet, or they differ in length
   * @throws RangeError where `into` has another length, or weights are not as many as the packets
   * @throws DeviceClosedError after close(), DeviceLostError where the GPU goes away
   * @example
   * const mean = await device.mean([packet, packet], { weights: [3, 1] });
   */
  async mean(packets: readonly Uint8Array[], options?: MeanOptions<Float32Array>): Promise<Float32Array>;
  async mean<Target extends VectorLike>(
    packets: readonly Uint8Array[],
    options: MeanOptions<Target> & { readonly into: Target },
  ): Promise<Target>;
  async mean(packets: readonly Uint8Array[], options: MeanOptions<VectorLike> = {}): Promise<VectorLike> {
    const { work, touches, bytes } = meanCall(this.#parts.codecOf, packets, options);
    return this.use(work, touches, bytes);
  }

  /**
   * Runs `work` with a scope on the backend. On a GPU it begins after the calls before it that touch the same memory
   * and where there is room for about so many bytes (schedule.ts), and a lost GPU is opened anew first, unless it is
   * the user's own. On a backend that does not wait, all of it is done before this returns.
   */
  async use<T>(work: (scope: Scope) => Steps<T>, touches: readonly Touch[] = [], bytes = 0): Promise<T> {
    if (this.#closed) throw new DeviceClosedError();
    if (this.#opened.backend.readNow !== undefined) {
      const result = this.#useNow('use', work);
      // callers see a call that is under way when the device is closed as one that is refused, on every backend
      await Promise.resolve();
      if (this.#closed) throw new DeviceClosedError();
      return result;
    }
    const lost = this.#reopens();
    // nothing is queued in this turn of the event loop
    const call = this.#schedule.begin(
      lost ? touches.map((touch) => ({ ...touch, brief: false })) : touches,
      bytes,
    );
    let scope: Scope | undefined;
    try {
      if (call.ready !== undefined) await call.ready;
      if (this.#reopens()) await this.#reopen();
      scope = new Scope(this.#opened.backend);
      const working = scope.finish(work(scope));
      this.#schedule.queued(call, scope.bytes);
      const result = await working;
      if (this.#closed) throw new DeviceClosedError();
      return result;
    } catch (error) {
      if (this.#closed) throw new DeviceClosedError();
      throw error;
    } finally {
      if (!this.#closed) scope?.end();
      this.#schedule.end(call);
    }
  }

  /** @throws TypeError where the backend waits */
  #useNow<T>(name: string, work: (scope: Scope) => Steps<T>): T {
    if (this.#closed) throw new DeviceClosedError();
    const { backend } = this.#opened;
    if (backend.readNow === undefined)
      throw new TypeError(
        `${name} expected a backend that does not wait, js or wasm: on ${backend.name} the GPU works on its own`,
      );
    const scope = new Scope(backend);
    try {
      return scope.finishNow(work(scope));
    } finally {
      scope.end();
    }
  }

  /**
   * Gives back the memory that the backend keeps for the next call: at once, or, on wasm, whose memory is one piece, as
   * soon as no call is under way. Without this, what a large call took is kept until 256 calls in a row had no use for
   * it: on webgpu and js a buffer that none of them took; on wasm memory above 16 MiB of which none of them took a
   * quarter. Vectors stay.
   */
  trim(): void {
    if (!this.#closed) this.#opened.backend.trim();
  }

  /**
   * Gives memory and GPU back, vectors with them; calls that are pending, or wait for their turn, reject. Closing twice
   * is no error.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#vectors.clear();
    this.#schedule.close();
    this.#opened.backend.close();
  }

  /** Whether the next call opens another GPU: the one that was lost was not the user's. */
  #reopens(): boolean {
    return this.#opened.backend.lost && this.#options.gpu === undefined && this.#parts.open !== undefined;
  }

  /** One reopening serves all calls that wait for it. */
  async #reopen(): Promise<void> {
    this.#reopening ??= this.#parts.open!(this.#options).finally(() => (this.#reopening = undefined));
    const opened = await this.#reopening;
    if (this.#closed) {
      opened.backend.close();
      throw new DeviceClosedError();
    }
    if (this.#opened.backend.lost) this.#opened.backend.close();
    this.#opened = opened;
  }
}
