/**
 * .safetensors files (github.com/huggingface/safetensors): eight bytes with the length of a JSON header, the header
 * with each tensor's type, shape and place, then all data. What its reference reader refuses is refused here.
 * Floating-point tensors become one flat float32 vector; tensors of other types are carried beside it as they are.
 */
import {
  BFLOAT16,
  FLOAT16,
  FLOAT32,
  FLOAT64,
  readFloats,
  writeFloats,
  type Changes,
  type FloatType,
} from './floats.ts';
import { isSizes, member, parseJson, type Json } from './json.ts';
import { requireCount, type ReadOptions } from './npy.ts';
import { quoted } from './quote.ts';
import { bytesOf, joined, sourceOf, type Source } from './source.ts';

/** A tensor that is a part of the flat vector. */
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

/** A tensor of another type, which no compressor takes. */
export interface CarriedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly bytes: Uint8Array;
}

/** What a file holds beside the values. */
export interface Layout {
  /** In the order of their data. */
  readonly tensors: readonly (TensorPlace | CarriedTensor)[];
  /** The texts of `__metadata__`. */
  readonly metadata?: ReadonlyMap<string, string>;
}

/** All floating-point tensors of a file, laid end to end in the order of their data. */
export interface Flattened extends Layout {
  readonly data: Float32Array;
}

/** Flattened tensors as they were read. */
export interface ReadTensors extends Flattened {
  /** How many elements float32 had to round, which only those of F64 need. */
  readonly rounded: number;
}

/** The types of the vector's tensors. */
const FLOATS: ReadonlyMap<string, FloatType> = new Map([
  ['F16', FLOAT16],
  ['BF16', BFLOAT16],
  ['F32', FLOAT32],
  ['F64', FLOAT64],
]);

/** Bits of an element, for each type of the format. */
const BITS: ReadonlyMap<string, number> = new Map([
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ...['BOOL', 'U8', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'].map(
    (type) => [type, 8] as const,
  ),
  ...['I16', 'U16', 'F16', 'BF16'].map((type) => [type, 16] as const),
  ...['I32', 'U32', 'F32'].map((type) => [type, 32] as const),
  ...['I64', 'U64', 'F64', 'C64'].map((type) => [type, 64] as const),
]);

/** The longest header that the reference reader takes, in bytes. */
const MOST_HEADER = 100_000_000;

const METADATA = '__metadata__';

export function isCarried(tensor: TensorPlace | CarriedTensor): tensor is CarriedTensor {
  return 'bytes' in tensor;
}

/** The tensors that are parts of the flat vector. */
export function placesOf({ tensors }: Layout): TensorPlace[] {
  return tensors.filter((tensor): tensor is TensorPlace => !isCarried(tensor));
}

/** The tensor in which an element of the flat vector lies, and which element of it that is, for people. */
export function elementName(tensors: readonly TensorPlace[], index: number): string {
  const place = tensors.find(({ first, count }) => index >= first && index < first + count);
  return place === undefined
    ? `element ${index}`
    : `element ${index - place.first} of the tensor ${quoted(place.name)}`;
}

/** What a reader of tensors may be asked for beside the most elements. */
export interface ReadTensorsOptions extends ReadOptions {
  /** Whether a floating-point tensor is carried too, as it is; none is if left out. */
  readonly carries?: (name: string) => boolean;
}

/** The floating-point tensors of a file with their places in the vector, before anything of their data is read. */
export async function readPlaces(from: Source | Uint8Array): Promise<TensorPlace[]> {
  const { entries } = await readHeader(sourceOf(from));
  let next = 0;
  return entries
    .filter(({ dtype }) => FLOATS.has(dtype))
    .map(({ name, dtype, shape, count }) => ({ name, dtype, shape, first: (next += count) - count, count }));
}

/**
 * Reads a .safetensors file.
 * @throws Error with what is wrong, where the bytes are not such a file, or a value of F64 is beyond float32's range
 */
export async function readSafetensors(
  from: Source | Uint8Array,
  { most = Infinity, carries = () => false }: ReadTensorsOptions = {},
): Promise<ReadTensors> {
  const source = sourceOf(from);
  const { entries, metadata, dataAt } = await readHeader(source);
  const typeIn = ({ name, dtype }: Entry): FloatType | undefined =>
    carries(name) ? undefined : FLOATS.get(dtype);
  const total = entries.reduce((sum, entry) => sum + (typeIn(entry) ? entry.count : 0), 0);
  requireCount(total, most);
  const data = new Float32Array(total);
  const tensors: (TensorPlace | CarriedTensor)[] = [];
  let [first, rounded] = [0, 0];
  for (const entry of entries) {
    const { name, dtype, shape, count, start, end } = entry;
    const type = typeIn(entry);
    if (type === undefined) {
      tensors.push({ name, dtype, shape, bytes: await bytesOf(source, dataAt + start, dataAt + end) });
      continue;
    }
    const place = { name, shape, dtype, first, count };
    const into = data.subarray(first, first + count);
    rounded += await readFloats(source, { type, at: dataAt + start }, into, (index) =>
      elementName([place], first + index),
    );
    tensors.push(place);
    first += count;
  }
  return { data, tensors, rounded, ...(metadata && { metadata }) };
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

async function readHeader(
  source: Source,
): Promise<{ entries: Entry[]; metadata?: ReadonlyMap<string, string>; dataAt: number }> {
  const ends = 'the .safetensors file ends inside its header';
  if (source.size < 8) throw new Error(ends);
  const start = await bytesOf(source, 0, 8);
  const length = new DataView(start.buffer).getBigUint64(0, true);
  const dataAt = 8 + Number(length);
  if (dataAt > source.size) throw new Error(ends);
  if (length > MOST_HEADER)
    throw new Error(`the .safetensors header has ${length} bytes; at most ${MOST_HEADER} are allowed`);
  const { entries, metadata } = parseHeader(await bytesOf(source, 8, dataAt));
  requireWhole(entries, source.size - dataAt);
  return { entries, metadata, dataAt };
}

/** @throws Error unless the tensors lie end to end, from the first byte of the data to the last */
function requireWhole(entries: readonly Entry[], bytes: number): void {
  let end = 0;
  for (const { name, start, end: next } of entries) {
    if (next > bytes) throw new Error(`the tensor ${quoted(name)} passes the end of the file`);
    if (start !== end)
      throw new Error(
        start < end
          ? `the tensor ${quoted(name)} overlaps the one before it`
          : `no tensor has the ${start - end} bytes before the tensor ${quoted(name)}`,
      );
    end = next;
  }
  if (end !== bytes) throw new Error(`no tensor has the last ${bytes - end} bytes of the .safetensors file`);
}

function parseHeader(bytes: Uint8Array): { entries: Entry[]; metadata?: ReadonlyMap<string, string> } {
  const header = jsonOf(bytes);
  if (!(header instanceof Map) || bytes[0] !== 0x7b)
    throw new Error('the .safetensors header is not an object, which starts with {');
  const entries: Entry[] = [];
  let metadata: ReadonlyMap<string, string> | undefined;
  for (const [name, value] of header as ReadonlyMap<string, Json>)
    if (name === METADATA) metadata = metadataOf(value);
    else entries.push(parseEntry(name, value));
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  return { entries, ...(metadata && { metadata }) };
}

function jsonOf(bytes: Uint8Array): Json {
  try {
    return parseJson(bytes);
  } catch (error) {
    throw new Error(`the .safetensors header is not sound JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** @throws Error unless it is an object of texts, or null */
export function metadataOf(value: Json): ReadonlyMap<string, string> | undefined {
  if (value === null) return undefined;
  if (!(value instanceof Map) || ![...value.values()].every((text) => typeof text === 'string'))
    throw new Error(`${METADATA} is not an object of texts`);
  return value as ReadonlyMap<string, string>;
}

function parseEntry(name: string, value: Json): Entry {
  const offsets = member(value, 'data_offsets');
  const { dtype, shape, count, bytes } = tensorOf(name, value);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw new Error(`the header's entry ${quoted(name)} makes no sense`);
  const [start, end] = offsets;
  if (end - start !== bytes)
    throw new Error(`the tensor ${quoted(name)} has ${end - start} bytes, its shape takes ${bytes}`);
  return { name, dtype, shape, count, start, end };
}

/**
 * The type and the shape of an entry, its elements and its bytes.
 * @throws Error where it has none, the type is not one of the format, or the bytes are no whole number or beyond 2^53
 */
export function tensorOf(
  name: string,
  entry: Json,
): { dtype: string; shape: readonly number[]; count: number; bytes: number } {
  const [dtype, shape] = [member(entry, 'dtype'), member(entry, 'shape')];
  if (typeof dtype !== 'string' || !isSizes(shape))
    throw new Error(`the entry of the tensor ${quoted(name)} makes no sense`);
  const bits = BITS.get(dtype);
  if (bits === undefined)
    throw new Error(
      `the tensor ${quoted(name)} is of the type ${quoted(dtype)}, which the format does not have`,
    );
  // in the order of the sizes, as the reference reader does: 0 does not undo an overflow before it
  const count = shape.reduce((whole, size) => {
    if (!Number.isSafeInteger(whole * size * 8)) throw new Error(`the tensor ${quoted(name)} is too large`);
    return whole * size;
  }, 1);
  const bytes = (count * bits) / 8;
  if (!Number.isInteger(bytes))
    throw new Error(`the tensor ${quoted(name)} ends inside a byte: ${count} elements of ${bits} bits`);
  return { dtype, shape, count, bytes };
}

/** Whether tensors of a type are parts of the vector. */
export function isFloating(dtype: string): boolean {
  return FLOATS.has(dtype);
}

/**
 * The tensors as a file, in parts, each of the type that it had; what that changes is added to `changes`.
 * @throws Error where the layout does not fit the vector
 */
export function* safetensorsParts(
  { data, tensors, metadata }: Flattened,
  changes: Changes,
): Generator<Uint8Array> {
  let at = 0;
  const entries = tensors.map((tensor) => {
    const { name, dtype, shape } = tensor;
    const start = at;
    at += isCarried(tensor) ? tensor.bytes.length : tensor.count * typeOf(tensor).bytes;
    return [name, { dtype, shape, data_offsets: [start, at] }] as const;
  });
  for (const { name, first, count } of placesOf({ tensors }))
    if (first + count > data.length)
      throw new Error(`the tensor ${quoted(name)} passes the end of the vector`);
  const texts = metadata && ([METADATA, mapAsObject(metadata)] as const);
  yield headerOf([...(texts ? [texts] : []), ...entries]);
  for (const tensor of tensors)
    if (isCarried(tensor)) yield tensor.bytes;
    else {
      const { first, count } = tensor;
      yield* writeFloats(data.subarray(first, first + count), typeOf(tensor), changes);
    }
}

function typeOf({ name, dtype }: TensorPlace): FloatType {
  const type = FLOATS.get(dtype);
  if (type === undefined)
    throw new Error(`the tensor ${quoted(name)} is of no floating-point type: ${quoted(dtype)}`);
  return type;
}

/** An object with these keys of its own, `__proto__` among them. */
export function mapAsObject(map: ReadonlyMap<string, unknown>): object {
  return Object.fromEntries(map);
}

function headerOf(entries: readonly (readonly [string, object])[]): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(mapAsObject(new Map(entries))));
  // spaces behind the header, so that the data start at a multiple of eight
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MOST_HEADER)
    throw new Error(`the .safetensors header takes ${length} bytes; readers allow ${MOST_HEADER}`);
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

/** The tensors of a flat vector as a file. @throws Error where the layout does not fit the vector */
export function writeSafetensors(flattened: Flattened): Uint8Array {
  return joined(safetensorsParts(flattened, { rounded: 0, beyond: 0 }));
}
