/** The network of the page, with TensorFlow.js, and the digits that it has. */
import '@tensorflow/tfjs-backend-cpu';
// @ts-expect-error it has no declarations, and nothing to declare
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import * as tf from '@tensorflow/tfjs-core';

import { CLASSES, loadPictures, oneHot, PIXELS, toDataset, type Dataset } from '../mnist/mnist.ts';
import { fetchDigits } from '../shared/fetch-digits.ts';

const HIDDEN = 32;
const BATCH = 32;

type Layer = Readonly<Record<'kernel' | 'bias', tf.Variable>>;

/** Zeros until a round starts; laid out as `layout` of ends.ts. */
const layer = (inputs: number, outputs: number): Layer => ({
  kernel: tf.variable(tf.zeros([inputs, outputs])),
  bias: tf.variable(tf.zeros([outputs])),
});

/** Some of the digits, those from `first` on. */
async function digits(set: 'train' | 't10k', first: number, count: number): Promise<Dataset> {
  const { images, labels } = await loadPictures(fetchDigits, set);
  const end = first + count;
  return toDataset({
    images: images.subarray(PIXELS * first, PIXELS * end),
    labels: labels.subarray(first, end),
  });
}

export interface Net {
  readonly variables: { readonly hidden: Layer; readonly out: Layer };
  /** Mean cross entropy of 32 of the own digits, drawn anew each time. */
  readonly loss: () => tf.Scalar;
  /** Of 500 digits that nobody trains on, the share that it names. */
  readonly accuracy: () => Promise<number>;
}

/** The network, and `samples` digits of its own from `first` on. */
export async function openNet(first: number, samples: number): Promise<Net> {
  await tf.setBackend('cpu');
  const own = await digits('train', first, samples);
  const test = await digits('t10k', 0, 500);
  const variables = { hidden: layer(PIXELS, HIDDEN), out: layer(HIDDEN, CLASSES) };
  const dense = ({ kernel, bias }: Layer, x: tf.Tensor): tf.Tensor =>
    tf.add(tf.matMul(x, kernel as tf.Tensor), bias);
  const logits = (images: Float32Array): tf.Tensor => {
    const x = tf.tensor2d(images, [images.length / PIXELS, PIXELS]);
    return dense(variables.out, tf.relu(dense(variables.hidden, x)));
  };
  return {
    variables,
    loss() {
      const rows = Array.from({ length: BATCH }, () => Math.floor(Math.random() * samples));
      const images = new Float32Array(BATCH * PIXELS);
      for (const [i, row] of rows.entries())
        images.set(own.images.subarray(PIXELS * row, PIXELS * (row + 1)), PIXELS * i);
      const labels = Uint8Array.from(rows, (row) => own.labels[row]);
      const targets = tf.tensor2d(oneHot(labels, 1 / BATCH), [BATCH, CLASSES]);
      return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits(images)), targets)));
    },
    async accuracy() {
      const named = tf.tidy(() => tf.argMax(logits(test.images), 1));
      const answers = await named.data<'int32'>();
      named.dispose();
      return test.labels.filter((digit, i) => digit === answers[i]).length / test.labels.length;
    },
  };
}
