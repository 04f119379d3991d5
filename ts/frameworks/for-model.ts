/**
 * A system made for a model, of which it is told where the arrays lie:
 *
 * - An array stays as it is until some worker's gradient of it is not zero. Compressors of one bit an element give
 *   zeros a sign too, so that a direction alone does not tell an array that no loss uses from one that is used.
 * - Numbers beside the model, as the moving statistics of batch normalisation, are averaged, uncompressed.
 *
 * Both take a round of route `sum` before the system's own, which any transport carries: a float32 for each array that
 * nobody has used yet, 1 where this worker's gradient is not zero, and the numbers beside the model. Where all arrays
 * are used, usually after the first step, and nothing is averaged, there is no such round. It comes first so that a
 * step that is lost after it has changed nothing.
 */
import { clear } from '../algorithms/kept.ts';
import { bytesOf, notGathered, sumOf } from '../algorithms/steps.ts';
import type { Message, Model, Outcome, SendOptions, Seat, System, Worker } from '../algorithms/system.ts';
import { packState, unpackState } from '../algorithms/state.ts';
import type { Vector } from '../algorithms/vectors.ts';
import { isGpuRange } from '../arguments.ts';
import type { Device } from '../device.ts';
import { PacketError } from '../errors.ts';
import { isDeviceVector } from '../kernels/device-vector.ts';
import { findExtremes, rangeOf } from '../kernels/reduce.ts';
import { packed, unpacked } from './joined.ts';
import type { Layout, Leaf } from './layout.ts';

/** Numbers beside the model, which workers average. All workers have as many. */
export interface Averaged {
  readonly length: number;
  /** This worker's, at the start of a step. */
  read(): Promise<Float32Array>;
  /** The mean over the workers of the step, at its end. */
  write(mean: Float32Array): void;
}

/**
 * The system, one that takes gradients, for a model of this layout. Its workers and its follower have to be made for
 * the same layout, and to average as many numbers; its server is the system's own.
 *
 * @throws TypeError where the system takes models
 * @example
 * const layout = jax.layoutOf({ kernel: np.zeros([784, 10]), bias: np.zeros([10]) });
 * const system = jax.forModel(foSgd({ seed: 7 }), layout);
 */
export function forModel(system: System, layout: Layout, averaged?: Averaged): System {
  if (system.takes === 'model')
    throw new TypeError(
      `"system" expected one that takes gradients, got ${system.name}, which takes models: ` +
        'train a copy of its parameters, and give that to its worker',
    );
  return {
    name: system.name,
    averagesModels: system.averagesModels,
    worker: (device, seat, into) =>
      workerFor(system.worker(device, seat, into), device, seat, layout, averaged),
    server:
      system.server && ((device, seat) => (system.server as NonNullable<System['server']>)(device, seat)),
  };
}

/** What the round before the system's own is waiting for. */
interface Begun {
  /** The system's own first message. */
  readonly message: Message;
  /** Arrays that nobody had used before this step. */
  readonly unused: readonly number[];
  /** Elements of this round. */
  readonly length: number;
  /** The own numbers beside the model, where they are averaged. */
  readonly beside: Float32Array | undefined;
}

function workerFor<Direction extends Vector>(
  worker: Worker<Direction>,
  device: Device,
  { n, workers }: Seat,
  { leaves }: Layout,
  averaged: Averaged | undefined,
): Worker<Direction> {
  /** 1 for each array that some worker has used. */
  const used = new Float32Array(leaves.length);
  /** Arrays without elements are nobody's to use. */
  const unusedNow = (): number[] =>
    leaves.flatMap(({ length }, i) => (used[i] === 0 && length > 0 ? [i] : []));
  let begun: Begun | undefined;
  /** What all said in that round, until the step is done. */
  let said:
    | {
        readonly sum: Float32Array;
        readonly unused: readonly number[];
        readonly count: number;
        readonly beside: Float32Array | undefined;
      }
    | undefined;
  /** The model of this step, and what its unused arrays were. */
  let kept:
    | { readonly model: Model; readonly arrays: ReadonlyMap<number, readonly [Float32Array, Float32Array]> }
    | undefined;

  /**
   * What there was before the last step, until the next one begins; `beside` where numbers beside the model were
   * averaged.
   */
  let former: { readonly used: Float32Array; readonly beside?: Float32Array } | undefined;

  const forget = (): void => {
    begun = undefined;
    said = undefined;
    kept = undefined;
  };

  /** The first message of a step: the system's own, or that of the round before it. */
  const begin = async (
    message: Message,
    model: Model | undefined,
    own: (unused: readonly number[]) => Promise<readonly Float32Array[]>,
  ): Promise<Message> => {
    forget();
    former = undefined;
    const unused = unusedNow();
    if (model !== undefined && unused.length > 0)
      kept = {
        model,
        arrays: new Map(
          unused.map((i) => [
            i,
            [model.parameters.slice(...placeOf(leaves[i])), model.velocity.slice(...placeOf(leaves[i]))],
          ]),
        ),
      };
    const length = unused.length + (averaged?.length ?? 0);
    if (length === 0) return message;
    const [flags, beside] = await own(unused);
    begun = { message, unused, length, beside };
    const vector = new Float32Array(length);
    if (flags !== undefined) vector.set(flags);
    if (beside !== undefined) vector.set(beside, unused.length);
    return { route: 'sum', bytes: bytesOf(vector) };
  };

  /** The end of a step: arrays that were used are so from now on, those that were not are as they were. */
  const settle = async (
    outcome: Exclude<Outcome<Direction>, { kind: 'message' }>,
  ): Promise<typeof outcome> => {
    const { sum, unused, count, beside } = said ?? { sum: new Float32Array(0), unused: [], count: 1 };
    former = { used: used.slice(), ...(beside !== undefined && { beside }) };
    unused.forEach((i, k) => {
      if (sum[k] > 0) used[i] = 1;
    });
    const idle = unusedNow();
    const now = kept;
    forget();
    averaged?.write(sum.subarray(unused.length).map((value) => value / count));
    for (const i of idle) {
      const [parameters, velocity] = now?.arrays.get(i) ?? [];
      if (now === undefined || parameters === undefined || velocity === undefined) continue;
      now.model.parameters.set(parameters, leaves[i].offset);
      now.model.velocity.set(velocity, leaves[i].offset);
    }
    if (outcome.kind !== 'direction' || idle.length === 0) return outcome;
    // each waits for its own part: on a GPU they share a submit
    await Promise.all(idle.map((i) => clear(device, partOf(outcome.direction, leaves[i]))));
    return outcome;
  };

  const of = `the use of ${leaves.length} arrays, ${n} elements`;
  const own = (): Uint8Array => packState({ of, numbers: {}, vectors: { used } });
  /** A state: the system's part, which its worker may refuse, and how to go on from the rest once it is taken. */
  const parted = (state: Uint8Array): { readonly rest: Uint8Array; readonly goOn: () => void } => {
    const [first, rest] = unpacked(state);
    const { vectors } = unpackState(first, of);
    if (vectors.used?.length !== used.length)
      throw new PacketError(`a state of ${vectors.used?.length ?? 0} arrays, expected ${used.length}`, 4);
    const goOn = (): void => {
      forget();
      former = undefined;
      used.set(vectors.used);
    };
    return { rest, goOn };
  };

  return {
    async send(gradient, options) {
      const message = await worker.send(gradient, options);
      return begin(message, modelIn(options), async (unused) => {
        const flags = await touched(
          device,
          gradient,
          unused.map((i) => leaves[i]),
        );
        return averaged === undefined ? [flags] : [flags, await averaged.read()];
      });
    },
    async follow(model) {
      return begin(await worker.follow(model), modelIn(model), () => Promise.resolve([]));
    },
    async receive(inbox, from, wasUsed) {
      if (begun === undefined) {
        const outcome = await worker.receive(inbox, from, wasUsed);
        return outcome.kind === 'message' ? outcome : settle(outcome);
      }
      const { message, unused, length, beside } = begun;
      said = { sum: sumOf(inbox, length), unused, count: from?.length ?? workers, beside };
      begun = undefined;
      return { kind: 'message', message };
    },
    takeBack() {
      worker.takeBack();
      if (former !== undefined) {
        used.set(former.used);
        if (former.beside !== undefined) averaged?.write(former.beside);
      }
      forget();
      former = undefined;
    },
    check: (message, rank) => (begun === undefined ? worker.check(message, rank) : notGathered()),
    share: () => packed(own(), worker.share()),
    adopt(shared, taken) {
      const { rest, goOn } = parted(shared);
      worker.adopt(rest, taken);
      goOn();
    },
    save: async () => packed(own(), await worker.save()),
    free: () => worker.free(),
    async load(state) {
      const { rest, goOn } = parted(state);
      await worker.load(rest);
      goOn();
    },
    get report() {
      return worker.report;
    },
    get wantsModel() {
      return worker.wantsModel;
    },
  };
}

/** The model that a step was given, if it was. */
const modelIn = (options: SendOptions | undefined): Model | undefined =>
  options?.parameters === undefined ? undefined : (options as Model);

const placeOf = ({ offset, length }: Leaf): [first: number, end: number] => [offset, offset + length];

/** The part of a vector that an array is. */
function partOf(vector: Vector, leaf: Leaf): Vector {
  if (isDeviceVector(vector)) return vector.slice(...placeOf(leaf));
  if (!isGpuRange(vector)) return vector.subarray(...placeOf(leaf));
  const { buffer, offset = 0 } = vector;
  return { buffer, offset: offset + leaf.offset * 4, length: leaf.length };
}

/** 1 for each of these arrays in which an element is not zero. */
async function touched(device: Device, vector: Vector, arrays: readonly Leaf[]): Promise<Float32Array> {
  if (arrays.length === 0) return new Float32Array(0);
  if (ArrayBuffer.isView(vector))
    return Float32Array.from(arrays, (leaf) =>
      vector.subarray(...placeOf(leaf)).some((value) => value !== 0) ? 1 : 0,
    );
  return device.use(function* (scope) {
    const found = arrays.map((leaf) => findExtremes(scope, scope.vector(partOf(vector, leaf))));
    return Float32Array.from(yield scope.read(...found), (words) => (rangeOf(words).largest > 0 ? 1 : 0));
  });
}
