/** Where a worker's vectors are, and how TensorFlow.js's tensors become vectors there and vectors tensors. */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Vector } from '../algorithms/vectors.ts';
import type { GpuRange } from '../backends/backend.ts';
import type { Device } from '../device.ts';
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
  /** Gives memory of the GPU back. */
  dispose(): void;
}

/** In memory. */
export function openMemory(layout: Layout): Place<Float32Array> {
  const own = new Float32Array(layout.length);
  return {
    gather: (tensors) => flattenLeaves(tensors, layout, own),
    spread: (vector) => unflattenLeaves(vector, layout),
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
    dispose: () => own.dispose(),
  };
}
