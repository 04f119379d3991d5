/**
 * A device: one backend, opened, and the calls on it. A gradient enters `compress`, is put on the backend, goes through
 * the compressor's kernels there, and comes back once, as the words that `writePacket` lays out.
 */
import {
  isGpuRange,
  requireBytes,
  requireFloat32Array,
  requireInteger,
  requireOneOf,
  requireOptions,
  shown,
} from './arguments.ts';
import type { Backend, BackendName, GpuRange } from './backends/backend.ts';
import { BACKENDS, openBackend, type Opened, type OpenOptions } from './backends/open.ts';
import { codecOf } from './compressors/codecs.ts';
import { requireCompressor, type Codec, type Compressor } from './compressors/compressor.ts';
import { DeviceClosedError, PacketError } from './errors.ts';
import { accumulateKernel, requireScale, scaleOf } from './kernels/accumulate.ts';
import * as kernels from './kernels/index.ts';
import { floatsOf, Scope, type Host, wordsOf } from './kernels/scope.ts';
import { type Packet, readPacket, writePacket } from './packet/packet.ts';
import type { Bytes, GpuDevice, WasmModule } from './platform.ts';
import { Schedule, type Touch, touchOf } from './schedule.ts';

/** What openDevice takes. */
export interface DeviceOptions {
  /** Which backend; `auto`, the default, takes the first that works of webgpu on a real GPU, wasm and js. */
  readonly backend?: BackendName | 'auto';
  /** Your own device for the webgpu backend. It is never destroyed by fewbits. */
  readonly gpu?: GpuDevice;
  /**
   * The most threads that the wasm backend works with on a long vector; 1, the default, is the calling one alone. Where
   * threads cannot share memory, for example in a page without COOP and COEP, it is one, and `detail` says why.
   */
  readonly threads?: number;
  /** The compiled module for the wasm backend, where bytes may not be compiled. */
  readonly module?: WasmModule;
  /**
   * The most bytes that calls under way take on the backend together, vectors and workspace; 2^28, 256 MiB, if left
   * out. What passes it waits its turn, in order. One call alone may take more.
   */
  readonly maxBytesInFlight?: number;
}

/** What random compressors key their draws by. */
export interface CompressOptions {
  /** The step of the training run; 0 if left out. */
  readonly step?: number;
  /** The user of the step, a worker's rank say; 0 if left out. */
  readonly stream?: number;
}

/** Where a vector goes and how. */
export interface DecompressOptions<Target = Float32Array> {
  /** Receives the vector, and must have its length; a new array if left out. */
  readonly into?: Target;
  /**
   * into_i += accumulate * x_i instead of into_i = x_i, the product and the sum rounded to float32 in turn, magnitudes
   * below 2^-102 as zero.
   */
  readonly accumulate?: number;
  /**
   * The most elements that a packet may decode to, so that a hostile packet cannot take all memory; 2^28 if left out.
   */
  readonly maxElements?: number;
}

/** `2^28` elements are 1 GiB: more than any model that is trained in a browser, less than a machine's memory. */
const MAX_ELEMENTS = 2 ** 28;
const LAST_WORD = 2 ** 32 - 1;
/** 256 MiB: what keeps a GPU at work, and fits beside a model. */
const MAX_BYTES_IN_FLIGHT = 2 ** 28;

type Bound<T> = {
  readonly [Name in keyof T]: T[Name] extends (host: Host, ...args: infer Args) => infer Result
    ? (...args: Args) => Result
    : never;
};

/** The kernels, bound to a device. */
export type Kernels = Bound<typeof kernels>;

/**
 * Opens a device: the best backend here, or the one that is named.
 *
 * @param options backend, GPU, threads and limits in bytes; the best backend if left out
 * @returns the device; `close` it when it is no longer needed
 * @throws BackendUnavailableError with, for each backend tried, why it cannot run here
 * @example
 * const device = await openDevice();
 * const packet = await device.compress(topK({ ratio: 0.01 }), gradient);
 * const approx = await device.decompress(packet);
 * device.close();
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  requireOptions('openDevice', options, ['backend', 'gpu', 'threads', 'module', 'maxBytesInFlight']);
  const { backend: name = 'auto', gpu, module, threads, maxBytesInFlight } = options;
  const backend = requireOneOf('backend', name, ['auto', ...BACKENDS]);
  if (threads !== undefined) requireInteger('threads', threads, 1, 1024);
  if (gpu !== undefined && !(typeof gpu === 'object' && gpu !== null && 'limits' in gpu))
    throw new TypeError(`"gpu" expected a GPUDevice, got ${shown(gpu)}`);
  if (module !== undefined && Object.prototype.toString.call(module) !== '[object WebAssembly.Module]')
    throw new TypeError(`"module" expected a WebAssembly.Module, got ${shown(module)}`);
  if (maxBytesInFlight !== undefined)
    requireInteger('maxBytesInFlight', maxBytesInFlight, 1, Number.MAX_SAFE_INTEGER);
  const wanted = { backend, gpu, module, threads };
  return new Device(wanted, await openBackend(wanted), maxBytesInFlight);
}

/** What a device is made of beside its backend. */
export interface Parts {
  /** Opens a backend; called again when a GPU was lost. */
  readonly open: (options: OpenOptions) => Promise<Opened>;
  /** What reads a packet. @throws PacketError where nothing does */
  readonly codecOf: (packet: Packet) => Codec;
  /** As in DeviceOptions. */
  readonly maxBytesInFlight?: number;
}

/**
 * A device without kernels to call: it holds nothing that it was not given, so that a bundle can leave out the rest.
 */
export class PacketDevice implements Host {
  readonly #options: OpenOptions;
  readonly #parts: Parts;
  readonly #schedule: Schedule;
  #opened: Opened;
  #reopening: Promise<Opened> | undefined;
  #closed = false;
  /** Backends of vectors that `allocate` gave, by the memory that these lie in. */
  readonly #reserved = new WeakMap<ArrayBufferLike, Backend>();

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

  /**
   * Compresses a vector to a packet, a Uint8Array with an ArrayBuffer of its own: the same bytes on every backend. `x`
   * stays as it is until the promise settles. A range of a GPU buffer is read where it lies; its buffer has usage
   * STORAGE, and an offset that is a multiple of 256, or usage COPY_SRC.
   *
   * @throws NonFiniteError where x holds NaN or infinity
   * @throws RangeError where the compressor does not fit x, k > n say
   * @throws DeviceClosedError after close(), DeviceLostError where the GPU goes away
   * @example
   * const packet = await device.compress(scaledSign(), new Float32Array([1, -2, 3]));
   */
  async compress(
    compressor: Compressor,
    x: Float32Array | GpuRange,
    options: CompressOptions = {},
  ): Promise<Bytes> {
    requireCompressor('compressor', compressor);
    if (!isGpuRange(x)) requireFloat32Array('x', x);
    requireOptions('compress', options, ['step', 'stream']);
    const { step = 0, stream = 0 } = options;
    requireInteger('step', step, 0, LAST_WORD);
    requireInteger('stream', stream, 0, LAST_WORD);
    const encode = async (scope: Scope): Promise<Bytes> => {
      const vector = isGpuRange(x) ? scope.borrowed(x) : scope.vector(x);
      const parts = await compressor.encode(scope, vector, { step, stream });
      return writePacket(parts, (words) => scope.shorten(words));
    };
    const touches = [touchOf(x, 'reads', false)];
    if (isGpuRange(x)) return this.use(encode, touches);
    return this.use(encode, touches, x.byteLength, this.#reserved.get(x.buffer));
  }

  /**
   * A vector of n zeros in the memory that kernels work in: what is written there, `compress` takes without a copy, as
   * a whole or as a part, `x.subarray(first, end)`. It stays where it is for as long as it is referenced, and may be
   * used like any other Float32Array, also after close(). On backends without such memory it is one like any other.
   *
   * @throws RangeError unless n is in 0..2^28, or where there is not so much memory
   * @example
   * const gradients = device.allocate(1000);
   */
  allocate(n: number): Float32Array {
    requireInteger('n', n, 0, MAX_ELEMENTS);
    if (this.#closed) throw new DeviceClosedError();
    const reserved = n > 0 ? this.#opened.backend.reserve?.(n) : undefined;
    if (reserved === undefined) return new Float32Array(n);
    this.#reserved.set(reserved.words.buffer, reserved.backend);
    return floatsOf(reserved.words);
  }

  /**
   * The vector that a packet stands for: the same float32 bits on every backend. With `into` it is written there, with
   * `accumulate` added there, and `into` is returned; `packet`
   * stays as it is until the promise settles. A range of a GPU buffer is written on the GPU; its buffer has usage
   * COPY_DST, and for `accumulate` also what `compress` asks for.
   *
   * @throws PacketError where the bytes are not a sound packet, or stand for more than `maxElements` elements
   * @throws RangeError where `into` has another length than the vector
   * @throws DeviceClosedError after close(), DeviceLostError where the GPU goes away
   * @example
   * await device.decompress(packet, { into: sum, accumulate: 1 / workers });
   */
  async decompress(packet: Uint8Array, options?: DecompressOptions<Float32Array>): Promise<Float32Array>;
  async decompress(packet: Uint8Array, options: DecompressOptions<GpuRange>): Promise<GpuRange>;
  async decompress<Target extends Float32Array | GpuRange>(
    packet: Uint8Array,
    options: DecompressOptions<Target> & { readonly into: Target },
  ): Promise<Target>;
  async decompress(
    packet: Uint8Array,
    options: DecompressOptions<Float32Array | GpuRange> = {},
  ): Promise<Float32Array | GpuRange> {
    requireBytes('packet', packet);
    requireOptions('decompress', options, ['into', 'accumulate', 'maxElements']);
    const { into, accumulate, maxElements = MAX_ELEMENTS } = options;
    if (into !== undefined && !isGpuRange(into)) requireFloat32Array('into', into);
    if (accumulate !== undefined) {
      requireScale('accumulate', accumulate);
      if (into === undefined) throw new RangeError('"accumulate" expected "into" beside it, got none');
    }
    const most = requireInteger('maxElements', maxElements, 0, LAST_WORD);
    const touches = [touchOf(packet, 'reads', true)];
    // a GPU's queue keeps the order of what it is given, the packet with it; memory is written when the GPU has
    // answered
    if (into !== undefined)
      touches.push(touchOf(into, 'writes', isGpuRange(into) || this.#opened.backend.synchronous));
    const decode = async (scope: Scope): Promise<Float32Array | GpuRange> => {
      const read = readPacket(packet, (words) => scope.shorten(words));
      const { n } = read;
      const codec = this.#parts.codecOf(read);
      codec.describe(read);
      if (n > most) throw new PacketError(`n = ${n} elements; "maxElements" allows ${most}`, 8);
      // of a GPU range it may be left out
      if (into?.length !== undefined) requireInteger('into.length', into.length, n, n);
      let result = codec.decode(scope, read).buffer;
      if (into !== undefined && accumulate !== undefined && n > 0) {
        const y = isGpuRange(into) ? scope.borrow({ ...into, length: n }) : scope.put(into);
        scope.run(accumulateKernel, { x: result, y }, { n, scale: scaleOf(accumulate) });
        result = y;
      }
      if (into !== undefined && isGpuRange(into)) {
        scope.store(result, { ...into, length: into.length ?? n });
        await scope.read();
        return into;
      }
      const target = into ?? new Float32Array(n);
      await scope.read({ buffer: result, count: n, into: wordsOf(target) });
      return target;
    };
    return this.use(decode, touches, packet.byteLength + elementsOf(packet, most) * 4);
  }

  /**
   * Runs `work` with a scope on the backend, after the calls before it that touch the same memory and where there is
   * room for about so many bytes (schedule.ts). A lost GPU is opened anew first, unless it is the user's own. On a
   * backend of `reserved` memory, work that needs more room than there is begins again where memory grows.
   */
  async use<T>(
    work: (scope: Scope) => Promise<T>,
    touches: readonly Touch[] = [],
    bytes = 0,
    reserved?: Backend,
  ): Promise<T> {
    if (this.#closed) throw new DeviceClosedError();
    const lost = this.#opened.backend.lost && this.#options.gpu === undefined;
    // nothing is queued in this turn of the event loop
    const call = this.#schedule.begin(
      lost ? touches.map((touch) => ({ ...touch, brief: false })) : touches,
      bytes,
    );
    let scope: Scope | undefined;
    try {
      if (call.ready !== undefined) await call.ready;
      if (this.#opened.backend.lost && this.#options.gpu === undefined) await this.#reopen();
      scope = new Scope(reserved ?? this.#opened.backend);
      const working = work(scope);
      this.#schedule.queued(call, scope.bytes);
      const result = await working;
      if (this.#closed) throw new DeviceClosedError();
      return result;
    } catch (error) {
      if (this.#closed) throw new DeviceClosedError();
      if (reserved === undefined || !(error instanceof RangeError)) throw error;
      scope?.end();
      scope = new Scope(this.#opened.backend);
      return await work(scope);
    } finally {
      if (!this.#closed) scope?.end();
      this.#schedule.end(call);
    }
  }

  /**
   * Gives back the memory that the backend keeps for the next call: at once, or, on wasm, whose memory is one piece, as
   * soon as no call is under way. Without this, what a large call took is kept until 256 calls in a row had no use for
   * it: on webgpu and js a buffer that none of them took; on wasm memory above 16 MiB of which none of them took a
   * quarter.
   */
  trim(): void {
    if (!this.#closed) this.#opened.backend.trim();
  }

  /**
   * Gives memory and GPU back; calls that are pending, or wait for their turn, reject. Vectors of `allocate` stay.
   * Closing twice is no error.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#schedule.close();
    this.#opened.backend.close();
  }

  /** One reopening serves all calls that wait for it. */
  async #reopen(): Promise<void> {
    this.#reopening ??= this.#parts.open(this.#options).finally(() => (this.#reopening = undefined));
    const opened = await this.#reopening;
    if (this.#closed) {
      opened.backend.close();
      throw new DeviceClosedError();
    }
    if (this.#opened.backend.lost) this.#opened.backend.close();
    this.#opened = opened;
  }
}

/** A device that reads every packet, and whose kernels can be called. */
export class Device extends PacketDevice {
  /** The kernels by themselves: `device.kernels.fwht(x)`. */
  readonly kernels: Kernels;

  /** Not for users: call openDevice. */
  constructor(options: OpenOptions, opened: Opened, maxBytesInFlight?: number) {
    super(options, opened, { open: openBackend, codecOf, maxBytesInFlight });
    const bound = Object.entries(kernels).map(([name, kernel]) => [
      name,
      (...rest: unknown[]) =>
        (kernel as (host: Host, ...rest: unknown[]) => unknown)(this.#reading(rest), ...rest),
    ]);
    this.kernels = Object.freeze(Object.fromEntries(bound) as Kernels);
  }

  /** Runs the call of a kernel with these arguments: it reads all vectors among them, and writes none. */
  #reading(given: readonly unknown[]): Host {
    const vectors = given.filter((value) => ArrayBuffer.isView(value));
    const bytes = vectors.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const touches = vectors.map((vector) => touchOf(vector, 'reads', false));
    return { use: (work) => this.use(work, touches, bytes) };
  }
}

/** What a packet says that it decodes to, before anything of it is checked; `most` at the most. */
function elementsOf(packet: Uint8Array, most: number): number {
  if (packet.length < 12) return 0;
  const n = packet[8] | (packet[9] << 8) | (packet[10] << 16) | (packet[11] << 24);
  return Math.min(n >>> 0, most);
}
