/**
 * Vectors on a device: memory that stays between calls, for what a training loop keeps from step to step. `compress`,
 * `decompress` and the kernels take them wherever they take a Float32Array, and work on them where they lie.
 */
import { isGpuRange, requireFloat32Array, requireInteger, shown } from '../arguments.ts';
import type { Backend, BufferRange, DeviceBuffer, GpuRange } from '../backends/backend.ts';
import { DeviceLostError } from '../errors.ts';

/** n float32 wherever they are: in memory, in a buffer of a GPU, or on a device. */
export type VectorLike = Float32Array | GpuRange | DeviceVector;

/** Memory on a backend that vectors share. */
export interface Allocation {
  /** Where it is: another backend once what was lost has been written anew. */
  backend: Backend;
  buffer: DeviceBuffer;
  /** Freed vectors are refused by calls made from then on; the memory is gone when those before have what they need. */
  state: 'held' | 'freed' | 'gone';
}

/** What a vector asks of its device. */
export interface VectorHost {
  writeVector(vector: DeviceVector, source: VectorLike): Promise<void>;
  readVector(vector: DeviceVector, into: Float32Array): Promise<void>;
  freeVector(allocation: Allocation): void;
}

/** Where a vector lies. */
interface Place {
  readonly allocation: Allocation;
  /** In elements. */
  readonly first: number;
  /** Whether it is a slice of another vector. */
  readonly slice?: boolean;
}

/**
 * A vector of float32 on a device: linear memory, a GPU buffer or an array, whatever the device works in.
 * `device.vector` makes one. It keeps its memory until `free`, or until the device is closed. Where a GPU is lost, what
 * it held is lost too: calls that read the vector are a DeviceLostError, until it has been written as a whole.
 */
export class DeviceVector {
  /** In elements. */
  readonly length: number;
  readonly #host: VectorHost;
  readonly #place: Place;

  /** Not for users: call device.vector. */
  constructor(host: VectorHost, length: number, place: Place) {
    this.#host = host;
    this.length = length;
    this.#place = place;
    places.set(this, place);
  }

  /**
   * Sets all elements. On js and wasm that is done when this returns; on a GPU calls that follow see it.
   *
   * @param source as many elements: an array, a range of a buffer on the device's GPU, or another vector of the device
   * @returns resolves when `source` may change
   * @throws TypeError or RangeError unless `source` has as many elements; DeviceClosedError after close()
   * @example
   * const weights = device.vector(3);
   * await weights.write(new Float32Array([1, 2, 3]));
   */
  async write(source: VectorLike): Promise<void> {
    requireLength('source', source, this.length);
    await this.#host.writeVector(this, source);
  }

  /**
   * The elements as an array.
   *
   * @param into receives them, and has as many elements; a new array if left out
   * @returns `into`, or the new array
   * @throws RangeError where `into` has another length, DeviceLostError where the GPU that held them was lost
   * @example
   * await device.vector(3).read(); // 0, 0, 0
   */
  async read(into: Float32Array = new Float32Array(this.length)): Promise<Float32Array> {
    requireInteger('into.length', requireFloat32Array('into', into).length, this.length, this.length);
    await this.#host.readVector(this, into);
    return into;
  }

  /**
   * The elements from `first` to before `end`, where they lie: what is written to one is seen in the other. On a GPU a
   * part that starts at a multiple of 64 elements is used without a copy.
   *
   * @param first the first element, 0 to length
   * @param end behind the last one; the vector's own end if left out
   * @returns a vector without memory of its own: it ends with this one, and `free` of it does nothing
   * @throws RangeError unless 0 <= first <= end <= length
   * @example
   * const layer = device.vector(1000).slice(100, 200);
   */
  slice(first: number, end: number = this.length): DeviceVector {
    requireInteger('first', first, 0, this.length);
    requireInteger('end', end, first, this.length);
    const { allocation, first: own } = this.#place;
    return new DeviceVector(this.#host, end - first, { allocation, first: own + first, slice: true });
  }

  /** Gives the memory back; calls that were made before still see it. Calling it twice is no error. */
  free(): void {
    const { allocation, slice = false } = this.#place;
    if (!slice) this.#host.freeVector(allocation);
  }
}

/** Where vectors lie: for devices and their calls. */
const places = new WeakMap<DeviceVector, Place>();

/** Whether a vector is in memory of the host's. */
export function isArray(vector: VectorLike): vector is Float32Array {
  return ArrayBuffer.isView(vector);
}

/** Whether something is a vector of a device. */
export function isDeviceVector(value: unknown): value is DeviceVector {
  return value instanceof DeviceVector;
}

/** What calls that are made with a freed vector throw. */
export function freedError(): TypeError {
  return new TypeError('the vector was freed');
}

/** The memory that a vector lies in, and where it starts there, in elements. */
export function placeOf(vector: DeviceVector): Place {
  return places.get(vector)!;
}

/**
 * The range of its buffer that a vector is, to be read on this backend.
 * @throws DeviceLostError where what it held is lost, TypeError where it is a vector of another device
 */
export function rangeOn(backend: Backend, vector: DeviceVector): BufferRange {
  const { allocation, first } = placeOf(vector);
  if (allocation.state === 'gone') throw freedError();
  if (allocation.backend !== backend) {
    if (allocation.backend.lost) throw new DeviceLostError('what the vector held is lost, write it anew');
    throw new TypeError('the vector belongs to another device');
  }
  return { of: allocation.buffer, first, words: vector.length };
}

/**
 * As rangeOn, of a vector that is about to be written as a whole: one whose memory was lost gets new memory.
 * @throws DeviceLostError where the rest of what it is a part of is lost
 */
export function rangeToWrite(backend: Backend, vector: DeviceVector): BufferRange {
  const { allocation } = placeOf(vector);
  const lost = allocation.state !== 'gone' && allocation.backend !== backend && allocation.backend.lost;
  if (lost && vector.length === allocation.buffer.words) {
    allocation.buffer = backend.allocate(vector.length);
    allocation.backend = backend;
    backend.keep?.(allocation.buffer, true);
  }
  return rangeOn(backend, vector);
}

/** The number of elements of a vector; of a GPU range without a length those to the buffer's end. */
export function lengthOf(vector: VectorLike): number {
  if (!isGpuRange(vector)) return vector.length;
  const { buffer, offset = 0, length = Math.floor((buffer.size - offset) / 4) } = vector;
  return length;
}

/** @throws TypeError unless `value` is a vector */
export function requireVectorLike(name: string, value: unknown): VectorLike {
  if (isDeviceVector(value) || isGpuRange(value)) return value;
  if (ArrayBuffer.isView(value)) return requireFloat32Array(name, value);
  throw new TypeError(
    `"${name}" expected a Float32Array, a range of a GPU buffer or a vector of the device, got ${shown(value)}`,
  );
}

/** @throws TypeError or RangeError unless `value` is a vector of n elements */
export function requireLength(name: string, value: unknown, n: number): VectorLike {
  const vector = requireVectorLike(name, value);
  requireInteger(`${name}.length`, lengthOf(vector), n, n);
  return vector;
}
