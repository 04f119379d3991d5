/**
 * CSER, error reset: C. Xie et al., "CSER: Communication-efficient SGD with Error Reset", arXiv 2007.13221. Blocks drawn
 * from a shared seed are averaged, in the gradient at each step and in the model now and then; everything else is applied
 * locally at once, so models drift, and each reset takes a part of the drift back.
 *
 * Steps t = 0, 1, ...:
 * 1. worker r: its blocks of g_r, one in 32, go to the sum; g'_r is their mean there, and g_r elsewhere.
 * 2. worker r: its direction is g'_r.
 * 3. where (t + 1) mod 8 = 0, after the step: blocks of the models (and momentum), one in 4, are averaged.
 *
 * The paper keeps the error e_r = x_r - x beside each model and averages blocks of e_r; since x is common to all, that is
 * averaging the same blocks of x_r, and no error needs to be kept.
 *
 * Of a round over some of the workers the means are over these; all put them into their blocks, whoever sent.
 */
import { isCompressor, requireInteger, requireOptions } from '../../arguments.ts';
import { pcg4d } from '../../kernels/random.ts';
import { shared, stateful } from '../state.ts';
import { bytesOf, descend, finiteFloatsOf, notGathered, only, ranksOf } from '../steps.ts';
import type { Message, Model, StepReport, System } from '../system.ts';
import { copyInto, requireFinite, requireVector, type Vector } from '../vectors.ts';

/** One block in so many is averaged: of gradients in each step, of models in each eighth. */
const GRADIENT_BLOCKS = 32;
const MODEL_BLOCKS = 4;
const PERIOD = 8;

/** Blocks that a vector is cut into: enough that one in 32 is a share of it, and none is large. */
const BLOCKS = 512;

/**
 * CSER with the settings of its paper's strongest compression: 1/32 of the gradient each step, 1/4 of the models each 8th.
 * `send` wants the worker's model in those, and the model is stepped there. Models of workers differ: evaluate their mean.
 * Source: arXiv 2007.13221.
 *
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
    worker(device, { n, workers, rank }) {
      const direction = new Float32Array(n);
      let step = 0;
      let model: Model | undefined;
      let round: 'gradient' | 'model' = 'gradient';
      let report: StepReport = {};
      const resets = (): boolean => (step + 1) % PERIOD === 0;
      const numbers = (): { step: number } => ({ step });
      const restore = (saved: { step: number }): void => {
        ({ step } = saved);
      };
      const begin = async (gradient: Vector, given: Model | undefined): Promise<Message> => {
        if (resets() && given === undefined)
          throw new TypeError(`"model" expected in step ${step}, which averages the models, got none`);
        requireVector('gradient', gradient, n);
        await copyInto(device, gradient, direction);
        requireFinite(direction);
        model = given;
        round = 'gradient';
        // 1. the blocks of this step
        const part = gathered(direction, drawn(n, GRADIENT_BLOCKS, { seed, step, stream: 0 }));
        report = { density: part.length / n };
        return { route: 'sum', bytes: bytesOf(part) };
      };
      return {
        send: begin,
        follow: (given) => begin(new Float32Array(n), given),
        check: notGathered,
        async receive(inbox, from) {
          const count = ranksOf(from, workers).length;
          if (round === 'gradient') {
            putMean(direction, drawn(n, GRADIENT_BLOCKS, { seed, step, stream: 0 }), [only(inbox), 0], count);
            if (!resets() || model === undefined) {
              step++;
              return { kind: 'direction', direction };
            }
            // 2. the step is taken here, since 3. follows it
            descend(model, direction);
            round = 'model';
            const blocks = drawn(n, MODEL_BLOCKS, { seed, step, stream: 1 });
            const parts = statesOf(model).map((vector) => gathered(vector, blocks));
            return { kind: 'message', message: { route: 'sum', bytes: bytesOf(joined(parts)) } };
          }
          // 3. the mean of the models in the blocks of this reset
          const blocks = drawn(n, MODEL_BLOCKS, { seed, step, stream: 1 });
          const vectors = model === undefined ? [] : statesOf(model);
          for (const [place, vector] of vectors.entries())
            putMean(vector, blocks, [only(inbox), place], count, vectors.length);
          step++;
          return { kind: 'stepped' };
        },
        get wantsModel() {
          return resets();
        },
        get report() {
          return report;
        },
        ...stateful(`cser, worker ${rank} of ${workers}, ${n} elements`, {}, numbers, restore),
        ...shared(`cser, ${workers} workers, ${n} elements`, numbers, restore),
      };
    },
  };
}

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

/** Puts the sums of the `place`th of `places` vectors, divided by the workers, back into their blocks. */
function putMean(
  vector: Float32Array,
  blocks: readonly [number, number][],
  [bytes, place]: readonly [Uint8Array, number],
  workers: number,
  places = 1,
): void {
  const size = blocks.reduce((sum, [first, end]) => sum + end - first, 0);
  const sums = finiteFloatsOf(bytes, size * places);
  let at = place * size;
  for (const [first, end] of blocks) for (let i = first; i < end; i++) vector[i] = sums[at++] / workers;
}
