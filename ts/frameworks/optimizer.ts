/**
 * An optimizer of TensorFlow.js that trains through a system of `fewbits/algorithms`: one worker, with variables of its own.
 * Like the systems, it has no input or output: messages go out of `send` and `receive`, inboxes into `receive`.
 *
 * Where workers give directions, the optimizer comes after the exchange, and takes the direction for its gradient:
 *   1. worker.send(gradient) ... direction = worker.receive(inbox)
 *   2. optimizer.applyGradients(direction)
 * All workers' optimizers see the same directions, and their variables stay equal.
 *
 * Where workers average their models (`system.averagesModels`), the system has to step the model itself, and the optimizer
 * comes before the exchange. What it makes of the local gradient is what the system sends for a gradient, at a learning
 * rate of 1 without momentum:
 *   1. x = variables; optimizer.applyGradients(gradient); delta = x - variables; variables = x
 *   2. worker.send(delta, { parameters: x, learningRate: 1, momentum: 0 }) ...
 *   3. x -= direction, or x as the system has stepped it; variables = x
 * With plain SGD delta is learningRate gradient, so this is the system as it was published, to float32 rounding. Any other
 * optimizer has moments of its own at each worker, of local gradients: the papers say nothing of that.
 */
import {
  dispose,
  tidy,
  variableGrads,
  zerosLike,
  type Optimizer,
  type Scalar,
  type Variable,
} from '@tensorflow/tfjs-core';
import { descend, requireFinite, requireGradient } from '../algorithms/steps.ts';
import type { Message, Model, Outcome, StepReport, System, Worker } from '../algorithms/system.ts';
import { requireInteger, requireOptions, shown } from '../arguments.ts';
import type { Device } from '../device.ts';
import type { Layout } from './layout.ts';
import { packTraining, unpackTraining } from './optimizer-state.ts';
import { assignLeaves, flattenLeaves, requireVariables, unflattenLeaves } from './tensors.ts';
import type { TreeLayout } from './tree.ts';

/** What `distribute` takes beside an optimizer. */
export interface DistributeOptions<Tree = unknown> {
  readonly system: System;
  /** What the system compresses with. */
  readonly device: Device;
  readonly workers: number;
  readonly rank: number;
  /** A list, a record or a tree of float32 variables: the model, equal at all workers at the start. */
  readonly variables: Tree;
}

/** One worker of a system, whose step is an optimizer's. */
export interface DistributedOptimizer<Tree = unknown> {
  /** Where each variable lies in vectors. */
  readonly layout: TreeLayout<Tree>;
  /** What the system says of the last step. */
  readonly report: StepReport;
  /**
   * The loss and its gradient at the variables, for `send`; zeros for variables that the loss does not depend on. The vector
   * is good until the next call.
   */
  gradient(loss: () => Scalar): Promise<{ readonly loss: number; readonly gradient: Float32Array }>;
  /**
   * Begins a step.
   * @throws NonFiniteError where the gradient holds NaN or infinity; then neither variables nor optimizer have changed
   */
  send(gradient: Float32Array): Promise<Message>;
  /** Begins a step without a gradient: as `Worker.follow`. */
  follow(): Promise<Message>;
  /** As `Worker.check`. */
  check(message: Uint8Array, rank: number): Promise<void>;
  /** Takes what came of a round: another message, or the step is done and the variables have taken it. */
  receive(
    inbox: readonly Uint8Array[],
    from?: readonly number[],
    used?: boolean,
  ): Promise<Exclude<Outcome, { kind: 'direction' }>>;
  /** Between steps: the variables, the optimizer's weights and the worker's state. `load` of it goes on as if nothing had happened. */
  save(): Promise<Uint8Array>;
  /**
   * @throws PacketError where the bytes are damaged, or are of another optimizer, system, size or seat; nothing has changed then
   */
  load(state: Uint8Array): Promise<void>;
}

/**
 * Makes an optimizer train through a system. The variables and the optimizer stay the caller's; no tensor is left behind by
 * any call. One call at a time: each is awaited before the next.
 *
 * @throws TypeError where a leaf of `variables` is no float32 variable; RangeError where one is there twice
 * @example
 * const variables = { kernel: tf.variable(tf.zeros([784, 10])), bias: tf.variable(tf.zeros([10])) };
 * const system = foSgd({ seed: 7 });
 * const worker = tfjs.distribute(tf.train.adam(0.001), { system, device, workers: 4, rank: 0, variables });
 * const message = await worker.send(new Float32Array(worker.layout.length));
 */
export function distribute<Tree>(
  optimizer: Optimizer,
  options: DistributeOptions<Tree>,
): DistributedOptimizer<Tree> {
  if (typeof (optimizer as Partial<Optimizer> | undefined)?.applyGradients !== 'function')
    throw new TypeError(`"optimizer" expected one of TensorFlow.js, got ${shown(optimizer)}`);
  if (options === undefined) throw new TypeError('distribute expected an object of options, got undefined');
  requireOptions('distribute', options, ['system', 'device', 'workers', 'rank', 'variables']);
  const { system, device } = options;
  const workers = requireInteger('workers', options.workers, 1, 2 ** 32 - 1);
  const rank = requireInteger('rank', options.rank, 0, workers);
  const { leaves: variables, layout } = requireVariables(options.variables);
  const n = layout.length;
  const worker: Worker = system.worker(device, { n, workers, rank });
  const averages = system.averagesModels ?? false;

  const own = device.allocate(n);
  /** Where the worker averages models: x of the step under way, then what the system makes of it. */
  const model: Model | undefined = averages
    ? { parameters: new Float32Array(n), velocity: new Float32Array(n), learningRate: 1, momentum: 0 }
    : undefined;

  const read = (into: Float32Array): Promise<Float32Array> => flattenLeaves(variables, layout, into);
  const write = (vector: Float32Array): void => assignLeaves(variables, layout, vector);

  return {
    layout,
    get report() {
      return worker.report;
    },
    gradient: (loss) => gradientOf(variables, layout, loss, own),
    async send(gradient) {
      requireGradient(gradient, n);
      if (model === undefined) return worker.send(gradient);
      // before the optimizer takes it in: moments would never get rid of NaN
      requireFinite(gradient);
      await read(model.parameters);
      return worker.send(await changeBy(optimizer, variables, layout, gradient, model.parameters), model);
    },
    async follow() {
      if (model !== undefined) await read(model.parameters);
      return worker.follow(model);
    },
    check: (message, from) => worker.check(message, from),
    async receive(inbox, from, used) {
      const outcome = await worker.receive(inbox, from, used);
      if (outcome.kind === 'message') return outcome;
      if (model === undefined) {
        if (outcome.kind === 'direction') apply(optimizer, variables, layout, outcome.direction);
      } else {
        if (outcome.kind === 'direction') descend(model, outcome.direction);
        write(model.parameters);
      }
      return { kind: 'stepped' };
    },
    async save() {
      const parameters = await read(new Float32Array(n));
      return packTraining(optimizer, parameters, worker.save());
    },
    async load(state) {
      const { parameters, load } = unpackTraining(optimizer, n, state);
      await load((inner) => worker.load(inner));
      write(parameters);
    },
  };
}

/**
 * One step of an optimizer by itself, as a vector that a system can take for a gradient: parameters before minus after. For
 * transports that step a flat model of their own, `joinRun` of `fewbits/mqtt` say, whose model then has learningRate 1 and
 * momentum 0. The variables are set to `parameters`, and have these numbers afterwards; the vector is the caller's.
 *
 * @throws NonFiniteError where the gradient holds NaN or infinity; then the optimizer has not changed
 * @example
 * const variables = [tf.variable(tf.zeros([784, 10])), tf.variable(tf.zeros([10]))];
 * const adam = tf.train.adam(0.001);
 * const step = (model, loss) => tfjs.optimizerStep(adam, { variables, parameters: model.parameters, loss });
 */
export async function optimizerStep(
  optimizer: Optimizer,
  options: {
    readonly variables: unknown;
    readonly parameters: Float32Array;
    readonly loss: () => Scalar;
  },
): Promise<Float32Array> {
  requireOptions('optimizerStep', options, ['variables', 'parameters', 'loss']);
  const { leaves: variables, layout } = requireVariables(options.variables);
  const { parameters, loss } = options;
  assignLeaves(variables, layout, parameters);
  const { gradient } = await gradientOf(variables, layout, loss, new Float32Array(layout.length));
  requireFinite(gradient);
  return changeBy(optimizer, variables, layout, gradient, parameters);
}

/** A loss and its gradient at the variables, zeros where it does not depend on them. */
async function gradientOf(
  variables: readonly Variable[],
  layout: Layout,
  loss: () => Scalar,
  into: Float32Array,
): Promise<{ readonly loss: number; readonly gradient: Float32Array }> {
  const { value, grads } = variableGrads(loss, [...variables]);
  const tensors = tidy(() => variables.map((variable) => grads[variable.name] ?? zerosLike(variable)));
  try {
    const [[number]] = await Promise.all([value.data<'float32'>(), flattenLeaves(tensors, layout, into)]);
    return { loss: number, gradient: into };
  } finally {
    dispose([value, grads, tensors]);
  }
}

/** One step of an optimizer. */
function apply(
  optimizer: Optimizer,
  variables: readonly Variable[],
  layout: Layout,
  gradient: Float32Array,
): void {
  const tensors = unflattenLeaves(gradient, layout);
  try {
    // a list, not a record: optimizers keep their weights by the order, and records may change that
    optimizer.applyGradients(variables.map(({ name }, i) => ({ name, tensor: tensors[i] })));
  } finally {
    dispose(tensors);
  }
}

/** What a step of an optimizer takes off the variables, which are at `x`, and are there again afterwards. */
async function changeBy(
  optimizer: Optimizer,
  variables: readonly Variable[],
  layout: Layout,
  gradient: Float32Array,
  x: Float32Array,
): Promise<Float32Array> {
  apply(optimizer, variables, layout, gradient);
  try {
    const delta = await flattenLeaves(variables, layout);
    for (let i = 0; i < delta.length; i++) delta[i] = x[i] - delta[i];
    return delta;
  } finally {
    assignLeaves(variables, layout, x);
  }
}
