/** What tests of a device's vectors share: words of all kinds, and vectors that hold them. */
import type { Device } from '../../ts/device.ts';
import type { DeviceVector, VectorLike } from '../../ts/kernels/device-vector.ts';
import { floatsOf } from '../../ts/kernels/scope.ts';
import { LARGE, randomWords } from '../support/inputs.ts';

/** More than a tile of wasm; less in the emulator. */
export const LONG: number = Math.min(2 ** 14 + 70, LARGE);

/** All bits that a word can have: NaN with a payload, subnormals, -0. */
export function anyWords(n: number, seed: number): Float32Array {
  return floatsOf(randomWords(n, seed));
}

/** A new vector with the elements of another. */
export async function vectorOf(device: Device, x: VectorLike & { length: number }): Promise<DeviceVector> {
  const vector = device.vector(x.length);
  await vector.write(x);
  return vector;
}
