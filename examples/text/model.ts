/**
 * A transformer that reads characters and says which comes next: blocks of causal attention and of a ReLU layer, each
 * behind a layer norm, learned places, one matrix for reading characters and for naming them (A. Vaswani et al., arXiv
 * 1706.03762; the norms in front as in R. Xiong et al., arXiv 2002.04745). jax-js does all of its arithmetic, under the
 * rules that examples/mnist/model.ts tells; parameters and gradients lie end to end in one flat vector.
 */
import { init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';

import { layoutOf } from '../mnist/flat.ts';
import type { Network } from '../mnist/network.ts';
import { CHARACTERS, CONTEXT, partsOf, type Passages } from './passages.ts';

/** A transformer whose parameters live outside of it. */
export interface Model extends Network<Passages> {
  /** Bits a character that it takes to name the characters of all passages, each from those before it. */
  bits(parameters: Float32Array, passages: Passages): Promise<number>;
}

const WIDTH = 64;
const HEADS = 4;
const LAYERS = 2;

/** Arrays of one layer: attention's norm, queries, keys and values, output; then the other norm and two matrices. */
const LAYER = [
  [WIDTH],
  [3 * WIDTH, WIDTH],
  [WIDTH, WIDTH],
  [WIDTH],
  [4 * WIDTH, WIDTH],
  [WIDTH, 4 * WIDTH],
] as const;

/** Characters, places, layers, the last norm: in the order in which they lie in the flat vector. */
export const SHAPES: readonly (readonly number[])[] = [
  [CHARACTERS, WIDTH],
  [CONTEXT, WIDTH],
  ...Array.from({ length: LAYERS }, () => LAYER).flat(),
  [WIDTH],
];

/** Random stream of the initial weights. */
const WEIGHTS_STREAM = 11;

/** A layer norm without a shift; its scale is 1 where the parameter is 0, as it is at the start. */
function norm(x: np.Array, scale: np.Array): np.Array {
  return nn.standardize(x).mul(scale.add(1));
}

/**
 * What each place gathers from itself and those before it: values, weighted by softmax(q k / sqrt(d)). By matrix
 * products, since jax-js's own attention needs iterators that Node has from version 22 on.
 */
function attention(q: np.Array, k: np.Array, v: np.Array, count: number): np.Array {
  const size = WIDTH / HEADS;
  const [queries, keys, values] = [q, k, v].map((part) =>
    part.reshape([count, CONTEXT, HEADS, size]).transpose([0, 2, 1, 3]),
  );
  const scores = np.matmul(queries, keys.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(size));
  const isBefore = np.tril(np.ones([CONTEXT, CONTEXT])).greater(0);
  const weights = nn.softmax(np.where(isBefore, scores, -1e9));
  return np
    .matmul(weights, values)
    .transpose([0, 2, 1, 3])
    .reshape([count * CONTEXT, WIDTH]);
}

/** Adds to each place what attention gathers, then what the ReLU layer makes of it. */
function layer(x: np.Array, [s1, qkv, out, s2, up, down]: np.Array[], count: number): np.Array {
  const [q, k, v] = np.split(np.matmul(norm(x.ref, s1), qkv.transpose()), 3, 1);
  const y = x.add(np.matmul(attention(q, k, v, count), out.transpose()));
  const hidden = nn.relu(np.matmul(norm(y.ref, s2), up.transpose()));
  return y.add(np.matmul(hidden, down.transpose()));
}

/** One row a character that is read: how likely each character is to come next, as logarithms up to a constant. */
export function logits([characters, places, ...rest]: np.Array[], read: np.Array, count: number): np.Array {
  let x = np
    .matmul(read, characters.ref)
    .reshape([count, CONTEXT, WIDTH])
    .add(places)
    .reshape([count * CONTEXT, WIDTH]);
  for (let i = 0; i < LAYERS; i++) x = layer(x, rest.slice(i * LAYER.length, (i + 1) * LAYER.length), count);
  return np.matmul(norm(x, rest[rest.length - 1]), characters.transpose());
}

/** Mean of -log softmax(z) at the character that comes next; `targets` holds 1 / rows there and 0 elsewhere. */
function loss(weights: np.Array[], read: np.Array, targets: np.Array): np.Array {
  const count = read.shape[0] / CONTEXT;
  return np.negative(
    nn
      .logSoftmax(logits(weights, read, count))
      .mul(targets)
      .sum(),
  );
}

/** Opens the network on jax-js's WebAssembly backend; its functions are compiled at their first call. */
export async function openModel(): Promise<Model> {
  await init('wasm');
  const lossAlone = jit(loss);
  const lossAndGradient = jit(valueAndGrad(loss));
  const layout = layoutOf(SHAPES);

  /** What is read and what is to be named, for jax-js. */
  function upload({ codes }: Passages): [np.Array, np.Array] {
    const count = codes.length / (CONTEXT + 1);
    const read = new Float32Array(count * CONTEXT * CHARACTERS);
    const targets = new Float32Array(read.length);
    for (let row = 0; row < count * CONTEXT; row++) {
      const at = row + Math.floor(row / CONTEXT);
      read[row * CHARACTERS + codes[at]] = 1;
      targets[row * CHARACTERS + codes[at + 1]] = 1 / (count * CONTEXT);
    }
    const shape = [count * CONTEXT, CHARACTERS];
    return [np.array(read, { shape }), np.array(targets, { shape })];
  }

  const lossOf = async (parameters: Float32Array, passages: Passages): Promise<number> =>
    numberOf(lossAlone(layout.upload(parameters), ...upload(passages)));

  return {
    size: layout.size,
    initial: (seed) => layout.initial(seed, WEIGHTS_STREAM),
    async gradient(parameters, passages, out) {
      const [value, parts] = lossAndGradient(layout.upload(parameters), ...upload(passages));
      await layout.download(parts, out);
      return numberOf(value);
    },
    loss: lossOf,
    async bits(parameters, passages) {
      let sum = 0;
      for (const part of partsOf(passages))
        sum += (part.codes.length / passages.codes.length) * (await lossOf(parameters, part));
      return sum / Math.LN2;
    },
  };
}

/** An array of one number, used up. */
async function numberOf(array: np.Array): Promise<number> {
  return ((await array.data()) as Float32Array)[0];
}
