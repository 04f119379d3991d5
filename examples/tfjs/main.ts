/**
 * `npm run example:tfjs`: a network of TensorFlow.js, trained by several workers in this process, each with variables
 * and an optimizer of its own, through algorithms of fewbits. On another machine each worker would do the same.
 */
import './gradients.ts';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfjs from 'fewbits/tfjs';

import { runExample, type Crew, type Setting } from '../frameworks/compare.ts';
import { CLASSES, oneHot, PIXELS, rightAnswers, type Dataset } from '../mnist/mnist.ts';
import { openRandom, type Random } from '../mnist/random.ts';

const HIDDEN = 32;
const WEIGHTS_STREAM = 1;
const EVALUATION_BATCH = 500;

const OPTIMIZERS: Record<string, () => tf.Optimizer> = {
  adam: () => tf.train.adam(0.003),
  sgd: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.02, 0.9),
  rmsprop: () => tf.train.rmsprop(0.001),
};

/** A layer: columns are outputs. */
interface Layer {
  readonly kernel: tf.Variable<tf.Rank.R2>;
  readonly bias: tf.Variable<tf.Rank.R1>;
}
type Net = { readonly hidden: Layer; readonly out: Layer };

/** He's initialisation. */
function layer(inputs: number, outputs: number, random: Random): Layer {
  const kernel = Float32Array.from(
    { length: inputs * outputs },
    () => Math.sqrt(2 / inputs) * random.normal(),
  );
  return tf.tidy(() => ({
    kernel: tf.variable(tf.tensor2d(kernel, [inputs, outputs])),
    bias: tf.variable(tf.zeros<tf.Rank.R1>([outputs])),
  }));
}

function openNet(seed: number): Net {
  const random = openRandom(seed, WEIGHTS_STREAM);
  return { hidden: layer(PIXELS, HIDDEN, random), out: layer(HIDDEN, CLASSES, random) };
}

const dense = ({ kernel, bias }: Layer, x: tf.Tensor2D): tf.Tensor2D => tf.add(tf.matMul(x, kernel), bias);

const logits = ({ hidden, out }: Net, x: tf.Tensor2D): tf.Tensor2D => dense(out, tf.relu(dense(hidden, x)));

const pictures = ({ images, labels }: Dataset): tf.Tensor2D => tf.tensor2d(images, [labels.length, PIXELS]);

/** Mean of -log softmax at the right digit. */
function lossOf(net: Net, batch: Dataset): tf.Scalar {
  const { length } = batch.labels;
  const targets = tf.tensor2d(oneHot(batch.labels, 1 / length), [length, CLASSES]);
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits(net, pictures(batch))), targets)));
}

async function open({ algorithm: { system }, device, workers, seed, choice }: Setting): Promise<Crew> {
  await tf.setBackend('cpu');
  const ranks = Array.from({ length: workers }, (_, rank) => rank);
  const nets = ranks.map(() => openNet(seed));
  const optimizers = ranks.map(() => OPTIMIZERS[choice]());
  const crew = ranks.map((rank) =>
    tfjs.distribute(optimizers[rank], { system, device, workers, rank, variables: nets[rank] }),
  );
  const n = crew[0].layout.length;
  const server = system.server?.(device, { n, workers });
  const close = (net: Net): void =>
    tf.dispose([net.hidden.kernel, net.hidden.bias, net.out.kernel, net.out.bias]);
  return {
    workers: crew,
    server,
    parameters: n,
    gradient: async (rank, batch) => (await crew[rank].gradient(() => lossOf(nets[rank], batch))).gradient,
    async evaluate(set) {
      const mean = new Float32Array(n);
      for (const net of nets) (await tfjs.flatten(net)).forEach((value, i) => (mean[i] += value / workers));
      const net = openNet(seed);
      tfjs.assign(net, mean);
      const share = await rightAnswers(set, EVALUATION_BATCH, async (part) => {
        const answers = tf.tidy(() => tf.argMax(logits(net, pictures(part)), 1));
        const digits = await answers.data<'int32'>();
        answers.dispose();
        return digits;
      });
      close(net);
      return share;
    },
    close() {
      for (const worker of crew) worker.dispose();
      server?.free();
      nets.forEach(close);
      for (const optimizer of optimizers) optimizer.dispose();
    },
  };
}

await runExample(
  {
    command: 'npm run example:tfjs',
    steps: 100,
    what: `Trains a network of TensorFlow.js on the MNIST digits, several workers in one process,
each with an optimizer of its own: dense, and through algorithms of fewbits.`,
    choice: { name: 'optimizer', values: Object.keys(OPTIMIZERS), about: 'of TensorFlow.js' },
    open,
  },
  process.argv.slice(2),
);
