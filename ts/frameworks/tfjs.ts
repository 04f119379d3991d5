/**
 * `fewbits/tfjs`: tensors of TensorFlow.js as flat vectors and back, and its optimizers through systems of training.
 */
export { federate, type FederatedOptimizer, type FederateOptions } from './federate-tfjs.ts';
export { forModel, type Averaged } from './for-model.ts';
export type { GpuVector } from './gpu.ts';
export { requireSameLayout, sliceOf, type Layout, type Leaf, type LeafType } from './layout.ts';
export {
  distribute,
  distributeOnGpu,
  type DistributedOptimizer,
  type DistributeOptions,
} from './optimizer.ts';
export { optimizerStep } from './optimizer-step.ts';
export {
  assign,
  flatten,
  flattenOnGpu,
  layoutOf,
  openGpuVector,
  unflatten,
  unflattenOnGpu,
  webgpuDevice,
  type FlattenOptions,
  type LayoutOptions,
  type Tensors,
} from './tensors.ts';
export type { Structure, TreeLayout } from './tree.ts';
