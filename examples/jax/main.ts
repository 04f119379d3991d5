/**
 * `npm run example:jax`: a network of jax-js, trained by several workers in this process through algorithms of fewbits.
 * The parameters are a tree of arrays; `fewbits/jax` lays it and its gradients end to end for what travels, and builds
 * the tree again for the next step. On another machine each worker would do the same.
 */
import { init, jit, nn, numpy as np, tree as trees, valueAndGrad } from '@jax-js/jax';
import { descend, type Model } from 'fewbits/algorithms';
import * as jax from 'fewbits/jax';

import { runExample, type Crew, type Setting } from '../frameworks/compare.ts';
import { CLASSES, oneHot, PIXELS, rightAnswers, type Dataset } from '../mnist/mnist.ts';
import { openRandom, type Random } from '../mnist/random.ts';
import { rateOf } from '../mnist/rates.ts';

const HIDDEN = 64;
const WEIGHTS_STREAM = 1;
const EVALUATION_BATCH = 500;

/** A layer: rows are outputs. */
interface Layer {
  readonly kernel: np.Array;
  readonly bias: np.Array;
}
type Parameters = { readonly hidden: Layer; readonly out: Layer };

/** He's initialisation. */
function layer(outputs: number, inputs: number, random: Random): Layer {
  const kernel = Float32Array.from(
    { length: outputs * inputs },
    () => Math.sqrt(2 / inputs) * random.normal(),
  );
  return { kernel: np.array(kernel, { shape: [outputs, inputs] }), bias: np.zeros([outputs]) };
}

const dense = ({ kernel, bias }: Layer, x: np.Array): np.Array => np.matmul(x, kernel.transpose()).add(bias);

const logits = ({ hidden, out }: Parameters, x: np.Array): np.Array => dense(out, nn.relu(dense(hidden, x)));

/** Mean of -log softmax at the right digit; `targets` holds 1 / batch there. */
const loss = (parameters: Parameters, x: np.Array, targets: np.Array): np.Array =>
  np.negative(nn.logSoftmax(logits(parameters, x)).mul(targets).sum());

async function open({ algorithm, device, workers, seed }: Setting): Promise<Crew> {
  await init('wasm');
  const lossAndGradient = jit(valueAndGrad(loss));
  const classify = jit((parameters: Parameters, x: np.Array) => np.argmax(logits(parameters, x), 1));
  const random = openRandom(seed, WEIGHTS_STREAM);
  const initial: Parameters = { hidden: layer(HIDDEN, PIXELS, random), out: layer(CLASSES, HIDDEN, random) };
  const layout = jax.layoutOf(initial);
  const first = await jax.flatten(initial);
  const { name, system, momentum } = algorithm;
  const learningRate = rateOf('data', 'mnist', name);
  const n = layout.length;
  const ranks = Array.from({ length: workers }, (_, rank) => rank);
  const models = ranks.map((): Model => {
    return { parameters: first.slice(), velocity: new Float32Array(n), learningRate, momentum };
  });
  const pictures = ({ images, labels }: Dataset): np.Array =>
    np.array(images, { shape: [labels.length, PIXELS] });
  const crew = ranks.map((rank) => system.worker(device, { n, workers, rank }));
  const server = system.server?.(device, { n, workers });

  return {
    workers: crew,
    server,
    parameters: n,
    models,
    async gradient(rank, batch) {
      const { length } = batch.labels;
      const targets = np.array(oneHot(batch.labels, 1 / length), { shape: [length, CLASSES] });
      const parameters = jax.unflatten(models[rank].parameters, layout);
      const [value, gradients] = lossAndGradient(parameters, pictures(batch), targets);
      value.dispose();
      // the order of names, and a shape that differs, is found out here
      return jax.flatten(gradients, { layout });
    },
    descend: (rank, direction) => descend(models[rank], direction),
    async evaluate(set) {
      const mean = new Float32Array(n);
      for (const { parameters } of models) parameters.forEach((value, i) => (mean[i] += value / workers));
      const parameters = jax.unflatten(mean, layout);
      const share = await rightAnswers(set, EVALUATION_BATCH, async (part) => {
        const answers = classify(trees.ref(parameters), pictures(part));
        return (await answers.data()) as Int32Array;
      });
      trees.dispose(parameters);
      return share;
    },
    close() {
      for (const machine of [...crew, server]) machine?.free();
      lossAndGradient.dispose();
      classify.dispose();
    },
  };
}

await runExample(
  {
    command: 'npm run example:jax',
    steps: 150,
    what: `Trains a network of jax-js on the MNIST digits, several workers in one process: dense,
and through algorithms of fewbits.`,
    open,
  },
  process.argv.slice(2),
);
