/**
 * The local model of a worker whose steps exchange fragments: it goes on from step to step, and takes the news late.
 */
import { requireInteger, requireOptions, shown } from '../arguments.ts';
import { fragmentsOf, requireFragments } from './local-fragments.ts';
import { descendFor } from './steps.ts';
import type { Model } from './system.ts';

/** How a local model is trained. */
export interface TrainerOptions {
  /** n elements, at the local model's parameters; called with the number of the local step, from 0. */
  readonly gradient: (local: Model, step: number) => Promise<Float32Array> | Float32Array;
  /** As the system's; 1 if left out. */
  readonly fragments?: number;
  /** Local steps before what was exchanged is applied, tau of the paper; 0 if left out. */
  readonly delay?: number;
}

/**
 * Trains a local model across exchanges, for systems of local steps with `fragments`: what `send` takes of them. Each
 * call takes steps of momentum SGD and gives the local parameters, of which the step exchanges a fragment. What that
 * has come to is applied in the next call, `delay` local steps late: to the fragment that was sent, local = theta +
 * (local - sent), so that it begins from the common model and keeps the steps taken meanwhile; to others, where the
 * common model has changed without this worker, local = theta + (local - theta before). These first steps are begun as
 * soon as a call has returned, so that a worker computes while its message travels. The velocity is the local model's
 * own. Source: Streaming DiLoCo, arXiv 2501.18512.
 *
 * @param options `gradient`; `fragments`, 1, as of the system; `delay` in local steps, 0
 * @returns a function of the common model, of a number of local steps, `delay` at least, and of the number of the step
 *   that exchanges what it gives, n elements
 * @throws TypeError or RangeError unless gradient is a function, fragments are in 1..65536, and delay is an integer
 *   from 0
 * @example
 * const model = { parameters: new Float32Array(2), velocity: new Float32Array(2), learningRate: 0.5, momentum: 0 };
 * const train = localTrainer({ delay: 1, gradient: ({ parameters }) => parameters.map((value) => value - 1) });
 * const local = await train(model, 5, 0);
 */
export function localTrainer(
  options: TrainerOptions,
): (model: Model, steps: number, step: number) => Promise<Float32Array> {
  requireOptions('localTrainer', options, ['gradient', 'fragments', 'delay']);
  const { gradient, fragments = 1, delay = 0 } = options;
  if (typeof gradient !== 'function')
    throw new TypeError(`"gradient" expected a function, got ${shown(gradient)}`);
  requireFragments(fragments);
  requireInteger('delay', delay, 0, 2 ** 32 - 1);
  let local: Pick<Model, 'parameters' | 'velocity'> | undefined;
  /** What the local parameters are counted from: what was sent of a fragment, the common model of the others. */
  let base: Float32Array;
  let taken = 0;
  /** The first steps of the next call. */
  let ahead: Promise<void> | undefined;

  const go = async (model: Model, steps: number): Promise<void> => {
    const copy = { ...model, ...local };
    const begun = taken;
    // of a gradient that fails, the step is begun anew
    await descendFor(copy, steps, (step) => gradient(copy, (taken = begun + step)));
    taken = begun + steps;
  };

  return async (model, steps, step) => {
    requireInteger('steps', steps, Math.max(1, delay), 2 ** 32 - 1);
    requireInteger('step', step, 0, 2 ** 32 - 1);
    const { parameters } = model;
    if (local === undefined) {
      local = { parameters: parameters.slice(), velocity: model.velocity.slice() };
      base = parameters.slice();
    }
    const first = ahead ?? go(model, delay);
    ahead = undefined;
    await first;
    const { parameters: own } = local;
    for (let i = 0; i < own.length; i++) own[i] = parameters[i] + Math.fround(own[i] - base[i]);
    base.set(parameters);
    await go(model, steps - delay);
    const { start, end } = fragmentsOf(own.length, fragments)[step % fragments];
    base.set(own.subarray(start, end), start);
    const result = own.slice();
    if (delay > 0) {
      ahead = go({ ...model }, delay);
      // told of by the next call
      ahead.catch(() => {});
    }
    return result;
  };
}
