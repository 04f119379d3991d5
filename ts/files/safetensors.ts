/**
 * .safetensors files (github.com/huggingface/safetensors): eight bytes with the length of a JSON header, the header with
 * each tensor's type, shape and place, then all data. Read as one flat float32 vector with a map back to names and
 * shapes; written as float32.
 */
import { floatOfHalf, floatsOfBrain } from '../packet/values.ts';

/** Where a tensor lies in the flat vector. */
export interface TensorPlace {
  readonly name: string;
  readonly shape: readonly number[];
  /** Its type in the file it came from. */
  readonly dtype: string;
  /** Its first element in the flat vector. */
  readonly first: number;
  /** Its elements. */
  readonly count: number;
}

/** All tensors of a file, laid end to end in the order of their data. */
export interface Flattened {
  readonly data: Float32Array;
  readonly tensors: readonly TensorPlace[];
}

/** What the element types are called, and how their bytes become float32. */
const types: Record<string, { bytes: number; read: (data: ArrayBuffer) => Float32Array }> = {
  F32: { bytes: 4, read: (data) => new Float32Array(data) },
  F64: { bytes: 8, read: (data) => Float32Array.from(new Float64Array(data)) },
  F16: { bytes: 2, read: (data) => Float32Array.from(new Uint16Array(data), floatOfHalf) },
  BF16: { bytes: 2, read: (data) => floatsOfBrain(new Uint16Array(data)) },
};

/** @throws Error with what is wrong, where the bytes are not such a file of floating-point tensors */
export function readSafetensors(bytes: Uint8Array): Flattened {
  if (bytes.length < 8) throw new Error('the .safetensors file ends inside its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > bytes.length - 8) throw new Error('the .safetensors file ends inside its header');
  const body = bytes.subarray(8 + length);
  const entries = parseHeader(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const total = entries.reduce((sum, { count }) => sum + count, 0);
  const data = new Float32Array(total);
  const tensors: TensorPlace[] = [];
  let first = 0;
  for (const { name, dtype, shape, count, start, end } of entries) {
    if (end > body.length) throw new Error(`the tensor "${name}" passes the end of the file`);
    data.set(types[dtype].read(new Uint8Array(body.subarray(start, end)).buffer), first);
    tensors.push({ name, shape, dtype, first, count });
    first += count;
  }
  return { data, tensors };
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

function parseHeader(text: string): Entry[] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new Error('the .safetensors header is not JSON');
  }
  if (typeof header !== 'object' || header === null)
    throw new Error('the .safetensors header is not an object');
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(name, value as Record<string, unknown> | null));
  return entries.sort((a, b) => a.start - b.start);
}

function parseEntry(name: string, value: Record<string, unknown> | null): Entry {
  const { dtype, shape, data_offsets: offsets } = value ?? {};
  const sizes = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
  if (typeof dtype !== 'string' || !sizes(shape) || !sizes(offsets) || offsets.length !== 2)
    throw new Error(`the header's entry "${name}" makes no sense`);
  if (!Object.hasOwn(types, dtype))
    throw new Error(`the tensor "${name}" holds ${dtype}; ${Object.keys(types).join(', ')} can be read`);
  const count = shape.reduce((product, size) => product * size, 1);
  const [start, end] = offsets;
  if (end - start !== count * types[dtype].bytes)
    throw new Error(
      `the tensor "${name}" has ${end - start} bytes, its shape takes ${count * types[dtype].bytes}`,
    );
  return { name, dtype, shape, count, start, end };
}

/** The tensors of a flat vector as a file of float32. @throws Error where the map does not fit the vector */
export function writeSafetensors({ data, tensors }: Flattened): Uint8Array {
  const header: Record<string, unknown> = {};
  for (const { name, shape, first, count } of tensors) {
    if (first + count > data.length) throw new Error(`the tensor "${name}" passes the end of the vector`);
    header[name] = { dtype: 'F32', shape, data_offsets: [first * 4, (first + count) * 4] };
  }
  // spaces behind the header, so that the data start at a multiple of eight
  const encode = (json: string): Uint8Array => new TextEncoder().encode(json);
  const json = JSON.stringify(header);
  const text = encode(json + ' '.repeat((8 - (encode(json).length % 8)) % 8));
  const file = new Uint8Array(8 + text.length + data.byteLength);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 8 + text.length);
  return file;
}

/** The map as a file. */
export function writeMap(tensors: readonly TensorPlace[]): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ tensors }, undefined, 2)}\n`);
}

/** @throws Error with what is wrong, where the bytes are not such a map */
export function readMap(bytes: Uint8Array): TensorPlace[] {
  try {
    const { tensors } = JSON.parse(new TextDecoder().decode(bytes)) as { tensors: TensorPlace[] };
    if (
      tensors.every(
        ({ name, shape, first, count }) =>
          typeof name === 'string' && Array.isArray(shape) && first + count >= 0,
      )
    )
      return tensors;
  } catch {
    // said below
  }
  throw new Error('the map of tensors makes no sense');
}
