/**
 * The vectors that compressors are measured on: three kinds of random numbers, and what the networks of `npm start`
 * make of MNIST. All of it follows from seeds.
 */
import { descend, type Model } from 'fewbits/algorithms';
import { readMnistFile } from '../../examples/mnist/files.ts';
import { BATCH, BATCHES_STREAM, loadMnist, openDealer } from '../../examples/mnist/mnist.ts';
import { openModel } from '../../examples/mnist/model.ts';
import { BATCHES_STREAM as CUT_STREAM, MOMENTUM } from '../../examples/mnist/split.ts';
import { openSplitModel } from '../../examples/mnist/split-model.ts';
import { openDraws } from '../../tests/support/draws.ts';

/** Elements of a random vector. */
export const N: number = 2 ** 20;

/** Steps of training before a gradient or features are taken, and how many batches of them lie end to end. */
export const STEPS = 200;
const GRADIENTS = 10;
const FEATURES = 5;

const SEED = 1;

/** What both halves of split learning descend with. */
const DENSE = { learningRate: 0.05, momentum: MOMENTUM };
const SPLIT = { learningRate: 0.02, momentum: MOMENTUM };

/** The kinds of data by name, in their order. */
export type Kind = 'normal' | 'heavy tails' | 'ReLU' | 'gradient' | 'features';
export const KINDS: readonly Kind[] = ['normal', 'heavy tails', 'ReLU', 'gradient', 'features'];

/** The kinds that are drawn from one sequence. */
export function randomVectors(): Record<'normal' | 'heavy tails' | 'ReLU', Float32Array> {
  const { normal } = openDraws(20240829);
  const vector = (draw: () => number): Float32Array => Float32Array.from({ length: N }, draw);
  return {
    // sums of values of many sizes, as in a dense gradient
    normal: vector(normal),
    // Student's t with three degrees of freedom: a gradient with heavy tails
    'heavy tails': vector(() => normal() / Math.sqrt((normal() ** 2 + normal() ** 2 + normal() ** 2) / 3)),
    // a feature map behind a rectifier
    ReLU: vector(() => Math.max(0, normal())),
  };
}

/** All kinds. Trains both networks for `STEPS` steps: about half a minute. */
export async function openVectors(): Promise<Record<Kind, Float32Array>> {
  return { ...randomVectors(), gradient: await gradients(), features: await features() };
}

/** Gradients of several batches by the parameters that dense training has reached, end to end. */
async function gradients(): Promise<Float32Array> {
  const network = await openModel();
  const { train } = await loadMnist(readMnistFile);
  const deal = openDealer(train, SEED, BATCHES_STREAM, BATCH);
  const model = trained(network.initial(SEED), DENSE);
  const next = async (): Promise<Float32Array> => {
    const gradient = new Float32Array(network.size);
    await network.gradient(model.parameters, deal(), gradient);
    return gradient;
  };
  for (let step = 0; step < STEPS; step++) descend(model, await next());
  const parts: Float32Array[] = [];
  for (let i = 0; i < GRADIENTS; i++) parts.push(await next());
  return joined(parts);
}

/** What the client of split learning sends of several batches, after training with nothing compressed, end to end. */
async function features(): Promise<Float32Array> {
  const network = await openSplitModel();
  const { train } = await loadMnist(readMnistFile);
  const deal = openDealer(train, SEED, CUT_STREAM, BATCH);
  const client = trained(network.initialClient(SEED), SPLIT);
  const server = trained(network.initialServer(SEED), SPLIT);
  for (let step = 0; step < STEPS; step++) {
    const batch = deal();
    const sent = await network.forward(client.parameters, batch);
    const { gradient, atCut } = await network.finish(server.parameters, sent, batch.labels);
    descend(server, gradient);
    descend(client, await network.backward(client.parameters, batch, atCut));
  }
  const parts: Float32Array[] = [];
  for (let i = 0; i < FEATURES; i++) parts.push(await network.forward(client.parameters, deal()));
  return joined(parts);
}

/** Parameters as momentum SGD steps them. */
function trained(
  parameters: Float32Array,
  { learningRate, momentum }: { readonly learningRate: number; readonly momentum: number },
): Model {
  return { parameters, velocity: new Float32Array(parameters.length), learningRate, momentum };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
