/** Floating-point elements of files as float32 and back, and how many of them that changes. */
import { encodeValues, floatOfHalf, floatsOfBrain } from '../packet/values.ts';
import { piecesOf, type Source } from './source.ts';

/** An element type. Its bytes are little-endian. */
export interface FloatType {
  readonly name: 'float16' | 'bfloat16' | 'float32' | 'float64';
  readonly bytes: number;
  /** Its largest number, where not every float32 is one of its numbers. */
  readonly largest?: number;
  /** The elements of `data`, exact but for float64. */
  readonly read: (data: ArrayBuffer) => Float32Array | Float64Array;
  /** Finite float32 values, rounded half to even; what is too large becomes the largest of its sign. */
  readonly write: (values: Float32Array) => Uint8Array;
}

const bytesIn = (array: Float32Array | Float64Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function rounded(values: Float32Array, format: 'bfloat16' | 'float16'): Uint8Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return new Uint8Array(encodeValues(words, format).buffer).subarray(0, values.length * 2);
}

export const FLOAT16: FloatType = {
  name: 'float16',
  bytes: 2,
  largest: 65504,
  read: (data) => Float32Array.from(new Uint16Array(data), floatOfHalf),
  write: (values) => rounded(values, 'float16'),
};

export const BFLOAT16: FloatType = {
  name: 'bfloat16',
  bytes: 2,
  largest: (2 - 2 ** -7) * 2 ** 127,
  read: (data) => floatsOfBrain(new Uint16Array(data)),
  write: (values) => rounded(values, 'bfloat16'),
};

export const FLOAT32: FloatType = {
  name: 'float32',
  bytes: 4,
  read: (data) => new Float32Array(data),
  write: bytesIn,
};

export const FLOAT64: FloatType = {
  name: 'float64',
  bytes: 8,
  read: (data) => new Float64Array(data),
  write: (values) => bytesIn(Float64Array.from(values)),
};

/** Reverses the bytes of each element, in place. */
export function swapBytes(bytes: Uint8Array, each: number): void {
  for (let at = 0; at < bytes.length; at += each) bytes.subarray(at, at + each).reverse();
}

/** Elements in a file. */
export interface Elements {
  readonly type: FloatType;
  /** The byte of the file at which they start. */
  readonly at: number;
  readonly bigEndian?: boolean;
}

/**
 * Reads elements as float32 into all of `into`.
 * @returns how many of them float32 had to round
 * @throws Error that names the first finite element beyond float32's range; `nameOf` says which one that is
 */
export async function readFloats(
  source: Source,
  { type, at, bigEndian = false }: Elements,
  into: Float32Array,
  nameOf: (index: number) => string,
): Promise<number> {
  let first = 0;
  let changed = 0;
  for await (const piece of piecesOf(source, at, at + into.length * type.bytes)) {
    // a copy by the constructor: a Node Buffer's own slice would be a view of its pool
    const bytes = new Uint8Array(piece);
    if (bigEndian) swapBytes(bytes, type.bytes);
    const values = type.read(bytes.buffer);
    into.set(values, first);
    if (values instanceof Float64Array)
      for (let i = 0; i < values.length; i++) {
        const value = values[i];
        const given = into[first + i];
        if (Object.is(given, value) || Number.isNaN(value)) continue;
        if (!Number.isFinite(given))
          throw new Error(`${nameOf(first + i)} is ${value}, beyond the range of float32`);
        changed++;
      }
    first += values.length;
  }
  return changed;
}

/** What writing float32 values as another type changed. */
export interface Changes {
  /** Values that were rounded. */
  rounded: number;
  /** Values beyond the type's range, which became its largest. */
  beyond: number;
}

/** Elements that are converted at once. */
const WRITTEN = 2 ** 22;

/** The bytes of float32 values as another type, in pieces; what that changes is added to `changes`. */
export function* writeFloats(
  values: Float32Array,
  type: FloatType,
  changes: Changes,
  bigEndian = false,
): Generator<Uint8Array> {
  for (let first = 0; first < values.length; first += WRITTEN) {
    const piece = values.subarray(first, first + WRITTEN);
    const bytes = type.write(piece);
    if (type.largest !== undefined) count(piece, type.read(bytes.slice().buffer), type.largest, changes);
    if (!bigEndian) yield bytes;
    else {
      const swapped = bytes.slice();
      swapBytes(swapped, type.bytes);
      yield swapped;
    }
  }
}

function count(values: Float32Array, written: ArrayLike<number>, largest: number, changes: Changes): void {
  for (let i = 0; i < values.length; i++) {
    if (written[i] === values[i]) continue;
    if (Math.abs(values[i]) > largest) changes.beyond++;
    else changes.rounded++;
  }
}
