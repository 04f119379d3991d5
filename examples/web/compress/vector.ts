/** A file as a vector: what it is, and what it holds. */
import { readNpy } from '../../../ts/files/npy.ts';
import { placesOf, readSafetensors, type Layout, type TensorPlace } from '../../../ts/files/safetensors.ts';
import { normal } from '../../../ts/cli/bench.ts';

/** Values, and where they are from. */
export interface Loaded {
  readonly name: string;
  readonly data: Float32Array;
  /** What it was, for people: `float32, 100 × 20`. */
  readonly kind: string;
  /** Of a .safetensors file: its floating-point tensors, and all that its map needs. */
  readonly tensors?: readonly TensorPlace[];
  readonly layout?: Layout;
}

export type ExampleName = 'gradient' | 'normal' | 'heavy';

/** Elements of the examples that are drawn. */
const DRAWN = 100_000;

/** More would not fit into a page's memory with all that is made of it. */
const MOST_BYTES = 2 ** 30;

/** Reads a file by what it starts with, else by its name. @throws Error with one sentence */
export async function loadFile(file: File): Promise<Loaded> {
  const { name, size } = file;
  if (size === 0) throw new Error(`${name} is empty`);
  if (size > MOST_BYTES)
    throw new Error(`${name} has ${size} bytes; this page takes files of up to ${MOST_BYTES}`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    return await loadBytes(name, bytes);
  } catch (cause) {
    throw new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

async function loadBytes(name: string, bytes: Uint8Array): Promise<Loaded> {
  // \x93N
  if ((bytes[0] === 0x93 && bytes[1] === 0x4e) || name.endsWith('.npy')) {
    const { shape, data, converted } = await readNpy(bytes);
    return { name, data, kind: `${converted ?? 'float32'}, ${shapeOf(shape)}` };
  }
  if (!name.endsWith('.safetensors')) throw new Error('neither a .npy nor a .safetensors file');
  const { data, ...layout } = await readSafetensors(bytes);
  const tensors = placesOf(layout);
  const types = [...new Set(tensors.map(({ dtype }) => dtype))].join(', ');
  return { name, data, tensors, layout, kind: `${tensors.length} tensors of ${types}` };
}

/** Sizes as people write them. */
export function shapeOf(shape: readonly number[]): string {
  return shape.length === 0 ? 'one number' : shape.join(' × ');
}

/** One of the page's own vectors; `base` is where the page is. */
export async function loadExample(example: ExampleName, base: string): Promise<Loaded> {
  if (example === 'normal')
    return { name: 'normal.npy', data: normal(DRAWN), kind: 'normal numbers, deviation 1/256' };
  if (example === 'heavy')
    return { name: 'heavy.npy', data: heavyTailed(DRAWN), kind: 'normal numbers times log-normal ones' };
  const response = await fetch(new URL('gradient.npy', base));
  if (!response.ok) throw new Error(`the gradient did not come: ${response.status} ${response.statusText}`);
  const { data } = await readNpy(new Uint8Array(await response.arrayBuffer()));
  return { name: 'gradient.npy', data, kind: 'MNIST network, batch of 64, after 100 steps of SGD' };
}

/** Few of these numbers hold most of the norm, as in the gradients of large networks. */
function heavyTailed(n: number): Float32Array {
  const drawn = normal(2 * n);
  return Float32Array.from({ length: n }, (_, i) => drawn[2 * i] * Math.exp(1.5 * 256 * drawn[2 * i + 1]));
}

/** How many of the values are NaN or infinite, and where the first is. */
export function nonFinite(data: Float32Array): { count: number; first: number } {
  let [count, first] = [0, -1];
  for (let i = 0; i < data.length; i++)
    if (!Number.isFinite(data[i])) {
      if (count === 0) first = i;
      count++;
    }
  return { count, first };
}
