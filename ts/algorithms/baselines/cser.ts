/**
 * CSER, error reset: C. Xie et al., "CSER: Communication-efficient SGD with Error Reset", arXiv 2007.13221. Blocks
 * drawn from a shared seed are averaged, in the gradient at each step and in the model now and then; everything else is
 * applied locally at once, so models drift, and each reset takes a part of the drift back.
 *
 * Steps t = 0, 1, ...:
 * 1. worker r: its blocks of g_r, one in 32, go to the sum; g'_r is their mean there, and g_r elsewhere.
 * 2. worker r: its direction is g'_r.
 * 3. where (t + 1) mod 8 = 0, after the step: blocks of the models (and momentum), one in 4, are averaged.
 *
 * The paper keeps the error e_r = x_r - x beside each model and averages blocks of e_r; since x is common to all, that
 * is averaging the same blocks of x_r, and no error needs to be kept.
 *
 * Of a round over some of the workers the means are over these; all put them into their blocks, whoever sent.
 */
import { requireInteger, requireOptions } from '../../arguments.ts';
import { isCompressor } from '../../compressors/compressor.ts';
import type { Device } from '../../device.ts';
import { pcg4d } from '../../kernels/random.ts';
import { floatsOf, type Steps, wordsOf } from '../../kernels/scope.ts';
import { touchOf } from '../../schedule.ts';
import { copy, inTurn } from '../kept.ts';
import { keptByWorker, Progress, type Reported } from '../progress.ts';
import { requireSeat } from '../seat.ts';
import { bytesOf, descend, notGathered, ranksOf, requireModel, sumOf, swapValues } from '../steps.ts';
import type { Message, Model, SendOptions, StepReport, System } from '../system.ts';
import { inMemory, openDirection, requireFinite, requireFiniteVector, type Vector } from '../vectors.ts';
import { requireUnweighted } from '../weights.ts';

/** One block in so many is averaged: of gradients in each step, of models in each eighth. */
const GRADIENT_BLOCKS = 32;
const MODEL_BLOCKS = 4;
const PERIOD = 8;

/** Blocks that a vector is cut into: enough that one in 32 is a share of it, and none is large. */
const BLOCKS = 512;

/**
 * CSER with the settings of its paper's strongest compression: 1/32 of the gradient each step, 1/4 of the models each
 * 8th. `send` wants the worker's model in those, and the model is stepped there. Models of workers differ: evaluate
 * their mean. A worker holds two vectors of n elements beside the gradient, one of them on the device: where the
 * direction goes there, that is it, and there is no other. After a step that averages it holds the former model, too.
 * Source: arXiv 2007.13221.
 *
 * @param options `seed`, an integer in 0..2^32 - 1, the same at all workers
 * @returns the system, which makes workers and, where it has one, a server
 * @throws RangeError unless seed is in 0..2^32 - 1
 * @example
 * const worker = cser({ seed: 7 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function cser(options: { readonly seed: number }): System {
  if (isCompressor(options))
    throw new TypeError(`cser expected { seed }: it averages blocks drawn from a seed, got ${options.name}`);
  requireOptions('cser', options, ['seed']);
  const seed = requireInteger('seed', options?.seed, 0, 2 ** 32 - 1);
  return {
    name: 'cser',
    averagesModels: true,
    worker(device, seat, into) {
      const place = requireSeat(seat, device);
      const { n } = place;
      const direction = openDirection(device, n, into);
      const vector = ArrayBuffer.isView(direction) ? device.vector(n) : undefined;
      /** g'_r: the worker's one vector, where `into` can be it. */
      const own: Vector = vector ?? direction;
      const progress = new Progress<Reported, Step>({ step: 0, report: {} });
      const resets = (): boolean => (progress.state.step + 1) % PERIOD === 0;
      const blocksOf = (share: number, stream: number): [number, number][] =>
        drawn(n, share, { seed, step: progress.state.step, stream });
      const begin = async (gradient: Vector, given: SendOptions | undefined): Promise<Message> => {
        requireUnweighted(gradient, n, given);
        const model = resets() ? requireModel(given, n, progress.state.step) : undefined;
        progress.begin();
        await inTurn(copy(device, gradient, own), requireFiniteVector(device, own));
        // 1. the blocks of this step
        const part = await gatheredFrom(device, own, blocksOf(GRADIENT_BLOCKS, 0));
        progress.put({ model, report: { density: part.length / n } });
        return { route: 'sum', bytes: bytesOf(part) };
      };
      return {
        send: begin,
        follow: (given) => begin(new Float32Array(n), given),
        check: notGathered,
        async receive(inbox, from) {
          const count = ranksOf(from, place.workers).length;
          const { model, stepped, report } = progress.step;
          const next = { step: progress.state.step + 1, report };
          if (stepped === undefined) {
            const blocks = blocksOf(GRADIENT_BLOCKS, 0);
            const sums = sumOf(inbox, sizeOf(blocks));
            await putInto(
              device,
              own,
              blocks,
              sums.map((sum) => sum / count),
            );
            if (model === undefined) {
              if (vector !== undefined) await vector.read(direction as Float32Array);
              progress.end(next);
              return { kind: 'direction', direction };
            }
            // 2. the step is taken here, since 3. follows it: on a copy, until 3. is done
            const ahead = copyOf(model);
            descend(ahead, await inMemory(device, own));
            const parts = statesOf(ahead).map((vector) => gathered(vector, blocksOf(MODEL_BLOCKS, 1)));
            const message: Message = { route: 'sum', bytes: bytesOf(joined(parts)) };
            requireFinite(ahead.parameters, 'the model after the step');
            requireFinite(ahead.velocity, 'the velocity after the step');
            progress.put({ model, stepped: ahead, report });
            return { kind: 'message', message };
          }
          // 3. the mean of the models in the blocks of this reset
          putMean(statesOf(stepped), blocksOf(MODEL_BLOCKS, 1), inbox, count);
          const swap = (): void => {
            if (model === undefined) return;
            swapValues(model.parameters, stepped.parameters);
            swapValues(model.velocity, stepped.velocity);
          };
          swap();
          progress.end(next, swap);
          return { kind: 'stepped' };
        },
        get wantsModel() {
          return resets();
        },
        get report() {
          return progress.state.report;
        },
        free: () => vector?.free(),
        ...keptByWorker(device, progress, { system: 'cser', seat: place }, () => ({})),
      };
    },
  };
}

/** A step under way. */
interface Step {
  /** The model that it resets, if it does. */
  readonly model: Model | undefined;
  /** A copy of it that has taken the step, between 2. and 3. */
  readonly stepped?: Model;
  readonly report: StepReport;
}

const copyOf = (model: Model): Model => ({
  ...model,
  parameters: model.parameters.slice(),
  velocity: model.velocity.slice(),
});

/** What is averaged of a model. */
function statesOf({ parameters, velocity, momentum }: Model): Float32Array[] {
  return momentum > 0 ? [parameters, velocity] : [parameters];
}

/** One block in `share`, drawn without replacement: [first, end) of each, ascending. */
function drawn(
  n: number,
  share: number,
  { seed, step, stream }: { seed: number; step: number; stream: number },
): [number, number][] {
  const length = Math.max(1, Math.ceil(n / BLOCKS));
  const count = Math.ceil(n / length);
  const four = new Int32Array(4);
  const luck = Array.from({ length: count }, (_, block) => {
    pcg4d(block, seed, step, stream, four);
    return { block, word: four[0] >>> 0 };
  });
  return luck
    .sort((a, b) => b.word - a.word || a.block - b.block)
    .slice(0, Math.ceil(count / share))
    .map(({ block }): [number, number] => [block * length, Math.min((block + 1) * length, n)])
    .sort(([a], [b]) => a - b);
}

/** The elements of these blocks, one after the other. */
function gathered(vector: Float32Array, blocks: readonly [number, number][]): Float32Array {
  return joined(blocks.map(([first, end]) => vector.subarray(first, end)));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The elements of these blocks of a vector, wherever it is. */
async function gatheredFrom(
  device: Device,
  vector: Vector,
  blocks: readonly [number, number][],
): Promise<Float32Array> {
  if (blocks.length === 0) return new Float32Array(0);
  const parts = await device.use(
    function* (scope): Steps<Uint32Array[]> {
      const { buffer } = scope.vector(vector);
      return yield blocks.map(([first, end]) => ({ buffer, first, count: end - first }));
    },
    [touchOf(vector, 'reads', true)],
  );
  return joined(parts.map(floatsOf));
}

/** Puts values, of all blocks one after the other, into these blocks of a vector, wherever it is. */
async function putInto(
  device: Device,
  vector: Vector,
  blocks: readonly [number, number][],
  values: Float32Array,
): Promise<void> {
  if (blocks.length === 0) return;
  await device.use(
    function* (scope) {
      const target = scope.changed(vector);
      let at = 0;
      for (const [first, end] of blocks)
        scope.splice(target.buffer, first, wordsOf(values.subarray(at, (at += end - first))));
      yield target.done();
    },
    [touchOf(vector, 'writes', true)],
  );
}

/** Elements of these blocks. */
function sizeOf(blocks: readonly [number, number][]): number {
  return blocks.reduce((sum, [first, end]) => sum + end - first, 0);
}

/** Puts the sum in an inbox, of the blocks of all vectors, divided by the workers, back into their blocks. */
function putMean(
  vectors: readonly Float32Array[],
  blocks: readonly [number, number][],
  inbox: readonly Uint8Array[],
  workers: number,
): void {
  const sums = sumOf(inbox, sizeOf(blocks) * vectors.length);
  let at = 0;
  for (const vector of vectors)
    for (const [first, end] of blocks) for (let i = first; i < end; i++) vector[i] = sums[at++] / workers;
}
