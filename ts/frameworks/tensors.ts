/**
 * Trees of TensorFlow.js tensors as flat vectors, and back. A tree is a tensor or a variable, a list or a record of
 * trees. Tensors that are given stay the caller's; those that are returned are the caller's to dispose of; no others
 * are left.
 *
 * On the GPU, where the backend is TensorFlow.js's webgpu: `tf.concat` lays the tensors end to end there, `dataToGPU`
 * gives the buffer, and `compress` reads it where it lies. On the way back `decompress` writes into a buffer of the
 * same device, and `tf.tensor({ buffer })` takes a copy of it on the GPU. Nothing is read back to the CPU.
 */
import {
  backend,
  concat,
  dispose,
  getBackend,
  reshape,
  slice,
  Tensor,
  tensor,
  tidy,
  Variable,
} from '@tensorflow/tfjs-core';
import { requireOptions, shown } from '../arguments.ts';
import type { GpuRange } from '../backends/backend.ts';
import type { GpuDevice } from '../platform.ts';
import { openVector, type GpuVector } from './gpu.ts';
import { requireSameLayout, requireVector, type Layout } from './layout.ts';
import { putTogether, takeApart, type Kind, type TreeLayout } from './tree.ts';

/** A tree of this structure with tensors where there were tensors or variables. */
export type Tensors<Tree> = Tree extends Tensor ? Tensor : { [Key in keyof Tree]: Tensors<Tree[Key]> };

const TENSORS: Kind<Tensor> = {
  is: (value): value is Tensor => value instanceof Tensor,
  called: 'a tensor, a list or a record',
};

/** Which tensors of a tree. */
export interface LayoutOptions {
  /**
   * true leaves out variables with `trainable: false`, as `distribute` does. In a tree that is built from the layout
   * they are no keys of records, and null in lists. false, all of them, if left out.
   */
  readonly trainable?: boolean;
}

/** What `flatten` takes beside a tree. */
export interface FlattenOptions extends LayoutOptions {
  /** What the tree has to be laid out like: that of the variables, for gradients. */
  readonly layout?: TreeLayout;
  /** Receives the vector, and must have its length; a new array if left out. */
  readonly into?: Float32Array;
}

/**
 * Where each tensor of a tree lies in the flat vector. A list of variables is named by its places, `0`, `1`, and so on:
 * names that TensorFlow.js makes up differ from one replica to the next; a record gives names that stay.
 *
 * @throws TypeError where a leaf is no float32 tensor, RangeError where two leaves have one path
 * @example
 * const { leaves, length } = tfjs.layoutOf({ kernel: tf.zeros([784, 10]), bias: tf.zeros([10]) });
 */
export function layoutOf<Tree>(tree: Tree, options: LayoutOptions = {}): TreeLayout<Tree> {
  requireOptions('layoutOf', options, ['trainable']);
  return takeApart(tree, TENSORS, partOf(options)).layout;
}

/**
 * The tensors of a tree as one vector in memory. Where they are on a GPU, they are laid end to end there and read back
 * once.
 *
 * @throws TypeError where a leaf is no float32 tensor, RangeError where the tree is not laid out as it should be
 * @example
 * const vector = await tfjs.flatten({ kernel: tf.zeros([784, 10]), bias: tf.zeros([10]) });
 * const packet = await device.compress(topK({ ratio: 0.01 }), vector);
 */
export async function flatten(tree: unknown, options: FlattenOptions = {}): Promise<Float32Array> {
  requireOptions('flatten', options, ['layout', 'into', 'trainable']);
  const { leaves, layout } = checked(tree, options.layout, options);
  return flattenLeaves(leaves, layout, options.into);
}

/** As `flatten`, of tensors in the order of the layout. */
export async function flattenLeaves(
  leaves: readonly Tensor[],
  layout: Layout,
  into: Float32Array = new Float32Array(layout.length),
): Promise<Float32Array> {
  requireVector('into', into, layout);
  if (layout.length === 0) return into;
  const flat = endToEnd(leaves);
  try {
    into.set(await flat.data<'float32'>());
  } finally {
    flat.dispose();
  }
  return into;
}

/**
 * A tree of the layout's structure with tensors of its own, the caller's to dispose of. The vector is copied.
 *
 * @throws TypeError or RangeError unless the vector is a Float32Array of the layout's length
 * @example
 * const layout = tfjs.layoutOf({ kernel: tf.zeros([784, 10]), bias: tf.zeros([10]) });
 * const { kernel, bias } = tfjs.unflatten(new Float32Array(layout.length), layout);
 */
export function unflatten<Tree>(vector: Float32Array, layout: TreeLayout<Tree>): Tensors<Tree> {
  return putTogether(layout.structure, unflattenLeaves(vector, layout)) as Tensors<Tree>;
}

/** As `unflatten`, in the order of the layout. */
export function unflattenLeaves(vector: Float32Array, layout: Layout): Tensor[] {
  requireVector('vector', vector, layout);
  return layout.leaves.map(({ shape, offset, length }) =>
    // a copy: the backends on the CPU keep what they are given
    tensor(vector.slice(offset, offset + length), [...shape], 'float32'),
  );
}

/**
 * Sets variables to the numbers of a vector, which is copied.
 *
 * @throws TypeError where a leaf is no float32 variable, RangeError unless the vector has as many elements
 * @example
 * const variables = [tf.variable(tf.zeros([784, 10])), tf.variable(tf.zeros([10]))];
 * tfjs.assign(variables, new Float32Array(7850));
 */
export function assign(variables: unknown, vector: Float32Array, options: LayoutOptions = {}): void {
  requireOptions('assign', options, ['trainable']);
  const { leaves, layout } = requireVariables(variables, partOf(options));
  assignLeaves(leaves, layout, vector);
}

/** As `assign`, in the order of the layout. */
export function assignLeaves(variables: readonly Variable[], layout: Layout, vector: Float32Array): void {
  const values = unflattenLeaves(vector, layout);
  for (const [i, variable] of variables.entries()) variable.assign(values[i]);
  dispose(values);
}

/** @throws TypeError unless all leaves are variables, RangeError where one is there twice */
export function requireVariables<Tree>(
  tree: Tree,
  isPart?: (leaf: Tensor) => boolean,
): {
  readonly leaves: readonly Variable[];
  readonly layout: TreeLayout<Tree>;
} {
  const { leaves, layout } = takeApart(tree, TENSORS, isPart);
  for (const [i, { name }] of layout.leaves.entries()) {
    if (!(leaves[i] instanceof Variable))
      throw new TypeError(`"${name}" expected a variable, got ${shown(leaves[i])}`);
    const first = leaves.indexOf(leaves[i]);
    if (first < i)
      throw new RangeError(
        `"${name}" expected a variable of its own, got that of "${layout.leaves[first].name}"`,
      );
  }
  return { leaves: leaves as readonly Variable[], layout };
}

/**
 * The device of TensorFlow.js's webgpu backend, for `openDevice({ backend: 'webgpu', gpu: webgpuDevice() })`.
 * @throws TypeError where another backend is in use
 */
export function webgpuDevice(): GpuDevice {
  const { device } = backend() as { readonly device?: GpuDevice };
  if (getBackend() !== 'webgpu' || device === undefined)
    throw new TypeError(`"backend" expected webgpu, got ${getBackend() || 'none'}`);
  return device;
}

/**
 * The tensors of a tree as one vector on the GPU of TensorFlow.js's webgpu backend; `compress` of a device that was
 * opened with `{ backend: 'webgpu', gpu: webgpuDevice() }` takes it. Nothing is read back. The vector is the caller's,
 * to `dispose()` of; its memory is a tensor's, and counts in `tf.memory()`.
 *
 * @throws TypeError where a leaf is no float32 tensor, or another backend is in use; RangeError where the tree is not
 * laid out as it should be
 */
export function flattenOnGpu(
  tree: unknown,
  { layout: wanted }: { readonly layout?: TreeLayout } = {},
): GpuVector {
  webgpuDevice();
  const { leaves, layout } = checked(tree, wanted);
  return flattenLeavesOnGpu(leaves, layout);
}

/** As `flattenOnGpu`, of tensors in the order of the layout. */
export function flattenLeavesOnGpu(leaves: readonly Tensor[], layout: Layout): GpuVector {
  const gpu = webgpuDevice();
  if (layout.length === 0) return openVector(gpu, 0);
  const flat = endToEnd(leaves);
  try {
    return onGpu(flat) ?? uploaded(gpu, flat);
  } finally {
    flat.dispose();
  }
}

/** A tensor's memory on the GPU, copied there; undefined where its numbers are in the CPU's memory alone. */
function onGpu(flat: Tensor): GpuVector | undefined {
  try {
    const { buffer, tensorRef } = flat.dataToGPU();
    if (buffer === undefined) throw new TypeError('"backend" expected one with GPU buffers, got none');
    return { buffer, offset: 0, length: flat.size, dispose: () => tensorRef.dispose() };
  } catch (error) {
    if (error instanceof Error && error.message.includes('not on GPU')) return undefined;
    throw error;
  }
}

/**
 * What TensorFlow.js has not brought to the GPU yet: it leaves small tensors in the CPU's memory, and computes there.
 */
function uploaded(gpu: GpuDevice, flat: Tensor): GpuVector {
  const vector = openVector(gpu, flat.size);
  gpu.queue.writeBuffer(vector.buffer, 0, flat.dataSync<'float32'>() as Float32Array<ArrayBuffer>);
  return vector;
}

/**
 * A vector for `decompress` to write to on the GPU of TensorFlow.js's webgpu backend; it is no tensor.
 * @throws TypeError where another backend is in use, RangeError where the GPU has no buffers of that size
 */
export function openGpuVector(length: number): GpuVector {
  return openVector(webgpuDevice(), length);
}

/**
 * A tree of the layout's structure with tensors of its own, from a vector on the GPU that `decompress` has written. The
 * vector is copied there, and stays the caller's; the tensors are the caller's to dispose of.
 *
 * @throws TypeError where another backend is in use, RangeError unless the vector starts its buffer and has the
 * layout's length
 */
export function unflattenOnGpu<Tree>(vector: GpuRange, layout: TreeLayout<Tree>): Tensors<Tree> {
  webgpuDevice();
  if ((vector.offset ?? 0) !== 0) throw new RangeError(`"offset" expected 0, got ${vector.offset}`);
  const given = vector.length ?? vector.buffer.size / 4;
  if (given !== layout.length) throw new RangeError(`"length" expected ${layout.length}, got ${given}`);
  return putTogether(layout.structure, unflattenLeavesOnGpu(vector, layout)) as Tensors<Tree>;
}

/** As `unflattenOnGpu`, in the order of the layout. */
export function unflattenLeavesOnGpu({ buffer }: GpuRange, layout: Layout): Tensor[] {
  return tidy(() => {
    const flat =
      layout.length === 0 ? tensor([], [0], 'float32') : tensor({ buffer }, [layout.length], 'float32');
    return layout.leaves.map(({ shape, offset, length }) => reshape(slice(flat, offset, length), [...shape]));
  });
}

/** Whether a tensor takes part in training: all do but variables that were made not to. */
export const isTrainable = (leaf: Tensor): boolean => !(leaf instanceof Variable) || leaf.trainable;

const partOf = ({ trainable = false }: LayoutOptions): ((leaf: Tensor) => boolean) | undefined =>
  trainable ? isTrainable : undefined;

/** The tensors of a tree, and where they lie. */
function checked(
  tree: unknown,
  wanted: Layout | undefined,
  options: LayoutOptions = {},
): { readonly leaves: readonly Tensor[]; readonly layout: TreeLayout } {
  const apart = takeApart(tree, TENSORS, partOf(options));
  if (wanted !== undefined) requireSameLayout(wanted, apart.layout);
  return apart;
}

/** Tensors end to end, in one of one dimension; at least one has elements. */
function endToEnd(leaves: readonly Tensor[]): Tensor {
  return tidy(() => concat(leaves.filter(({ size }) => size > 0).map((leaf) => reshape(leaf, [leaf.size]))));
}

/** The variables that are trained. @throws RangeError where there are none */
export function requireTrainable<Tree>(tree: Tree): ReturnType<typeof requireVariables<Tree>> {
  // all of them, so that one which is there twice is found whatever it is
  requireVariables(tree);
  const trainable = requireVariables(tree, isTrainable);
  if (trainable.leaves.length === 0)
    throw new RangeError('"variables" expected one that is trainable at least, got none');
  return trainable;
}
