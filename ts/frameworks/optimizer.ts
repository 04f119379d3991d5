/**
 * An optimizer of TensorFlow.js that trains through a system of `fewbits/algorithms`: one worker, with variables of its
 * own. Like the systems, it has no input or output: messages go out of `send` and `receive`, inboxes into `receive`.
 *
 * Where workers give directions, the optimizer comes after the exchange, and takes the direction for its gradient:
 *   1. worker.send(gradient) ... direction = worker.receive(inbox)
 *   2. optimizer.applyGradients(direction)
 * All workers' optimizers see the same directions, and their variables stay equal.
 *
 * Where workers average their models (`system.averagesModels`), the system has to step the model itself, and the
 * optimizer comes before the exchange. What it makes of the local gradient is what the system sends for a gradient, at
 * a learning rate of 1 without momentum:
 *   1. x = variables; optimizer.applyGradients(gradient); delta = x - variables; variables = x
 *   2. worker.send(delta, { parameters: x, learningRate: 1, momentum: 0 }) ..., x where the system wants it
 *   3. variables -= direction, or are x as the system has stepped it
 * With plain SGD delta is learningRate gradient, so this is the system as it was published, to float32 rounding. Any
 * other optimizer has moments of its own at each worker, of local gradients: the papers say nothing of that.
 */
import { dispose, type Optimizer, type Scalar, type Variable } from '@tensorflow/tfjs-core';
import type { Message, Model, Outcome, StepReport, System, Worker } from '../algorithms/system.ts';
import { requireLength } from '../kernels/device-vector.ts';
import { requireFiniteVector, type Vector } from '../algorithms/vectors.ts';
import { requireInteger, requireOneOf, requireOptions, shown } from '../arguments.ts';
import type { GpuRange } from '../backends/backend.ts';
import type { Device } from '../device.ts';
import type { Bytes, GpuDevice } from '../platform.ts';
import { forModel, type Averaged } from './for-model.ts';
import { openVector } from './gpu.ts';
import type { Layout } from './layout.ts';
import { apply, changeBy, descend, gradientOf } from './optimizer-step.ts';
import { packTraining, unpackTraining } from './optimizer-state.ts';
import { openGpuPlace, openMemory, type Place } from './places.ts';
import { snapshotOf, type Snapshot } from './snapshot.ts';
import { assignLeaves, flattenLeaves, isTrainable, requireTrainable, requireVariables } from './tensors.ts';
import type { TreeLayout } from './tree.ts';

/** What `distribute` takes beside an optimizer. */
export interface DistributeOptions<Tree = unknown> {
  readonly system: System;
  /** What the system compresses with. */
  readonly device: Device;
  readonly workers: number;
  readonly rank: number;
  /**
   * A list, a record or a tree of float32 variables: the model, equal at all workers at the start. Those with
   * `trainable: false` are no part of the vector, and no step moves them.
   */
  readonly variables: Tree;
  /**
   * How variables are treated that have `trainable: false`, as the moving statistics of batch normalisation are:
   * `local`, the default, leaves them to each worker; `average` sets them to the mean over all workers at the end of
   * each step, which adds them to each step's messages, uncompressed. Frozen layers are best left out of `variables`
   * then.
   */
  readonly nonTrainable?: 'local' | 'average';
}

/** One worker of a system, whose step is an optimizer's. Its gradients are in memory, or on TensorFlow.js's GPU. */
export interface DistributedOptimizer<Tree = unknown, Gradient extends Vector = Float32Array> {
  /** Where each variable lies in vectors. */
  readonly layout: TreeLayout<Tree>;
  /** What the system says of the last step. */
  readonly report: StepReport;
  /**
   * The loss and its gradient at the variables, for `send`; zeros for variables that the loss does not depend on. A
   * variable stays as it is until a gradient of it, some worker's, is not zero. The vector is good until the next call.
   * @throws Error where `trainable` of a variable has changed since `distribute`
   */
  gradient(loss: () => Scalar): Promise<{ readonly loss: number; readonly gradient: Gradient }>;
  /**
   * Begins a step.
   * @throws NonFiniteError where the gradient holds NaN or infinity; then neither variables nor optimizer have changed
   */
  send(gradient: Gradient): Promise<Message>;
  /**
   * Begins a step without a gradient: as `Worker.follow`. Variables that are averaged take the mean over the others.
   */
  follow(): Promise<Message>;
  /** As `Worker.check`. */
  check(message: Uint8Array, rank: number): Promise<void>;
  /** Takes the aggregate of a round: another message, or the step is done and the variables have taken it. */
  receive(
    inbox: readonly Uint8Array[],
    from?: readonly number[],
    used?: boolean,
  ): Promise<Exclude<Outcome, { kind: 'direction' }>>;
  /**
   * As `Worker.takeBack`: variables and optimizer, too, are what they were before the last step, to the bit, until the
   * next `gradient` or `send`.
   */
  takeBack(): void;
  /** The variables, the optimizer's weights and the worker's state. `load` of it goes on as if nothing had happened. */
  save(): Promise<Bytes>;
  /**
   * @throws PacketError where the bytes are damaged, or are of another optimizer, system, size, rank or number of
   * workers; nothing has changed then
   */
  load(state: Uint8Array): Promise<void>;
  /**
   * Gives back what the worker holds: what the last step replaced, and its vectors on the device and the GPU. The
   * variables and the optimizer stay.
   */
  dispose(): void;
}

/**
 * Makes an optimizer train through a system. The variables and the optimizer stay the caller's; what a step replaced,
 * tensors as many as the variables and the optimizer's weights, is kept for `takeBack` until the next `gradient`, and
 * no other. One call at a time: each is awaited before the next.
 *
 * @throws TypeError where a leaf of `variables` is no float32 variable; RangeError where one is there twice, or none is
 * trainable
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
  const setup = checked('distribute', optimizer, options);
  const { system, device, seat, layout } = setup;
  return openTraining(optimizer, setup, {
    place: openMemory(layout),
    worker: system.worker(device, seat),
    dispose: () => {},
  });
}

/**
 * As `distribute`, with vectors that stay on the GPU: gradients go from TensorFlow.js's buffers into packets and
 * directions from packets into its tensors. What crosses to the CPU are the packets and the loss. Wants TensorFlow.js's
 * webgpu backend, and a device on its GPU.
 *
 * @throws as distribute, and TypeError where the device is not on TensorFlow.js's GPU
 */
export function distributeOnGpu<Tree>(
  optimizer: Optimizer,
  options: DistributeOptions<Tree>,
): DistributedOptimizer<Tree, GpuRange> {
  const setup = checked('distributeOnGpu', optimizer, options);
  const { system, device, seat, layout } = setup;
  const place = openGpuPlace(device, layout);
  const direction = openVector(device.gpu as GpuDevice, layout.length);
  return openTraining(optimizer, setup, {
    place,
    worker: system.worker(device, seat, direction),
    dispose: () => direction.dispose(),
  });
}

/** What `distribute` was given, sound. */
interface Setup<Tree> {
  readonly system: System;
  readonly device: Device;
  readonly seat: { readonly n: number; readonly workers: number; readonly rank: number };
  readonly variables: readonly Variable[];
  readonly layout: TreeLayout<Tree>;
  readonly beside: Beside;
}

/** Variables that are not trained, as one vector. */
interface Beside {
  readonly variables: readonly Variable[];
  readonly layout: Layout;
}

function checked<Tree>(owner: string, optimizer: Optimizer, options: DistributeOptions<Tree>): Setup<Tree> {
  if (typeof (optimizer as Partial<Optimizer> | undefined)?.applyGradients !== 'function')
    throw new TypeError(`"optimizer" expected one of TensorFlow.js, got ${shown(optimizer)}`);
  if (options === undefined) throw new TypeError(`${owner} expected an object of options, got undefined`);
  requireOptions(owner, options, ['system', 'device', 'workers', 'rank', 'variables', 'nonTrainable']);
  const { device } = options;
  const workers = requireInteger('workers', options.workers, 1, 2 ** 32 - 1);
  const rank = requireInteger('rank', options.rank, 0, workers);
  const nonTrainable = requireOneOf('nonTrainable', options.nonTrainable ?? 'local', ['local', 'average']);
  const { leaves: variables, layout } = requireTrainable(options.variables);
  const others = requireVariables(options.variables, (leaf) => !isTrainable(leaf));
  const beside = { variables: others.leaves, layout: others.layout };
  const averaged: Averaged = {
    length: beside.layout.length,
    read: () => flattenLeaves(beside.variables, beside.layout),
    write: (mean) => assignLeaves(beside.variables, beside.layout, mean),
  };
  const system = forModel(options.system, layout, nonTrainable === 'average' ? averaged : undefined);
  return { system, device, seat: { n: layout.length, workers, rank }, variables, layout, beside };
}

/** What differs with where the vectors are. */
interface Whereabouts<Where extends Vector> {
  readonly place: Place<Where>;
  readonly worker: Worker<Where>;
  readonly dispose: () => void;
}

function openTraining<Tree, Where extends Vector>(
  optimizer: Optimizer,
  { system, device, seat: { n }, variables, layout, beside }: Setup<Tree>,
  { place, worker, dispose: release }: Whereabouts<Where>,
): DistributedOptimizer<Tree, Where> {
  /** Where the worker averages models: x of a step that wants it, then what the system makes of it. */
  const model: Model | undefined = system.averagesModels
    ? { parameters: new Float32Array(n), velocity: new Float32Array(n), learningRate: 1, momentum: 0 }
    : undefined;
  /** The model, where this step wants it. */
  const wanted = async (): Promise<Model | undefined> => {
    if (model === undefined || !worker.wantsModel) return undefined;
    await flattenLeaves(variables, layout, model.parameters);
    return model;
  };

  /** Where the optimizer comes before the exchange: what it is after the step under way, which has not ended. */
  let next: Snapshot | undefined;
  /** Variables and optimizer before the last step, until the next one. */
  let former: Snapshot | undefined;
  const begin = (): void => {
    next?.drop();
    former?.drop();
    next = former = undefined;
  };

  return {
    layout,
    get report() {
      return worker.report;
    },
    async gradient(loss) {
      former?.drop();
      former = undefined;
      for (const [of, expected] of [
        [variables, true],
        [beside.variables, false],
      ] as const)
        for (const { name, trainable } of of)
          if (trainable !== expected)
            throw new Error(
              `"trainable" of ${name} is ${trainable}, and was ${expected} when the optimizer was distributed: distribute it anew`,
            );
      return gradientOf(variables, place, loss);
    },
    async send(gradient) {
      begin();
      if (model === undefined) return worker.send(gradient);
      // before the optimizer takes it in: moments would never get rid of NaN
      requireLength('gradient', gradient, n);
      await requireFiniteVector(device, gradient);
      const given = await wanted();
      // the optimizer is what it was until the step ends
      const before = snapshotOf(optimizer, []);
      let change: Where;
      try {
        change = await changeBy(optimizer, variables, place, gradient);
        next = snapshotOf(optimizer, []);
      } finally {
        before.restore(next !== undefined);
        before.drop();
      }
      return worker.send(change, given);
    },
    async follow() {
      begin();
      return worker.follow(await wanted());
    },
    check: (message, from) => worker.check(message, from),
    async receive(inbox, from, used) {
      const outcome = await worker.receive(inbox, from, used);
      if (outcome.kind === 'message') return outcome;
      former = snapshotOf(optimizer, variables);
      next?.restore();
      next?.drop();
      next = undefined;
      if (outcome.kind === 'direction') {
        const direction = place.spread(outcome.direction);
        try {
          if (model === undefined) apply(optimizer, variables, direction);
          else descend(variables, direction);
        } finally {
          dispose(direction);
        }
      } else if (model !== undefined) {
        assignLeaves(variables, layout, model.parameters);
      }
      return { kind: 'stepped' };
    },
    takeBack() {
      former?.restore();
      begin();
      worker.takeBack();
    },
    async save() {
      const values = {
        parameters: await flattenLeaves(variables, layout),
        nonTrainable: await flattenLeaves(beside.variables, beside.layout),
      };
      return packTraining(optimizer, values, await worker.save());
    },
    async load(state) {
      const { parameters, nonTrainable, load } = unpackTraining(
        optimizer,
        { n, beside: beside.layout.length },
        state,
      );
      await load((inner) => worker.load(inner));
      begin();
      assignLeaves(variables, layout, parameters);
      assignLeaves(beside.variables, beside.layout, nonTrainable);
    },
    dispose() {
      begin();
      worker.free();
      place.dispose();
      release();
    },
  };
}
