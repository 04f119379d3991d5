/** A member of federated rounds (fewbits/federated) whose model is a tree of jax-js. */
import { requireOptions } from '../arguments.ts';
import {
  client,
  type Applied,
  type Client,
  type ClientOptions,
  type StartOptions,
} from '../federated/index.ts';
import type { Bytes } from '../platform.ts';
import type { TreeLayout } from './tree.ts';

/** What `federate` takes. */
export interface FederateOptions<Tree = unknown> extends Omit<ClientOptions, 'layout'> {
  /** Of the tree of parameters: `layoutOf(parameters)`. */
  readonly layout: TreeLayout<Tree>;
}

/** A member of federated rounds whose models are trees: `Client`. Trees that it gives are the caller's. */
export interface FederatedTree<Tree = unknown> extends Pick<
  Client,
  'id' | 'hello' | 'at' | 'save' | 'load' | 'free'
> {
  /** As `Client.start`. @returns the model that the round starts from, a tree */
  start(model: Float32Array | Uint8Array, options?: StartOptions): Promise<Tree>;
  /** As `Client.update`. It owns the tree that was trained, and uses it up. */
  update(local: Tree, options?: { readonly weight?: number }): Promise<Bytes>;
  /** As `Client.apply`. @returns the model of the next round, a tree, in `model` */
  apply(answer: Uint8Array): Promise<Omit<Applied, 'model'> & { readonly model: Tree }>;
  /** The model that the round starts from, a tree of its own each time. @throws Error before `start` */
  model(): Tree;
}

/** How trees become vectors, and vectors trees. */
export interface Trees<Tree> {
  readonly flatten: (tree: Tree) => Promise<Float32Array>;
  readonly unflatten: (vector: Float32Array) => Tree;
}

/** The member; `trees` is what jax.ts has for it. */
export function federateTrees<Tree>(
  options: FederateOptions<Tree>,
  trees: (layout: TreeLayout<Tree>) => Trees<Tree>,
): FederatedTree<Tree> {
  if (options === undefined) throw new TypeError('federate expected an object of options, got undefined');
  requireOptions('federate', options, [
    ...['device', 'layout', 'up', 'down'],
    ...['id', 'decay', 'clip', 'noise'],
  ]);
  const member = client(options);
  const { flatten, unflatten } = trees(options.layout);
  const model = (): Tree => {
    if (member.model === undefined) throw new Error('model was called before start');
    return unflatten(member.model);
  };
  return {
    id: member.id,
    get at() {
      return member.at;
    },
    hello: () => member.hello(),
    async start(given, startOptions) {
      await member.start(given, startOptions);
      return model();
    },
    async update(local, updateOptions) {
      return member.update(await flatten(local), updateOptions);
    },
    async apply(answer) {
      return { ...(await member.apply(answer)), model: model() };
    },
    model,
    save: () => member.save(),
    load: (state) => member.load(state),
    free: () => member.free(),
  };
}
