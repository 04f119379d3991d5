/**
 * What training through a system goes on from, as bytes: u32 length of the first part, the first part, the system's state.
 * The first part is a state as systems have it, of the variables, the optimizer's weights and its count of steps.
 */
import { dispose, tensor, type Optimizer } from '@tensorflow/tfjs-core';
import { packState, unpackState } from '../algorithms/state.ts';
import { requireBytes } from '../arguments.ts';
import { PacketError } from '../errors.ts';

/** A weight with its name, which TensorFlow.js has no exported type for. */
type NamedTensor = Awaited<ReturnType<Optimizer['getWeights']>>[number];

/** Weights by their place and name, `3 kernel/m`: optimizers find them by the order, and machines have other names. */
const keyOf = (place: number, name: string): string => `${place} ${name}`;

const ofOptimizer = (optimizer: Optimizer, n: number): string =>
  `${optimizer.getClassName()} of TensorFlow.js, ${n} elements`;

/**
 * The variables' numbers, an optimizer's weights and a system's state.
 * @throws Error where the optimizer has no function for it, as Adamax
 */
export async function packTraining(
  optimizer: Optimizer,
  parameters: Float32Array,
  system: Uint8Array,
): Promise<Uint8Array> {
  const [iterations, ...weights] = await optimizer.getWeights();
  const numbers: Record<string, readonly number[]> = {};
  const vectors: Record<string, Float32Array> = { parameters };
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
  const bytes = new Uint8Array(4 + first.length + system.length);
  new DataView(bytes.buffer).setUint32(0, first.length, true);
  bytes.set(first, 4);
  bytes.set(system, 4 + first.length);
  return bytes;
}

/**
 * The reverse: the variables' numbers, and a function that gives the system its state, which may refuse it, and then the
 * optimizer its weights.
 * @throws PacketError where the bytes are damaged, or of another optimizer or size
 */
export function unpackTraining(
  optimizer: Optimizer,
  n: number,
  given: Uint8Array,
): {
  readonly parameters: Float32Array;
  readonly load: (loadSystem: (state: Uint8Array) => void) => Promise<void>;
} {
  const bytes = new Uint8Array(requireBytes('state', given));
  const end = bytes.length < 4 ? 0 : 4 + new DataView(bytes.buffer).getUint32(0, true);
  if (end === 0 || end > bytes.length)
    throw new PacketError(`a state of ${bytes.length} bytes, expected ${Math.max(end, 4)} and more`, 0);
  const { numbers, vectors } = unpackState(bytes.subarray(4, end), ofOptimizer(optimizer, n));
  const { parameters, ...weights } = vectors;
  const iterations = numbers.iterations;
  if (parameters?.length !== n || !isList(iterations, 1))
    throw new PacketError('the state has no count of steps, or variables of another size', 4);
  const shaped = Object.entries(weights).map(([key, vector]) => {
    const shape = numbers[key];
    if (!Array.isArray(shape) || product(shape as number[]) !== vector.length)
      throw new PacketError(`"${key}" of the state has no shape, or another`, 4);
    return { name: key.slice(key.indexOf(' ') + 1), vector, shape: shape as number[] };
  });
  return {
    parameters,
    async load(loadSystem) {
      loadSystem(bytes.subarray(end));
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
