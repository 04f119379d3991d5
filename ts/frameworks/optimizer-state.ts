/**
 * What training through a system goes on from, as bytes: a state as systems have it, of the variables, the optimizer's
 * weights and its count of steps; then the system's state.
 */
import { dispose, tensor, type Optimizer } from '@tensorflow/tfjs-core';
import { packState, unpackState } from '../algorithms/state.ts';
import { PacketError } from '../errors.ts';
import type { Bytes } from '../platform.ts';
import { packed, unpacked } from './joined.ts';

/** A weight with its name, which TensorFlow.js has no exported type for. */
type NamedTensor = Awaited<ReturnType<Optimizer['getWeights']>>[number];

/** Weights by their place and name, `3 kernel/m`: optimizers find them by the order, and machines have other names. */
const keyOf = (place: number, name: string): string => `${place} ${name}`;

const ofOptimizer = (optimizer: Optimizer, n: number): string =>
  `${optimizer.getClassName()} of TensorFlow.js, ${n} elements`;

/** The numbers of the variables that are trained, and of those that are not. */
export interface Values {
  readonly parameters: Float32Array;
  readonly nonTrainable: Float32Array;
}

/**
 * The variables' numbers, an optimizer's weights and a system's state.
 * @throws Error where the optimizer has no function for it, as Adamax
 */
export async function packTraining(
  optimizer: Optimizer,
  { parameters, nonTrainable }: Values,
  system: Uint8Array,
): Promise<Bytes> {
  const [iterations, ...weights] = await optimizer.getWeights();
  const numbers: Record<string, readonly number[]> = {};
  const vectors: Record<string, Float32Array> = { parameters, nonTrainable };
  try {
    numbers.iterations = [...(await iterations.tensor.data())];
    for (const [i, { name, tensor: weight }] of weights.entries()) {
      vectors[keyOf(i, name)] = await weight.data<'float32'>();
      numbers[keyOf(i, name)] = weight.shape;
    }
  } finally {
    // made for this call; the weights are the optimizer's own
    iterations.tensor.dispose();
  }
  const first = packState({ of: ofOptimizer(optimizer, parameters.length), numbers, vectors });
  return packed(first, system);
}

/**
 * The reverse: the variables' numbers, and a function that gives the system its state, which may refuse it, and then
 * the optimizer its weights.
 * @throws PacketError where the bytes are damaged, or of another optimizer or size
 */
export function unpackTraining(
  optimizer: Optimizer,
  { n, beside }: { readonly n: number; readonly beside: number },
  given: Uint8Array,
): Values & {
  readonly load: (loadSystem: (state: Uint8Array) => Promise<void>) => Promise<void>;
} {
  const [first, system] = unpacked(given);
  const { numbers, vectors } = unpackState(first, ofOptimizer(optimizer, n));
  const { parameters, nonTrainable, ...weights } = vectors;
  const iterations = numbers.iterations;
  if (parameters?.length !== n || nonTrainable?.length !== beside || !isList(iterations, 1))
    throw new PacketError('the state has no count of steps, or variables of another size', 4);
  const shaped = Object.entries(weights).map(([key, vector]) => {
    const shape = numbers[key];
    if (!Array.isArray(shape) || product(shape as number[]) !== vector.length)
      throw new PacketError(`"${key}" of the state has no shape, or another`, 4);
    return { name: key.slice(key.indexOf(' ') + 1), vector, shape: shape as number[] };
  });
  return {
    parameters,
    nonTrainable,
    async load(loadSystem) {
      await loadSystem(system);
      const loaded: NamedTensor[] = [
        { name: 'iter', tensor: tensor(iterations, [], 'int32') },
        ...shaped.map(({ name, vector, shape }) => ({
          name,
          tensor: tensor(vector.slice(), shape, 'float32'),
        })),
      ];
      // setWeights makes variables of its own of what it is given, and leaves those it had
      const former = await optimizer.getWeights();
      await optimizer.setWeights(loaded);
      dispose([...former, ...loaded].map((weight) => weight.tensor));
    },
  };
}

const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);

function isList(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length && value.every(Number.isFinite);
}
