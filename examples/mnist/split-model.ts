/**
 * The network of split learning: two convolutions at the client, the rest at the server.
 *
 *   client  28 x 28 -> 3 x 3 convolution, stride 2, 8 channels, ReLU -> 3 x 3 convolution, 16 channels, ReLU
 *   cut     14 x 14 places of 16 channels: 3,136 numbers an image
 *   server  2 x 2 maximum -> 64 ReLU units -> 10 classes, softmax cross entropy
 *
 * jax-js does all of its arithmetic; convolutions are products of matrices, of patches and of weights, which is what it
 * is fast at. It counts references: a function that is given an array owns it from then on, and `.ref` is another one.
 */
import { grad, init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';

import { layoutOf } from './flat.ts';
import type { Dataset } from './mnist.ts';
import { CLASSES, oneHot, PIXELS, rightAnswers } from './mnist.ts';

/** A network in two halves whose parameters live outside of it, as one flat vector each. */
export interface SplitModel {
  /** Parameters of the client's half, and of the server's. */
  readonly clientSize: number;
  readonly serverSize: number;
  initialClient(seed: number): Float32Array;
  initialServer(seed: number): Float32Array;
  /** The client's forward pass: the features of a batch. */
  forward(client: Float32Array, batch: Dataset): Promise<Float32Array>;
  /** The server's passes: the batch's mean loss, its gradient of the server's parameters and of the features. */
  finish(
    server: Float32Array,
    features: Float32Array,
    labels: Uint8Array,
  ): Promise<{ loss: number; gradient: Float32Array; atCut: Float32Array }>;
  /** The client's backward pass, from the gradient of its features. */
  backward(client: Float32Array, batch: Dataset, atCut: Float32Array): Promise<Float32Array>;
  /** The share of `dataset` that both halves together name right, nothing compressed between them. */
  evaluate(client: Float32Array, server: Float32Array, dataset: Dataset): Promise<number>;
}

const SIDE = 28;
/** Sides of a patch, and of what the client sends. */
const PATCH = 3;
const MAP = 14;
const CHANNELS = [8, 16] as const;
const HIDDEN = 64;
const POOLED = CHANNELS[1] * (MAP / 2) ** 2;

/** Rows are outputs: the layout jax-js is fastest on. */
const CLIENT = [
  [CHANNELS[0], PATCH ** 2],
  [CHANNELS[0]],
  [CHANNELS[1], PATCH ** 2 * CHANNELS[0]],
  [CHANNELS[1]],
] as const;
const SERVER = [[HIDDEN, POOLED], [HIDDEN], [CLASSES, HIDDEN], [CLASSES]] as const;

/** Images evaluated in one call. */
const EVALUATION_BATCH = 250;

/** Random streams of the initial weights. */
const CLIENT_STREAM = 3;
const SERVER_STREAM = 4;

/** relu(x W^T + b), one row a place. */
function dense(x: np.Array, w: np.Array, b: np.Array): np.Array {
  return nn.relu(np.matmul(x, w.transpose()).add(b));
}

/** The client's half, of the images' patches: one row of channels a place. */
function features([w1, b1, w2, b2]: np.Array[], patches: np.Array): np.Array {
  const first = dense(patches, w1, b1).reshape([-1, MAP, MAP, CHANNELS[0]]);
  // each place with its neighbours, zeros beyond the edges
  const padded = np.pad(first, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ]);
  const shifts = Array.from({ length: PATCH ** 2 }, (_, i) => [Math.floor(i / PATCH), i % PATCH]);
  const around = shifts.map(([y, x]) => padded.ref.slice([], [y, y + MAP], [x, x + MAP], []));
  padded.dispose();
  const rows = np.concatenate(around, -1).reshape([-1, PATCH ** 2 * CHANNELS[0]]);
  return dense(rows, w2, b2);
}

function logits([w1, b1, w2, b2]: np.Array[], maps: np.Array): np.Array {
  const pooled = np.max(maps.reshape([-1, MAP / 2, 2, MAP / 2, 2, CHANNELS[1]]), [2, 4]);
  const hidden = dense(pooled.reshape([-1, POOLED]), w1, b1);
  return np.matmul(hidden, w2.transpose()).add(b2);
}

/** Mean of -log softmax(z) at the right class; `targets` holds 1 / batch there and 0 elsewhere. */
function loss([maps, ...weights]: np.Array[], targets: np.Array): np.Array {
  return np.negative(nn.logSoftmax(logits(weights, maps)).mul(targets).sum());
}

/** Opens the network on jax-js's WebAssembly backend; its functions are compiled at their first call. */
export async function openSplitModel(): Promise<SplitModel> {
  await init('wasm');
  const clientLayout = layoutOf(CLIENT);
  const serverLayout = layoutOf(SERVER);
  const ahead = jit(features);
  const back = jit(
    grad((weights: np.Array[], patches: np.Array, atCut: np.Array) =>
      features(weights, patches).mul(atCut).sum(),
    ),
  );
  const lossAndGradient = jit(valueAndGrad(loss));
  const predict = jit((weights: np.Array[], maps: np.Array) => np.argmax(logits(weights, maps), 1));
  const patchesOf = ({ images, labels }: Dataset): np.Array =>
    np.array(cutPatches(images, labels.length), { shape: [labels.length * MAP ** 2, PATCH ** 2] });
  const mapsOf = (numbers: Float32Array): np.Array =>
    np.array(numbers, { shape: [numbers.length / CHANNELS[1], CHANNELS[1]] });

  return {
    clientSize: clientLayout.size,
    serverSize: serverLayout.size,
    initialClient: (seed) => clientLayout.initial(seed, CLIENT_STREAM),
    initialServer: (seed) => serverLayout.initial(seed, SERVER_STREAM),
    async forward(client, batch) {
      return (await ahead(clientLayout.upload(client), patchesOf(batch)).data()) as Float32Array;
    },
    async finish(server, maps, labels) {
      const count = labels.length;
      const targets = np.array(oneHot(labels, 1 / count), { shape: [count, CLASSES] });
      const [value, [atCut, ...parts]] = lossAndGradient(
        [mapsOf(maps), ...serverLayout.upload(server)],
        targets,
      );
      const gradient = new Float32Array(serverLayout.size);
      await serverLayout.download(parts, gradient);
      const numbers = (await atCut.data()) as Float32Array;
      return { loss: ((await value.data()) as Float32Array)[0], gradient, atCut: numbers };
    },
    async backward(client, batch, atCut) {
      const gradient = new Float32Array(clientLayout.size);
      const parts = back(clientLayout.upload(client), patchesOf(batch), mapsOf(atCut));
      await clientLayout.download(parts, gradient);
      return gradient;
    },
    async evaluate(client, server, dataset) {
      return rightAnswers(dataset, EVALUATION_BATCH, async (batch) => {
        const maps = ahead(clientLayout.upload(client), patchesOf(batch));
        return (await predict(serverLayout.upload(server), maps).data()) as Int32Array;
      });
    },
  };
}

/** The 3 x 3 patches of images at every second row and column, zeros beyond the edges: one row a place. */
function cutPatches(images: Float32Array, count: number): Float32Array {
  const patches = new Float32Array(count * MAP ** 2 * PATCH ** 2);
  let at = 0;
  for (let image = 0; image < count; image++)
    for (let row = 0; row < SIDE; row += 2)
      for (let column = 0; column < SIDE; column += 2)
        for (let i = 0; i < PATCH ** 2; i++, at++) {
          const y = row + Math.floor(i / PATCH) - 1;
          const x = column + (i % PATCH) - 1;
          if (y >= 0 && y < SIDE && x >= 0 && x < SIDE) patches[at] = images[image * PIXELS + y * SIDE + x];
        }
  return patches;
}
