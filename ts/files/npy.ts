/**
 * NumPy's .npy files, versions 1 to 3 (numpy.org/doc/stable/reference/generated/numpy.lib.format.html): read as
 * float32, written as little-endian float32.
 */

import { floatOfHalf } from '../packet/values.ts';

/** A tensor from a file. `converted` names the type it had, where it was not float32. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  readonly converted?: string;
}

const MAGIC = '\x93NUMPY';
/** The data start at a multiple of this many bytes. */
const ALIGNMENT = 64;

/** What the element types are called, and how the bytes become float32. */
const types: Record<string, { name: string; bytes: number; read: (data: ArrayBuffer) => Float32Array }> = {
  '<f4': { name: 'float32', bytes: 4, read: (data) => new Float32Array(data) },
  '<f8': { name: 'float64', bytes: 8, read: (data) => Float32Array.from(new Float64Array(data)) },
  '<f2': { name: 'float16', bytes: 2, read: (data) => Float32Array.from(new Uint16Array(data), floatOfHalf) },
};

/** @throws Error with what is wrong, where the bytes are not an .npy file of float32, float64 or float16 in C order */
export function readNpy(bytes: Uint8Array): Tensor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const latin1 = (first: number, end: number): string => String.fromCharCode(...bytes.subarray(first, end));
  if (bytes.length < 10 || latin1(0, 6) !== MAGIC)
    throw new Error('not an .npy file: it does not start with \\x93NUMPY');
  const version = bytes[6];
  if (version < 1 || version > 3)
    throw new Error(`.npy format version ${version}; versions 1 to 3 are known`);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw new Error('the .npy file ends inside its header');
  const dataAt = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (dataAt > bytes.length) throw new Error('the .npy file ends inside its header');
  const header = latin1(start, dataAt);
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape':\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || shape === undefined)
    throw new Error(`the .npy header makes no sense: ${header.trim()}`);
  const type = types[descr];
  if (type === undefined)
    throw new Error(
      `the .npy file holds '${descr}'; float32 (<f4), float64 (<f8) and float16 (<f2) can be read`,
    );
  const sizes = shape
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  if (order === 'True' && sizes.length > 1)
    throw new Error('the .npy file is in Fortran order; save it with numpy.ascontiguousarray');
  const n = sizes.reduce((product, size) => product * size, 1);
  if (bytes.length - dataAt !== n * type.bytes)
    throw new Error(
      `the .npy file has ${bytes.length - dataAt} bytes of data, its shape (${sizes.join(', ')}) takes ${n * type.bytes}`,
    );
  // a copy by the constructor: a Node Buffer's own slice would be a view of its pool
  const data = type.read(new Uint8Array(bytes.subarray(dataAt)).buffer);
  return { shape: sizes, data, ...(descr === '<f4' ? {} : { converted: type.name }) };
}

/** A one-dimensional float32 array as the bytes of an .npy file, version 1. */
export function writeNpy(data: Float32Array): Uint8Array {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${data.length},), }`;
  const fixed = 10;
  const padding = ALIGNMENT - ((fixed + dictionary.length + 1) % ALIGNMENT);
  const header = dictionary + ' '.repeat(padding % ALIGNMENT) + '\n';
  const file = new Uint8Array(fixed + header.length + data.byteLength);
  for (let i = 0; i < MAGIC.length; i++) file[i] = MAGIC.charCodeAt(i);
  file[6] = 1;
  new DataView(file.buffer).setUint16(8, header.length, true);
  for (let i = 0; i < header.length; i++) file[fixed + i] = header.charCodeAt(i);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), fixed + header.length);
  return file;
}
