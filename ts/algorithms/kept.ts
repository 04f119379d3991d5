/**
 * What a machine keeps from step to step and has not sent: an error, or a residual. It lies on the device, in two
 * vectors that take turns, so that a step writes to the one that does not count.
 */
import { accumulateKernel, clearKernel, scaleOf } from '../kernels/accumulate.ts';
import type { Compressor } from '../compressors/compressor.ts';
import type { CompressOptions, Device } from '../device.ts';
import { type DeviceVector, isArray, lengthOf } from '../kernels/device-vector.ts';
import type { Bytes } from '../platform.ts';
import { touchOf } from '../schedule.ts';
import type { Vector } from './vectors.ts';

/** A vector, and what of it has been sent: that is taken off before anything reads it. */
export interface Kept {
  readonly vector: DeviceVector;
  /** A packet, or all of it; nothing where it is left out. */
  sent?: Uint8Array | 'all';
}

/** Two vectors of n zeros that take turns. */
export interface Pair {
  readonly first: Kept;
  /** The one that this is not. */
  other(kept: Kept): DeviceVector;
  /** Gives both back. */
  free(): void;
}

export function openPair(device: Device, n: number): Pair {
  const vectors = [device.vector(n), device.vector(n)] as const;
  return {
    first: { vector: vectors[0] },
    other: ({ vector }) => (vector === vectors[0] ? vectors[1] : vectors[0]),
    free: () => vectors.forEach((vector) => vector.free()),
  };
}

/** Takes off what has been sent. */
export async function settle(device: Device, kept: Kept): Promise<void> {
  const { vector, sent } = kept;
  if (sent === 'all') await clear(device, vector);
  else if (sent !== undefined) await device.decompress(sent, { into: vector, accumulate: -1 });
  // not before: where it fails, it is still to be done
  delete kept.sent;
}

/** target = source, of as many elements, wherever they are: on the device, if one of them is there. */
export async function copy(device: Device, source: Vector, target: Vector): Promise<void> {
  if (lengthOf(target) === 0) return;
  await device.use(
    function* (scope) {
      yield scope.give(scope.copy(scope.vector(source)).buffer, target);
    },
    [touchOf(source, 'reads', false), touchOf(target, 'writes', !ArrayBuffer.isView(target))],
  );
}

/** kept *= factor, as float32. */
export async function scale(device: Device, kept: Kept, factor: number): Promise<void> {
  await settle(device, kept);
  const { vector } = kept;
  const n = vector.length;
  if (n === 0) return;
  await device.use(
    function* (scope) {
      const before = scope.copy(scope.vector(vector));
      const target = scope.written(vector);
      scope.run(clearKernel, { y: target.buffer }, { n });
      scope.run(accumulateKernel, { x: before.buffer, y: target.buffer }, { n, scale: scaleOf(factor) });
      yield target.done();
    },
    [touchOf(vector, 'writes', true)],
  );
}

/** Sets a vector, wherever it is, to zeros. */
export async function clear(device: Device, vector: Vector): Promise<void> {
  const n = lengthOf(vector);
  if (n === 0) return;
  if (isArray(vector)) {
    vector.fill(0);
    return;
  }
  await device.use(
    function* (scope) {
      const target = scope.written(vector);
      scope.run(clearKernel, { y: target.buffer }, { n });
      yield target.done();
    },
    [touchOf(vector, 'writes', true)],
  );
}

/**
 * Error feedback: the packet of p = vector + error, and p in `sum`. The error is as it was but for what is settled.
 * @throws NonFiniteError where the vector, p, or what the packet loses of it, is not finite
 */
export async function squeeze(
  device: Device,
  compressor: Compressor,
  vector: Vector,
  error: Kept,
  sum: DeviceVector,
  draw: CompressOptions,
): Promise<Bytes> {
  return inTurn(
    settle(device, error),
    device.compress(compressor, vector, { ...draw, error: error.vector, sum }),
  );
}

/**
 * What the second of two calls gives, which waits for the first on the device, by the memory that both touch, and not
 * here: a GPU does both in one submit.
 * @throws what the first throws, or else the second
 */
export async function inTurn<T>(first: Promise<unknown>, second: Promise<T>): Promise<T> {
  const [before, after] = await Promise.allSettled([first, second]);
  if (before.status === 'rejected') throw before.reason;
  if (after.status === 'rejected') throw after.reason;
  return after.value;
}
