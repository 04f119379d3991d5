/**
 * NumPy's .npy files, versions 1 to 3 (numpy.org/doc/stable/reference/generated/numpy.lib.format.html), read as
 * numpy.load reads them: float16, float32 and float64 of either byte order, in C or Fortran order.
 */
import {
  FLOAT16,
  FLOAT32,
  FLOAT64,
  readFloats,
  writeFloats,
  type Changes,
  type FloatType,
} from './floats.ts';
import { parseLiteral, type Literal } from './python-literal.ts';
import { escaped } from './quote.ts';
import { bytesOf, joined, sourceOf, type Source } from './source.ts';

/** What an .npy file says of its array. */
export interface ArrayLayout {
  readonly shape: readonly number[];
  /** The element type as numpy writes it: `<f4`, `>f8`. */
  readonly dtype: string;
  /** Whether the file has the first index change fastest. The values of a Tensor are in C order all the same. */
  readonly fortranOrder: boolean;
}

/** An array from a file. */
export interface Tensor extends ArrayLayout {
  /** Its elements in C order. */
  readonly data: Float32Array;
  /** The type it had, where it was not float32. */
  readonly converted?: string;
  /** How many elements float32 had to round. */
  readonly rounded: number;
  /** Bytes behind the array, which numpy.load leaves alone too. */
  readonly trailing: number;
}

export interface ReadOptions {
  /** The most elements that are read; any number if left out. */
  readonly most?: number;
}

const MAGIC = '\x93NUMPY';
/** The data start at a multiple of this many bytes. */
const ALIGNMENT = 64;
/** Numpy's arrays have at most so many dimensions. */
const MOST_DIMENSIONS = 64;

const TYPES: Readonly<Record<string, FloatType>> = { f2: FLOAT16, f4: FLOAT32, f8: FLOAT64 };

/** Other names that numpy has for the types. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['e', 'f2'],
  ['half', 'f2'],
  ['float16', 'f2'],
  ['f', 'f4'],
  ['single', 'f4'],
  ['float32', 'f4'],
  ['d', 'f8'],
  ['double', 'f8'],
  ['float', 'f8'],
  ['float64', 'f8'],
]);

/** Bytes and texts of a description, and where the data start. */
interface Header extends ArrayLayout {
  readonly type: FloatType;
  readonly count: number;
  readonly dataAt: number;
}

/**
 * Reads an .npy file.
 * @throws Error with what is wrong, where numpy.load would refuse it, or its elements are no floating-point numbers
 */
export async function readNpy(
  from: Source | Uint8Array,
  { most = Infinity }: ReadOptions = {},
): Promise<Tensor> {
  const source = sourceOf(from);
  const { shape, dtype, fortranOrder, type, count, dataAt } = await readHeader(source);
  const bytes = count * type.bytes;
  const there = source.size - dataAt;
  if (there < bytes)
    throw new Error(
      `the .npy file has ${there} bytes of data, its shape (${shape.join(', ')}) takes ${bytes}`,
    );
  requireCount(count, most);
  const stored = new Float32Array(count);
  const rounded = await readFloats(
    source,
    { type, at: dataAt, bigEndian: dtype.startsWith('>') },
    stored,
    (index) => `element ${index} of the .npy file`,
  );
  const data = fortranOrder ? transposed(stored, shape) : stored;
  const converted = type === FLOAT32 ? {} : { converted: type.name };
  return { shape, dtype, fortranOrder, data, rounded, trailing: there - bytes, ...converted };
}

/** @throws RangeError where a file has more elements than may be read */
export function requireCount(count: number, most: number): void {
  if (count > most) throw new RangeError(`${count} elements; at most ${most} are allowed`);
}

async function readHeader(source: Source): Promise<Header> {
  const start = await bytesOf(source, 0, Math.min(12, source.size));
  const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);
  if (start.length < 10 || String.fromCharCode(...start.subarray(0, 6)) !== MAGIC)
    throw new Error('not an .npy file: it does not start with \\x93NUMPY');
  const [version, minor] = start.subarray(6);
  if (version < 1 || version > 3 || minor !== 0)
    throw new Error(`.npy format version ${version}.${minor}; versions 1.0, 2.0 and 3.0 are known`);
  const textAt = version === 1 ? 10 : 12;
  const view = new DataView(start.buffer);
  const ends = 'the .npy file ends inside its header';
  if (start.length < textAt) throw new Error(ends);
  const dataAt = textAt + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (dataAt > source.size) throw new Error(ends);
  const bytes = await bytesOf(source, textAt, dataAt);
  const text = version < 3 ? latin1(bytes) : utf8(bytes);
  const { dictionary, reason } = read(text, version < 3);
  if (dictionary === undefined)
    throw new Error(`the .npy header makes no sense (${reason}): ${escaped(text.trim(), 100)}`);
  const { type, dtype } = typeOf(dictionary.get('descr'));
  const shape = shapeOf(dictionary.get('shape'));
  const fortranOrder = dictionary.get('fortran_order');
  if (typeof fortranOrder !== 'boolean')
    throw new Error("the .npy header's fortran_order is neither True nor False");
  const count = product(shape);
  if (!Number.isSafeInteger(count * type.bytes))
    throw new Error(
      `the .npy file's shape (${escaped(shape.join(', '), 100)}) takes more bytes than a file has`,
    );
  return { shape, dtype, fortranOrder, type, count, dataAt };
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error('the .npy header is not UTF-8');
  }
}

const KEYS = ['descr', 'fortran_order', 'shape'];

/** A header's dictionary, or why there is none. */
function read(text: string, long: boolean): { dictionary?: ReadonlyMap<string, Literal>; reason?: string } {
  let value: Literal;
  try {
    value = parseLiteral(text, { long });
  } catch (error) {
    return { reason: (error as Error).message };
  }
  if (!(value instanceof Map)) return { reason: 'no dictionary' };
  const dictionary = value as ReadonlyMap<string, Literal>;
  if (dictionary.size !== KEYS.length || !KEYS.every((key) => dictionary.has(key)))
    return { reason: `its keys are not ${KEYS.join(', ')}` };
  return { dictionary };
}

const READABLE = 'float32 (<f4), float64 (<f8) and float16 (<f2) can be read';

/** @throws Error that names what the file holds, where it is no floating-point numbers */
function typeOf(descr: Literal | undefined): { type: FloatType; dtype: string } {
  if (typeof descr !== 'string')
    throw new Error(
      descr !== null && typeof descr === 'object' && 'kind' in descr && descr.kind === 'list'
        ? `the .npy file holds records of several fields; ${READABLE}`
        : `the .npy header's descr is no element type; ${READABLE}`,
    );
  const [, order, name] = /^([<>=|]?)(.*)$/su.exec(descr) as unknown as [string, string, string];
  const plain = NAMES.get(name) ?? name;
  if (!Object.hasOwn(TYPES, plain)) {
    const objects = plain === 'O' || plain === 'object' ? ', Python objects' : '';
    throw new Error(`the .npy file holds '${escaped(descr, 80)}'${objects}; ${READABLE}`);
  }
  return { type: TYPES[plain], dtype: `${order === '>' ? '>' : '<'}${plain}` };
}

function shapeOf(shape: Literal | undefined): number[] {
  if (shape === null || typeof shape !== 'object' || !('kind' in shape) || shape.kind !== 'tuple')
    throw new Error("the .npy header's shape is no tuple");
  if (shape.items.length > MOST_DIMENSIONS)
    throw new Error(
      `the .npy file has ${shape.items.length} dimensions; numpy's arrays have at most ${MOST_DIMENSIONS}`,
    );
  return shape.items.map((size) => {
    const value = typeof size === 'bigint' ? Number(size) : NaN;
    if (!Number.isSafeInteger(value) || value < 0)
      throw new Error(
        `the .npy header's shape has ${typeof size === 'bigint' ? `${escaped(String(size), 40)}` : 'what is no integer'} in it; sizes are integers from 0`,
      );
    return value;
  });
}

const product = (shape: readonly number[]): number => shape.reduce((whole, size) => whole * size, 1);

/**
 * The elements of an array whose first index changes fastest, with the last changing fastest; `shape` is the array's.
 */
function transposed(data: Float32Array, shape: readonly number[]): Float32Array {
  if (shape.length < 2) return data;
  const result = new Float32Array(data.length);
  const strides = shape.map((_, axis) => product(shape.slice(axis + 1)));
  const index = shape.map(() => 0);
  let at = 0;
  for (const value of data) {
    result[at] = value;
    for (let axis = 0; axis < shape.length; axis++) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/** Whether a text is an element type that `writeNpy` writes. */
export function isNpyType(dtype: string): boolean {
  return /^[<>]f[248]$/.test(dtype);
}

/**
 * An array as the bytes of an .npy file, in parts; what its type changes of the values is added to `changes`.
 * @throws Error where the shape does not have as many elements
 */
export function* npyParts(
  data: Float32Array,
  { shape, dtype, fortranOrder }: ArrayLayout,
  changes: Changes,
): Generator<Uint8Array> {
  if (product(shape) !== data.length)
    throw new Error(
      `the shape (${shape.join(', ')}) has ${product(shape)} elements, the vector ${data.length}`,
    );
  yield header({ shape, dtype, fortranOrder });
  const stored = fortranOrder ? transposed(data, [...shape].reverse()) : data;
  yield* writeFloats(stored, TYPES[dtype.slice(1)], changes, dtype.startsWith('>'));
}

/** The header: version 1, or 2 where it is too long for that. */
function header({ shape, dtype, fortranOrder }: ArrayLayout): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '${dtype}', 'fortran_order': ${fortranOrder ? 'True' : 'False'}, 'shape': (${sizes}), }`;
  const version = dictionary.length + ALIGNMENT < 2 ** 16 ? 1 : 2;
  const fixed = version === 1 ? 10 : 12;
  const padding = ALIGNMENT - ((fixed + dictionary.length + 1) % ALIGNMENT);
  const text = dictionary + ' '.repeat(padding % ALIGNMENT) + '\n';
  const bytes = new Uint8Array(fixed + text.length);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  bytes[6] = version;
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  for (let i = 0; i < text.length; i++) bytes[fixed + i] = text.charCodeAt(i);
  return bytes;
}

/** A one-dimensional float32 array as the bytes of an .npy file. */
export function writeNpy(data: Float32Array): Uint8Array {
  const layout = { shape: [data.length], dtype: '<f4', fortranOrder: false };
  return joined(npyParts(data, layout, { rounded: 0, beyond: 0 }));
}
