/**
 * The network: 784 pixels, 128 ReLU units, 10 digits, softmax cross entropy. jax-js does all of its arithmetic;
 * this file says what to compute and lays parameters and gradients end to end in one flat vector, which is what
 * compressors take.
 *
 * jax-js counts references: a function that is given an array owns it from then on, and `.ref` is another
 * reference to keep. Every array made here is handed on once, or disposed of, so that no step leaves any behind.
 */
import { init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';

import { layoutOf } from './flat.ts';
import type { Dataset } from './mnist.ts';
import { CLASSES, oneHot, PIXELS, rightAnswers } from './mnist.ts';
import type { Network } from './network.ts';

/** The network on pictures. */
export interface Model extends Network<Dataset> {
  /** The share of `dataset` whose digit the network names, 0 to 1. */
  evaluate(parameters: Float32Array, dataset: Dataset): Promise<number>;
}

const HIDDEN = 128;

/** Arrays in the order in which they lie in the flat vector. Rows are outputs: the layout jax-js is fastest on. */
const SHAPES = [[HIDDEN, PIXELS], [HIDDEN], [CLASSES, HIDDEN], [CLASSES]] as const;

/** One array a shape, in that order. */
type Weights = np.Array[];

/** Images evaluated in one call: enough to keep the call's overhead small, few enough to stay in the cache. */
const EVALUATION_BATCH = 500;

/** Random stream of the initial weights; the batches have another. */
const WEIGHTS_STREAM = 1;

/** z = relu(x W1^T + b1) W2^T + b2, one row an image. */
function logits([w1, b1, w2, b2]: Weights, images: np.Array): np.Array {
  const hidden = nn.relu(np.matmul(images, w1.transpose()).add(b1));
  return np.matmul(hidden, w2.transpose()).add(b2);
}

/** Mean of -log softmax(z) at the right digit; `targets` holds 1 / batch there and 0 elsewhere. */
function loss(weights: Weights, images: np.Array, targets: np.Array): np.Array {
  return np.negative(nn.logSoftmax(logits(weights, images)).mul(targets).sum());
}

/** The most probable digit of each image. */
function classify(weights: Weights, images: np.Array): np.Array {
  return np.argmax(logits(weights, images), 1);
}

/** Opens the network on jax-js's WebAssembly backend; its functions are compiled at their first call. */
export async function openModel(): Promise<Model> {
  await init('wasm');
  const lossAlone = jit(loss);
  const lossAndGradient = jit(valueAndGrad(loss));
  const predict = jit(classify);
  const layout = layoutOf(SHAPES);

  /** Pictures and targets of a batch, for jax-js. */
  function upload({ images, labels }: Dataset): [np.Array, np.Array] {
    const count = labels.length;
    return [
      np.array(images, { shape: [count, PIXELS] }),
      np.array(oneHot(labels, 1 / count), { shape: [count, CLASSES] }),
    ];
  }

  async function gradient(parameters: Float32Array, batch: Dataset, out: Float32Array): Promise<number> {
    const [value, parts] = lossAndGradient(layout.upload(parameters), ...upload(batch));
    await layout.download(parts, out);
    return number(value);
  }

  async function evaluate(parameters: Float32Array, dataset: Dataset): Promise<number> {
    const weights = layout.upload(parameters);
    const share = await rightAnswers(dataset, EVALUATION_BATCH, async ({ images, labels }) => {
      const answers = predict(
        weights.map((array) => array.ref),
        np.array(images, { shape: [labels.length, PIXELS] }),
      );
      return (await answers.data()) as Int32Array;
    });
    for (const array of weights) array.dispose();
    return share;
  }

  return {
    size: layout.size,
    initial: (seed) => layout.initial(seed, WEIGHTS_STREAM),
    gradient,
    loss: (parameters, batch) => number(lossAlone(layout.upload(parameters), ...upload(batch))),
    evaluate,
  };
}

/** An array of one number, used up. */
async function number(array: np.Array): Promise<number> {
  return ((await array.data()) as Float32Array)[0];
}
