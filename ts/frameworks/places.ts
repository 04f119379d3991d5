/** Where a worker's vectors are, and how TensorFlow.js's tensors become vectors there and vectors tensors. */
import type { Tensor } from '@tensorflow/tfjs-core';
import { requireFinite } from '../algorithms/steps.ts';
import { requireVector, type Vector } from '../algorithms/vectors.ts';
import type { GpuRange } from '../backends/backend.ts';
import type { Device } from '../device.ts';
import { nonFiniteError } from '../kernels/reduce.ts';
import { openVector } from './gpu.ts';
import type { Layout } from './layout.ts';
import {
  flattenLeaves,
  flattenLeavesOnGpu,
  unflattenLeaves,
  unflattenLeavesOnGpu,
  webgpuDevice,
} from './tensors.ts';

/** Memory, or the GPU that TensorFlow.js computes on. */
export interface Place<Where extends Vector> {
  /** Tensors in the order of the layout as one vector, which is good until the next call. */
  gather(tensors: readonly Tensor[]): Promise<Where>;
  /** A vector as tensors of their own, in the order of the layout. */
  spread(vector: Where): Tensor[];
  /**
   * @throws TypeError or RangeError unless the vector has the layout's length, NonFiniteError where it holds NaN or infinity
   */
  requireSound(vector: Where): Promise<void>;
  /** Gives memory of the GPU back. */
  dispose(): void;
}

/** In memory. */
export function openMemory(device: Pick<Device, 'allocate'>, layout: Layout): Place<Float32Array> {
  const own = device.allocate(layout.length);
  return {
    gather: (tensors) => flattenLeaves(tensors, layout, own),
    spread: (vector) => unflattenLeaves(vector, layout),
    async requireSound(vector) {
      requireVector('gradient', vector, layout.length);
      requireFinite(vector);
    },
    dispose: () => {},
  };
}

/** On the GPU of TensorFlow.js's webgpu backend. @throws TypeError where that is not the device's */
export function openGpuPlace(device: Device, layout: Layout): Place<GpuRange> {
  const gpu = webgpuDevice();
  if (device.gpu !== gpu)
    throw new TypeError(
      `"device" expected one of openDevice({ backend: 'webgpu', gpu: webgpuDevice() }), got one on ${device.gpu === undefined ? device.backend : 'another GPU'}`,
    );
  const own = openVector(gpu, layout.length);
  return {
    async gather(tensors) {
      const vector = flattenLeavesOnGpu(tensors, layout);
      const encoder = gpu.createCommandEncoder({ label: 'fewbits gather' });
      encoder.copyBufferToBuffer(vector.buffer, 0, own.buffer, 0, layout.length * 4);
      gpu.queue.submit([encoder.finish()]);
      vector.dispose();
      return own;
    },
    spread: (vector) => unflattenLeavesOnGpu(vector, layout),
    async requireSound(vector) {
      requireVector('gradient', vector, layout.length);
      if (layout.length > 0)
        await device.use(async (scope) => {
          const error = await nonFiniteError(scope, scope.borrowed(vector));
          if (error.count > 0) throw error;
        });
    },
    dispose: () => own.dispose(),
  };
}
