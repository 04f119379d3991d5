/** Steps of an optimizer of TensorFlow.js on variables: the gradient that goes in, and what a step takes off them. */
import {
  clone,
  dispose,
  sub,
  tidy,
  variableGrads,
  zerosLike,
  type Optimizer,
  type Scalar,
  type Tensor,
  type Variable,
} from '@tensorflow/tfjs-core';
import { requireFinite, type Vector } from '../algorithms/vectors.ts';
import { requireOptions } from '../arguments.ts';
import { openMemory, type Place } from './places.ts';
import { assignLeaves, requireTrainable } from './tensors.ts';

/**
 * One step of an optimizer by itself, as a vector that a system can take for a gradient: parameters before minus after.
 * For transports that step a flat model of their own, as `joinRun` of `fewbits/mqtt` does, whose model then has
 * learningRate 1 and momentum 0. The variables are set to `parameters`, and have these numbers afterwards; those with
 * `trainable: false` are no part of it, so that the model has `layoutOf(variables, { trainable: true }).length`
 * elements. The vector is the caller's.
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
  const { leaves: variables, layout } = requireTrainable(options.variables);
  const place = openMemory(layout);
  assignLeaves(variables, layout, options.parameters);
  const { gradient } = await gradientOf(variables, place, options.loss);
  requireFinite(gradient);
  return changeBy(optimizer, variables, place, gradient);
}

/** A loss and its gradient at the variables, zeros where it does not depend on them. */
export async function gradientOf<Where extends Vector>(
  variables: readonly Variable[],
  place: Place<Where>,
  loss: () => Scalar,
): Promise<{ readonly loss: number; readonly gradient: Where }> {
  const { value, grads } = variableGrads(loss, [...variables]);
  const tensors = tidy(() => variables.map((variable) => grads[variable.name] ?? zerosLike(variable)));
  try {
    const [[number], gradient] = await Promise.all([value.data<'float32'>(), place.gather(tensors)]);
    return { loss: number, gradient };
  } finally {
    dispose([value, grads, tensors]);
  }
}

/** One step of an optimizer. */
export function apply(
  optimizer: Optimizer,
  variables: readonly Variable[],
  gradient: readonly Tensor[],
): void {
  // a list, not a record: optimizers keep their weights by the order, and records may change that
  optimizer.applyGradients(variables.map(({ name }, i) => ({ name, tensor: gradient[i] })));
}

/** variables -= direction */
export function descend(variables: readonly Variable[], direction: readonly Tensor[]): void {
  tidy(() => variables.forEach((variable, i) => variable.assign(sub(variable, direction[i]))));
}

/** What a step of an optimizer takes off the variables, which have the numbers afterwards that they had before. */
export async function changeBy<Where extends Vector>(
  optimizer: Optimizer,
  variables: readonly Variable[],
  place: Place<Where>,
  gradient: Where,
): Promise<Where> {
  const before = tidy(() => variables.map((variable) => clone(variable)));
  const tensors = place.spread(gradient);
  let change: Tensor[] = [];
  try {
    apply(optimizer, variables, tensors);
    change = tidy(() => variables.map((variable, i) => sub(before[i], variable)));
    return await place.gather(change);
  } finally {
    variables.forEach((variable, i) => variable.assign(before[i]));
    dispose([before, tensors, change]);
  }
}
