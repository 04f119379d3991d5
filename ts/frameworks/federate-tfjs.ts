/**
 * A member of federated rounds (fewbits/federated) whose model is variables of TensorFlow.js, trained between two
 * rounds by any optimizer, as the caller likes. A round's start sets the variables; what they are when `update` is
 * called is what was trained.
 *
 * What an optimizer keeps, Adam's moments for example, is of this member's own gradients and does not travel: it goes
 * on from round to round (`keep`), or is at each start what it was when `federate` was called (`reset`), as the
 * published federated averaging has it, whose local optimizer begins anew.
 */
import type { Optimizer } from '@tensorflow/tfjs-core';
import { requireOneOf, requireOptions, shown } from '../arguments.ts';
import {
  client,
  type Applied,
  type Client,
  type ClientOptions,
  type StartOptions,
} from '../federated/index.ts';
import type { Bytes } from '../platform.ts';
import { packTraining, unpackTraining } from './optimizer-state.ts';
import { snapshotOf, type Snapshot } from './snapshot.ts';
import { assignLeaves, flattenLeaves, isTrainable, requireTrainable, requireVariables } from './tensors.ts';
import type { TreeLayout } from './tree.ts';

/** What `federate` takes beside an optimizer. */
export interface FederateOptions<Tree = unknown> extends Omit<ClientOptions, 'layout'> {
  /** A list, a record or a tree of float32 variables: the model. */
  readonly variables: Tree;
  /** What the optimizer keeps where a round starts: `keep` if left out, or `reset`. */
  readonly moments?: 'keep' | 'reset';
  /**
   * How variables are treated that have `trainable: false`, as the moving statistics of batch normalisation are:
   * `local`, if left out, leaves them to each member; `average` makes them a part of the model that is federated.
   */
  readonly nonTrainable?: 'local' | 'average';
}

/** A member of federated rounds with variables of its own: `Client`, whose models are these. */
export interface FederatedOptimizer<Tree = unknown> extends Pick<Client, 'id' | 'hello' | 'at' | 'free'> {
  /** What is federated, for the server too: plain data. */
  readonly layout: TreeLayout<Tree>;
  /** As `Client.start`; the variables are the model then, but where it is the start of the round under way. */
  start(model: Float32Array | Uint8Array, options?: StartOptions): Promise<void>;
  /** As `Client.update`, of the variables as they are. */
  update(options?: { readonly weight?: number }): Promise<Bytes>;
  /** As `Client.apply`; the variables are the model of the next round then. */
  apply(answer: Uint8Array): Promise<Omit<Applied, 'model'>>;
  /** The variables, in the middle of local steps too, the optimizer's weights and the state of the client. */
  save(): Promise<Bytes>;
  /** @throws PacketError where the bytes are damaged, or of another optimizer, id or size; nothing has changed then */
  load(state: Uint8Array): Promise<void>;
}

/**
 * Makes a model of TensorFlow.js a member of federated rounds. Variables and optimizer stay the caller's: between
 * `start` or `apply` and `update` train them with `optimizer.minimize(loss)`. One call at a time: each is awaited
 * before the next. The vectors are in memory.
 *
 * @param optimizer any; with `moments: 'reset'` it starts each round as it is now
 * @param options those of `federated.client` without `layout`; `variables`; `moments`, `keep` or `reset`;
 *   `nonTrainable`, `local` or `average`
 * @returns a state machine: `start`, `update`, `apply`; `layout` is what the server is given
 * @throws TypeError or RangeError where a leaf of `variables` is no float32 variable, or an option is none
 * @example
 * const variables = { kernel: tf.variable(tf.zeros([784, 10])), bias: tf.variable(tf.zeros([10])) };
 * const member = tfjs.federate(tf.train.adam(0.001), { device, id: 'alice', variables });
 * await member.start(new Float32Array(member.layout.length));
 * const bytes = await member.update({ weight: 60 });
 */
export function federate<Tree>(
  optimizer: Optimizer,
  options: FederateOptions<Tree>,
): FederatedOptimizer<Tree> {
  if (typeof (optimizer as Partial<Optimizer> | undefined)?.applyGradients !== 'function')
    throw new TypeError(`"optimizer" expected one of TensorFlow.js, got ${shown(optimizer)}`);
  if (options === undefined) throw new TypeError('federate expected an object of options, got undefined');
  requireOptions('federate', options, [
    ...['device', 'up', 'down', 'id', 'decay', 'clip', 'noise'],
    ...['variables', 'moments', 'nonTrainable'],
  ]);
  const { variables, moments = 'keep', nonTrainable = 'local', ...rest } = options;
  requireOneOf('moments', moments, ['keep', 'reset']);
  requireOneOf('nonTrainable', nonTrainable, ['local', 'average']);
  const trainable = requireTrainable(variables);
  const { leaves, layout } = nonTrainable === 'average' ? requireVariables(variables) : trainable;
  const beside = requireVariables(variables, (leaf) => nonTrainable === 'local' && !isTrainable(leaf));
  const member = client({ ...rest, layout });
  const fresh: Snapshot | undefined = moments === 'reset' ? snapshotOf(optimizer, []) : undefined;

  /** The variables are the model of the start. */
  const begin = (): void => {
    assignLeaves(leaves, layout, member.model as Float32Array);
    fresh?.restore();
  };

  return {
    id: member.id,
    layout,
    get at() {
      return member.at;
    },
    hello: () => member.hello(),
    async start(model, startOptions) {
      const before = member.model;
      await member.start(model, startOptions);
      // the start of the round under way: local steps since then stay
      if (member.model !== before) begin();
    },
    async update(updateOptions) {
      return member.update(await flattenLeaves(leaves, layout), updateOptions);
    },
    async apply(answer) {
      const { used, contributions } = await member.apply(answer);
      begin();
      return { used, contributions };
    },
    async save() {
      const values = {
        parameters: await flattenLeaves(leaves, layout),
        nonTrainable: await flattenLeaves(beside.leaves, beside.layout),
      };
      return packTraining(optimizer, values, await member.save());
    },
    async load(state) {
      const sizes = { n: layout.length, beside: beside.layout.length };
      const saved = unpackTraining(optimizer, sizes, state);
      await saved.load((inner) => member.load(inner));
      assignLeaves(leaves, layout, saved.parameters);
      assignLeaves(beside.leaves, beside.layout, saved.nonTrainable);
    },
    free() {
      fresh?.drop();
      member.free();
    },
  };
}
