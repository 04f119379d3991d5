/**
 * `fewbits/jax`: trees of jax-js arrays as flat vectors, and back. A tree is a jax-js array, a list or a record of
 * trees.
 *
 * jax-js counts references: a function that is given an array owns it from then on, and `.ref` is another reference to
 * keep. `flatten` and `flattenOnGpu` own what they are given, as functions of jax-js do; `layoutOf` only looks.
 *
 * On the GPU, the buffers of a tree are copied end to end into one buffer, on the device that jax-js has, in one
 * submit: nothing is read back, and `compress` reads the vector where it lies. The way back is an upload, since jax-js
 * has no function that makes an array of a GPU buffer, and asks not to write to the buffers of its arrays.
 */
import { Array as JaxArray, getWebGPUDevice, numpy as np, type Device } from '@jax-js/jax';
import { federateTrees, type FederatedTree, type FederateOptions } from './federate-jax.ts';
import { openVector, type GpuVector } from './gpu.ts';
import { requireSameLayout, requireVector, type Leaf } from './layout.ts';
import { putTogether, takeApart, type Kind, type TreeLayout } from './tree.ts';

export type { FederatedTree, FederateOptions } from './federate-jax.ts';
export { forModel, type Averaged } from './for-model.ts';
export type { GpuVector } from './gpu.ts';
export { requireSameLayout, sliceOf, type Layout, type Leaf, type LeafType } from './layout.ts';
export type { Structure, TreeLayout } from './tree.ts';

const ARRAYS: Kind<JaxArray> = {
  is: (value): value is JaxArray => value instanceof JaxArray,
  called: 'an array of jax-js, a list or a record',
};

/** What `flatten` takes beside a tree. */
export interface FlattenOptions {
  /** What the tree has to be laid out like: that of the parameters, for gradients. */
  readonly layout?: TreeLayout;
  /** Receives the vector, and must have its length; a new array if left out. */
  readonly into?: Float32Array;
}

/**
 * Where each array of a tree lies in the flat vector. The tree stays the caller's, as it is.
 *
 * @throws TypeError where a leaf is no float32 or float16 array, RangeError where two leaves have one path
 * @example
 * const { leaves, length } = jax.layoutOf({ kernel: np.zeros([784, 10]), bias: np.zeros([10]) });
 */
export function layoutOf<Tree>(tree: Tree): TreeLayout<Tree> {
  return takeApart(tree, ARRAYS).layout;
}

/**
 * The arrays of a tree as one vector in memory, float16 widened. It owns the tree, and uses it up; where it throws for
 * what the tree is, the tree stays the caller's.
 *
 * @throws TypeError where a leaf is no float32 or float16 array, RangeError where the tree is not laid out as it should
 * be
 * @example
 * const vector = await jax.flatten({ kernel: np.zeros([784, 10]), bias: np.zeros([10]) });
 * const packet = await device.compress(topK({ ratio: 0.01 }), vector);
 */
export async function flatten(tree: unknown, options: FlattenOptions = {}): Promise<Float32Array> {
  const { leaves, layout } = checked(tree, options.layout);
  const { into = new Float32Array(layout.length) } = options;
  requireVector('into', into, layout);
  await Promise.all(
    layout.leaves.map(async ({ offset, length }, i) => {
      if (length === 0) leaves[i].dispose();
      else into.set((await widened(leaves[i]).data()) as Float32Array, offset);
    }),
  );
  return into;
}

/** What `unflatten` takes beside a vector and a layout. */
export interface UnflattenOptions {
  /** Where the arrays are put; jax-js's default device if left out. */
  readonly device?: Device;
}

/**
 * A tree of the layout's structure with arrays of their own, which the caller owns; float16 ones are rounded. The
 * vector is copied, and free to change afterwards.
 *
 * @throws TypeError or RangeError unless the vector is a Float32Array of the layout's length
 * @example
 * const layout = jax.layoutOf({ kernel: np.zeros([784, 10]), bias: np.zeros([10]) });
 * const { kernel, bias } = jax.unflatten(new Float32Array(layout.length), layout);
 */
export function unflatten<Tree>(
  vector: Float32Array,
  layout: TreeLayout<Tree>,
  { device }: UnflattenOptions = {},
): Tree {
  requireVector('vector', vector, layout);
  const array = ({ shape, dtype, offset, length }: Leaf): JaxArray => {
    if (length === 0)
      return np.zeros([...shape], { dtype: dtype === 'float16' ? np.float16 : np.float32, device });
    // a copy: the backends on the CPU may keep what they are given
    const wide = np.array(vector.slice(offset, offset + length), { shape: [...shape], device });
    return dtype === 'float16' ? wide.astype(np.float16) : wide;
  };
  return putTogether(layout.structure, layout.leaves.map(array)) as Tree;
}

/** What `flattenOnGpu` takes beside a tree. */
export interface FlattenOnGpuOptions {
  /** What the tree has to be laid out like. */
  readonly layout?: TreeLayout;
  /** Receives the vector: one that this function gave for a tree of the same layout. */
  readonly into?: GpuVector;
}

/**
 * The arrays of a tree as one vector on the GPU of jax-js's webgpu backend, float16 widened; `compress` of a device
 * that was opened with `{ backend: 'webgpu', gpu: getWebGPUDevice() }` takes it. Nothing passes through the CPU. It
 * owns the tree, and uses it up; the vector is the caller's, to `dispose()` of.
 *
 * @throws TypeError where a leaf is no float32 or float16 array, or lies elsewhere; RangeError where the tree is not
 * laid out as it should be. Then the tree stays the caller's.
 */
export async function flattenOnGpu(tree: unknown, options: FlattenOnGpuOptions = {}): Promise<GpuVector> {
  const { leaves, layout } = checked(tree, options.layout);
  for (const [i, { name }] of layout.leaves.entries())
    if (leaves[i].device !== 'webgpu')
      throw new TypeError(`"${name}" expected an array on webgpu, got one on ${leaves[i].device}`);
  const gpu = getWebGPUDevice();
  const { into = openVector(gpu, layout.length) } = options;
  if (into.length !== layout.length)
    throw new RangeError(`"into" expected ${layout.length} elements, got ${into.length}`);
  const wide = leaves.map(widened);
  // gpuBuffer uses a reference up, and a buffer without references may be given to another array: one is kept until
  // the copies are submitted
  const buffers = await Promise.all(wide.map((array) => array.ref.gpuBuffer()));
  const encoder = gpu.createCommandEncoder({ label: 'fewbits flatten' });
  for (const [i, { offset, length }] of layout.leaves.entries())
    if (length > 0) encoder.copyBufferToBuffer(buffers[i], 0, into.buffer, offset * 4, length * 4);
  gpu.queue.submit([encoder.finish()]);
  for (const array of wide) array.dispose();
  return into;
}

/**
 * Makes a tree of parameters a member of federated rounds: train copies of the tree that `start` and `apply` give, by
 * optax or as you like, and give them to `update`, which owns them.
 *
 * @param options those of `federated.client`; `layout` is that of the tree
 * @returns a state machine: `start`, `update`, `apply`
 * @throws TypeError or RangeError where an option is none
 * @example
 * const layout = jax.layoutOf({ kernel: np.zeros([784, 10]), bias: np.zeros([10]) });
 * const member = jax.federate({ device, layout, id: 'alice' });
 * const model = await member.start(new Float32Array(layout.length));
 * const bytes = await member.update(model, { weight: 60 });
 */
export function federate<Tree>(options: FederateOptions<Tree>): FederatedTree<Tree> {
  return federateTrees(options, (layout) => ({
    flatten: (tree) => flatten(tree, { layout }),
    unflatten: (vector) => unflatten(vector, layout),
  }));
}

/** The arrays of a tree, and where they lie. */
function checked(
  tree: unknown,
  wanted: TreeLayout | undefined,
): { readonly leaves: readonly JaxArray[]; readonly layout: TreeLayout } {
  const apart = takeApart(tree, ARRAYS);
  if (wanted !== undefined) requireSameLayout(wanted, apart.layout);
  return apart;
}

/** As float32, for the array that was given. */
function widened(array: JaxArray): JaxArray {
  return array.dtype === np.float32 ? array : array.astype(np.float32);
}
