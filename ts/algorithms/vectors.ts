/** Where the vectors of a step are: in memory, on the device's GPU, or on the device. */
import { isGpuRange } from '../arguments.ts';
import type { Device } from '../device.ts';
import { NonFiniteError, OverflowError } from '../errors.ts';
import { lengthOf, requireLength, type VectorLike } from '../kernels/device-vector.ts';
import { wordsOf } from '../kernels/scope.ts';
import { touchOf } from '../schedule.ts';

/** n float32: an array, a range of a buffer on the device's GPU, or a vector of the device. */
export type Vector = VectorLike;

/**
 * Where a worker's directions go: to `into`, or to an array of the worker's own.
 * @throws TypeError or RangeError unless `into` has n elements; TypeError where it is on a GPU and the device is not
 */
export function openDirection<Where extends Vector>(
  device: Device,
  n: number,
  into: Where | undefined,
): Where {
  // where it is left out, Where is Float32Array
  if (into === undefined) return new Float32Array(n) as Vector as Where;
  requireLength('into', into, n);
  if (isGpuRange(into) && device.gpu === undefined)
    throw new TypeError(`"device" expected one with a GPU, got one on ${device.backend}`);
  return into;
}

/** @throws NonFiniteError where an array, `what`, holds NaN or infinity */
export function requireFinite(vector: Float32Array, what?: string): void {
  const { count, first } = nonFiniteIn(vector);
  if (count > 0) throw new NonFiniteError(count, first, what);
}

/** How many elements of an array are NaN or infinite, and the index of the first; 0 if none is. */
export function nonFiniteIn(vector: Float32Array): { count: number; first: number } {
  let count = 0;
  let first = 0;
  for (let i = 0; i < vector.length; i++) if (!Number.isFinite(vector[i]) && count++ === 0) first = i;
  return { count, first };
}

/** @throws NonFiniteError where a vector, wherever it is, holds NaN or infinity */
export async function requireFiniteVector(device: Device, vector: Vector): Promise<void> {
  const { count, first } = await device.kernels.nonFinite(vector);
  if (count > 0) throw new NonFiniteError(count, first);
}

/** @throws OverflowError where something was found not to be finite in a sum of finite values, `what` */
export function requireInRange({ count, first }: { count: number; first: number }, what: string): void {
  if (count > 0) throw new OverflowError(what, count, first);
}

/** The vector in memory: itself, or read back. @throws TypeError where it is another device's */
export async function inMemory(device: Device, vector: Vector): Promise<Float32Array> {
  if (ArrayBuffer.isView(vector)) return vector;
  const count = lengthOf(vector);
  const copy = new Float32Array(count);
  if (count === 0) return copy;
  await device.use(
    function* (scope) {
      yield scope.read({ buffer: scope.vector(vector).buffer, count, into: wordsOf(copy) });
    },
    [touchOf(vector, 'reads', true)],
  );
  return copy;
}
