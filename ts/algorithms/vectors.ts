/**
 * Where the vectors of a step are, in memory or in a buffer on the device's GPU, and their way from one to the other.
 */
import { isGpuRange, requireFloat32Array, requireInteger } from '../arguments.ts';
import type { GpuRange } from '../backends/backend.ts';
import type { Device } from '../device.ts';
import { NonFiniteError, OverflowError } from '../errors.ts';
import { nonFiniteError } from '../kernels/reduce.ts';
import { wordsOf } from '../kernels/scope.ts';
import { touchOf } from '../schedule.ts';

/** n float32, in memory or on the GPU. */
export type Vector = Float32Array | GpuRange;

/** @throws TypeError or RangeError unless it is a vector of n elements */
export function requireVector(name: string, vector: Vector, n: number): void {
  const length = isGpuRange(vector) ? elementsOf(vector) : requireFloat32Array(name, vector).length;
  requireInteger(`${name}.length`, length, n, n);
}

function elementsOf({ buffer, offset = 0, length = (buffer.size - offset) / 4 }: GpuRange): number {
  return length;
}

/** @throws NonFiniteError where a vector, `what`, holds NaN or infinity */
export function requireFinite(vector: Float32Array, what?: string): void {
  const { count, first } = nonFiniteIn(vector);
  if (count > 0) throw new NonFiniteError(count, first, what);
}

/** How many elements are NaN or infinite, and the index of the first; 0 if none is. */
export function nonFiniteIn(vector: Float32Array): { count: number; first: number } {
  let count = 0;
  let first = 0;
  for (let i = 0; i < vector.length; i++) if (!Number.isFinite(vector[i]) && count++ === 0) first = i;
  return { count, first };
}

/** @throws OverflowError where a sum of finite values, `what`, is not finite; one on the GPU is searched there */
export async function requireInRange(device: Device, sum: Vector, n: number, what: string): Promise<void> {
  try {
    await requireFiniteVector(device, sum, n);
  } catch (error) {
    if (error instanceof NonFiniteError) throw new OverflowError(what, error.count, error.first);
    throw error;
  }
}

/** As requireFinite, of a vector of n elements wherever it is; on the GPU it is searched there. */
export async function requireFiniteVector(device: Device, vector: Vector, n: number): Promise<void> {
  if (!isGpuRange(vector)) return requireFinite(vector);
  if (n === 0) return;
  const touches = [touchOf(vector, 'reads', true)];
  const error = await device.use((scope) => nonFiniteError(scope, scope.borrowed(vector)), touches);
  if (error.count > 0) throw error;
}

/**
 * target = source, of n elements, wherever they are. What stays on the GPU is copied there.
 * @throws TypeError where the device has no GPU, or a buffer's usage does not allow it
 */
export async function copyInto(device: Device, source: Vector, target: Vector): Promise<void> {
  const touches = [touchOf(source, 'reads', true), touchOf(target, 'writes', isGpuRange(target))];
  if (isGpuRange(target))
    return device.use(async (scope) => {
      scope.store(isGpuRange(source) ? scope.borrow(source) : scope.vector(source).buffer, target);
      await scope.read();
    }, touches);
  if (!isGpuRange(source)) target.set(source);
  else if (target.length > 0)
    await device.use((scope) => scope.read({ buffer: scope.borrow(source), into: wordsOf(target) }), touches);
}

/** The vector in memory: itself, or read back. */
export async function inMemory(device: Device, vector: Vector, n: number): Promise<Float32Array> {
  if (!isGpuRange(vector)) return vector;
  const target = new Float32Array(n);
  await copyInto(device, vector, target);
  return target;
}
