/**
 * The map beside a packet: what the file had that the packet does not hold, as JSON. Of a .safetensors file it has each
 * tensor's name, type, shape and place in the vector, `__metadata__`, and the tensors that are carried; of an .npy file
 * its shape and type.
 */
import { isSizes, member, parseJson, type Json } from './json.ts';
import { isNpyType, type ArrayLayout } from './npy.ts';
import { escaped, quoted } from './quote.ts';
import {
  isCarried,
  isFloating,
  mapAsObject,
  metadataOf,
  placesOf,
  tensorOf,
  type CarriedTensor,
  type Layout,
  type TensorPlace,
} from './safetensors.ts';
import { joined } from './source.ts';

/** What a map holds: the layout of a .safetensors file, or that of an .npy file. */
export type FileMap = { readonly layout: Layout } | { readonly array: ArrayLayout };

/** Maps of another version are refused. */
const VERSION = 1;

/** Bytes of a carried tensor in one text of base64: a multiple of three, so that none but the last is padded. */
const CHUNK = 3 * 2 ** 13;

/** The layout of a .safetensors file as a map, in parts. */
export function* mapParts(map: FileMap): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  if ('array' in map) {
    yield encoder.encode(`${JSON.stringify({ version: VERSION, array: map.array })}\n`);
    return;
  }
  const { tensors, metadata } = map.layout;
  const texts = metadata ? `"metadata":${JSON.stringify(mapAsObject(metadata))},\n` : '';
  yield encoder.encode(`{"version":${VERSION},\n${texts}"tensors":[`);
  let separator = '\n';
  for (const tensor of tensors) {
    if (isCarried(tensor)) {
      const { name, shape, dtype, bytes } = tensor;
      yield encoder.encode(`${separator}${JSON.stringify({ name, shape, dtype }).slice(0, -1)},"bytes":[`);
      for (let at = 0; at < bytes.length; at += CHUNK)
        yield encoder.encode(
          `${at === 0 ? '' : ','}"${btoa(String.fromCharCode(...bytes.subarray(at, at + CHUNK)))}"`,
        );
      yield encoder.encode(']}');
    } else {
      const { name, shape, dtype, first, count } = tensor;
      yield encoder.encode(separator + JSON.stringify({ name, shape, dtype, first, count }));
    }
    separator = ',\n';
  }
  yield encoder.encode('\n]}\n');
}

/** A map as the bytes of its file. */
export function writeMap(map: FileMap): Uint8Array {
  return joined(mapParts(map));
}

/** @throws Error with what is wrong, where the bytes are no map of a vector */
export function readMap(bytes: Uint8Array): FileMap {
  try {
    const json = parseJson(bytes);
    if (!(json instanceof Map)) throw new Error('it is no object');
    const version = member(json, 'version') ?? VERSION;
    if (version !== VERSION) throw new Error(`version ${shown(version)}; version ${VERSION} is known`);
    const array = member(json, 'array');
    if (array !== undefined) return { array: arrayOf(array) };
    const metadata = metadataOf(member(json, 'metadata') ?? null);
    const tensors = member(json, 'tensors');
    if (!isList(tensors)) throw new Error('it has neither tensors nor an array');
    return { layout: { tensors: tensorsOf(tensors), ...(metadata && { metadata }) } };
  } catch (error) {
    throw new Error(`the map makes no sense: ${(error as Error).message}`, { cause: error });
  }
}

const isList = (json: Json | undefined): json is readonly Json[] => Array.isArray(json);

function shown(json: Json): string {
  return typeof json === 'string'
    ? quoted(json)
    : typeof json === 'number'
      ? String(json)
      : 'that is no integer';
}

/** The elements that a map says its vector has. */
export function elementsOf(map: FileMap): number {
  if ('array' in map) return map.array.shape.reduce((count, size) => count * size, 1);
  return placesOf(map.layout).reduce((sum, { count }) => sum + count, 0);
}

function arrayOf(json: Json): ArrayLayout {
  const [shape, dtype, order] = ['shape', 'dtype', 'fortranOrder'].map((key) => member(json, key));
  if (!isSizes(shape) || !Number.isSafeInteger(shape.reduce((count, size) => count * size, 1)))
    throw new Error("the array's shape is no list of integers from 0");
  if (typeof dtype !== 'string' || !isNpyType(dtype))
    throw new Error(`the array's dtype is not of <f2, <f4, <f8, >f2, >f4, >f8`);
  if (typeof order !== 'boolean') throw new Error("the array's fortranOrder is neither true nor false");
  return { shape, dtype, fortranOrder: order };
}

function tensorsOf(list: readonly Json[]): (TensorPlace | CarriedTensor)[] {
  const names = new Set<string>();
  let next = 0;
  return list.map((entry) => {
    const name = member(entry, 'name');
    if (typeof name !== 'string' || name === '__metadata__') throw new Error('a tensor has no name');
    if (names.has(name)) throw new Error(`two tensors are called ${quoted(name)}`);
    names.add(name);
    const { dtype, shape, count, bytes } = tensorOf(name, entry);
    if (!isFloating(dtype))
      return { name, shape, dtype, bytes: carriedOf(name, member(entry, 'bytes'), bytes) };
    if (member(entry, 'count') !== count)
      throw new Error(`the count of the tensor ${quoted(name)} is not ${count}, the product of its shape`);
    if (member(entry, 'first') !== next)
      throw new Error(
        `the tensor ${quoted(name)} does not start at element ${next}, where the one before it ends`,
      );
    next += count;
    return { name, shape, dtype, first: next - count, count };
  });
}

/** The bytes of a carried tensor from its texts of base64. */
function carriedOf(name: string, texts: Json | undefined, bytes: number): Uint8Array {
  if (!isList(texts)) throw new Error(`the tensor ${quoted(name)} has no bytes`);
  const parts = texts.map((text) => {
    if (typeof text !== 'string') throw new Error(`the bytes of the tensor ${quoted(name)} are no texts`);
    try {
      return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    } catch {
      throw new Error(`the bytes of the tensor ${quoted(name)} are not base64: ${escaped(text, 40)}`);
    }
  });
  const carried = joined(parts);
  if (carried.length !== bytes)
    throw new Error(`the tensor ${quoted(name)} has ${carried.length} bytes, its shape takes ${bytes}`);
  return carried;
}
