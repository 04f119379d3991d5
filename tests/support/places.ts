/** A vector in every kind of memory that a device takes, between guards where it is a part of more. */
import * as assert from 'uvu/assert';
import type { Device } from '../../ts/device.ts';
import type { VectorLike } from '../../ts/kernels/device-vector.ts';
import { contents, COPY_SOURCE, onGpu, STORAGE } from './gpu.ts';

/** Memory of some kind that holds a vector, and how to see what it holds. */
export interface Place {
  readonly name: string;
  readonly vector: VectorLike;
  /** @throws where a guard was written */
  readonly read: () => Promise<Float32Array>;
  readonly end: () => void;
}

/** The value of guards. */
const GUARD = 7;

/** The `n` elements from `first` on. @throws where what is around them is not guards alone */
function between(all: Float32Array, first: number, n: number): Float32Array {
  const guards = [...all.subarray(0, first), ...all.subarray(first + n)];
  assert.ok(
    guards.every((guard) => guard === GUARD),
    'what lies beside it was written',
  );
  return all.slice(first, first + n);
}

/** `x`, which stays as it is, in an array, a vector of the device, slices of some, and ranges of buffers on its GPU. */
export async function placesOf(device: Device, x: Float32Array): Promise<Place[]> {
  const n = x.length;
  const array = new Float32Array(n + 4).fill(GUARD);
  array.set(x, 1);
  const places: Place[] = [
    {
      name: 'an array',
      vector: array.subarray(1, n + 1),
      read: () => Promise.resolve(between(array, 1, n)),
      end: () => undefined,
    },
  ];
  for (const [name, first, behind] of [
    ['a vector', 0, 0],
    ['a slice that a GPU binds', 64, 3],
    ['a slice', 7, 1],
  ] as const) {
    const all = device.vector(first + n + behind);
    await all.write(new Float32Array(all.length).fill(GUARD));
    const part = all.slice(first, first + n);
    await part.write(x);
    const vector = all.length === n ? all : part;
    places.push({
      name,
      vector,
      read: async () => between(await all.read(), first, n),
      end: () => all.free(),
    });
  }
  const { gpu } = device;
  for (const offset of gpu === undefined ? [] : [0, 256, 52]) {
    const buffer = onGpu(gpu!, x, offset, STORAGE | COPY_SOURCE);
    places.push({
      name: `a range of a GPU buffer at ${offset}`,
      vector: { buffer, offset, length: n },
      read: async () => between(await contents(gpu!, buffer), offset / 4, n),
      end: () => buffer.destroy(),
    });
  }
  return places;
}
