/** Flat vectors in GPU memory, as `compress` reads and `decompress` writes them. */
import { requireInteger } from '../arguments.ts';
import type { GpuRange } from '../backends/backend.ts';
import { USAGE } from '../backends/webgpu/flags.ts';
import type { GpuDevice } from '../platform.ts';

/** A flat vector in a GPU buffer: `compress` takes it for its vector, `decompress` for `into`. */
export interface GpuVector extends GpuRange {
  readonly offset: 0;
  readonly length: number;
  /** Gives the memory back; work that was submitted before still sees it. Calling it twice is no error. */
  dispose(): void;
}

/**
 * A vector of `length` zeros in a buffer of its own on `gpu`.
 * @throws RangeError where the GPU has no buffers of that size
 */
export function openVector(gpu: GpuDevice, length: number): GpuVector {
  requireInteger('length', length, 0, Math.floor(gpu.limits.maxBufferSize / 4));
  const buffer = gpu.createBuffer({
    label: 'fewbits vector',
    size: Math.max(4, length * 4),
    usage: USAGE.storage | USAGE.copySource | USAGE.copyTarget,
  });
  return { buffer, offset: 0, length, dispose: () => buffer.destroy() };
}
