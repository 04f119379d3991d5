/**
 * `npx tsx scripts/plan-figures.ts`: federated training of a small network with batch normalisation on MNIST, its
 * updates whole, by one top-k over all of them, and by a plan: the figures of docs/guide/plans.md. About two minutes,
 * and the same numbers in each run.
 */
import { loadDataset } from '../examples/mnist/datasets.ts';
import { CLASSES, openBatches, PIXELS, slice, type Dataset } from '../examples/mnist/mnist.ts';
import { openRandom } from '../examples/mnist/random.ts';
import { float32, openDevice, plan, topK, type Compressor } from '../ts/index.ts';

const [WORKERS, ROUNDS, LOCAL, BATCH, RATE, KEEP] = [4, 100, 4, 32, 0.1, 0.9];
const SIZES = [PIXELS, 64, 32, CLASSES];
const EPSILON = 1e-3;

/** The tensors of the model, layer by layer: a bias only where no normalisation follows. */
const leaves: { name: string; shape: number[]; offset: number; length: number }[] = [];
let n = 0;
const add = (name: string, ...shape: number[]): void => {
  const length = shape.reduce((product, size) => product * size, 1);
  leaves.push({ name, shape, offset: n, length });
  n += length;
};
for (let l = 1; l < SIZES.length; l++) {
  add(`dense${l}/kernel`, SIZES[l - 1], SIZES[l]);
  if (l === SIZES.length - 1) add(`dense${l}/bias`, SIZES[l]);
  else
    for (const name of ['gamma', 'beta', 'moving_mean', 'moving_variance']) add(`norm${l}/${name}`, SIZES[l]);
}
const rest = leaves.filter(({ shape }) => shape.length === 1);

const tensor = (model: Float32Array, name: string): Float32Array => {
  const { offset, length } = leaves.find((leaf) => leaf.name === name)!;
  return model.subarray(offset, offset + length);
};

/** What a layer leaves for the way back. */
interface Passed {
  readonly input: Float32Array;
  readonly normal: Float32Array;
  readonly deviations: Float32Array;
  readonly output: Float32Array;
}

/** x W of `count` rows. */
function times(x: Float32Array, w: Float32Array, count: number, from: number, to: number): Float32Array {
  const y = new Float32Array(count * to);
  for (let r = 0; r < count; r++)
    for (let i = 0; i < from; i++) {
      const value = x[r * from + i];
      if (value !== 0) for (let j = 0; j < to; j++) y[r * to + j] += value * w[i * to + j];
    }
  return y;
}

/** The logits of a batch; `training` normalises by the batch, and moves the averages of the model. */
function forward(
  model: Float32Array,
  images: Float32Array,
  count: number,
  training: boolean,
): { logits: Float32Array; passed: Passed[] } {
  const passed: Passed[] = [];
  let x = images;
  for (let l = 1; ; l++) {
    const [from, to] = [SIZES[l - 1], SIZES[l]];
    const z = times(x, tensor(model, `dense${l}/kernel`), count, from, to);
    if (l === SIZES.length - 1) {
      const bias = tensor(model, `dense${l}/bias`);
      passed.push({ input: x, normal: z, deviations: z, output: z });
      return { logits: z.map((value, i) => value + bias[i % to]), passed };
    }
    const [gamma, beta, means, variances] = ['gamma', 'beta', 'moving_mean', 'moving_variance'].map((name) =>
      tensor(model, `norm${l}/${name}`),
    );
    const [normal, output, deviations] = [
      new Float32Array(z.length),
      new Float32Array(z.length),
      new Float32Array(to),
    ];
    for (let j = 0; j < to; j++) {
      let [mean, variance] = [means[j], variances[j]];
      if (training) {
        mean = variance = 0;
        for (let r = 0; r < count; r++) mean += z[r * to + j] / count;
        for (let r = 0; r < count; r++) variance += (z[r * to + j] - mean) ** 2 / count;
        means[j] = KEEP * means[j] + (1 - KEEP) * mean;
        variances[j] = KEEP * variances[j] + (1 - KEEP) * variance;
      }
      deviations[j] = Math.sqrt(variance + EPSILON);
      for (let r = 0; r < count; r++) {
        const i = r * to + j;
        normal[i] = (z[i] - mean) / deviations[j];
        output[i] = Math.max(0, gamma[j] * normal[i] + beta[j]);
      }
    }
    passed.push({ input: x, normal, deviations, output });
    x = output;
  }
}

/** One step of SGD on a batch. */
function step(model: Float32Array, { images, labels }: Dataset): void {
  const count = labels.length;
  const { logits, passed } = forward(model, images, count, true);
  let back = new Float32Array(logits.length);
  for (let r = 0; r < count; r++) {
    const row = logits.subarray(r * CLASSES, (r + 1) * CLASSES);
    const most = Math.max(...row);
    const sum = row.reduce((total, value) => total + Math.exp(value - most), 0);
    for (let j = 0; j < CLASSES; j++)
      back[r * CLASSES + j] = (Math.exp(row[j] - most) / sum - (labels[r] === j ? 1 : 0)) / count;
  }
  for (let l = SIZES.length - 1; l > 0; l--) {
    const [from, to] = [SIZES[l - 1], SIZES[l]];
    const { input, normal, deviations, output } = passed[l - 1];
    if (l < SIZES.length - 1) {
      const [gamma, beta] = ['gamma', 'beta'].map((name) => tensor(model, `norm${l}/${name}`));
      for (let j = 0; j < to; j++) {
        let [ofGamma, ofBeta] = [0, 0];
        for (let i = j; i < back.length; i += to) {
          if (output[i] <= 0) back[i] = 0;
          ofGamma += back[i] * normal[i];
          ofBeta += back[i];
        }
        for (let i = j; i < back.length; i += to)
          back[i] = (gamma[j] / deviations[j]) * (back[i] - ofBeta / count - (normal[i] * ofGamma) / count);
        gamma[j] -= RATE * ofGamma;
        beta[j] -= RATE * ofBeta;
      }
    } else {
      const bias = tensor(model, `dense${l}/bias`);
      for (let i = 0; i < back.length; i++) bias[i % to] -= RATE * back[i];
    }
    const w = tensor(model, `dense${l}/kernel`);
    const before = new Float32Array(count * from);
    for (let r = 0; r < count; r++)
      for (let i = 0; i < from; i++) {
        let sum = 0;
        for (let j = 0; j < to; j++) sum += back[r * to + j] * w[i * to + j];
        before[r * from + i] = sum;
      }
    for (let r = 0; r < count; r++)
      for (let i = 0; i < from; i++) {
        const value = RATE * input[r * from + i];
        if (value !== 0) for (let j = 0; j < to; j++) w[i * to + j] -= value * back[r * to + j];
      }
    back = before;
  }
}

function accuracy(model: Float32Array, test: Dataset): number {
  let right = 0;
  const count = 1000;
  for (let start = 0; start < test.labels.length; start += count) {
    const { images, labels } = slice(test, start, start + count);
    const { logits } = forward(model, images, count, false);
    for (let r = 0; r < count; r++) {
      const row = logits.subarray(r * CLASSES, (r + 1) * CLASSES);
      if (row.indexOf(Math.max(...row)) === labels[r]) right++;
    }
  }
  return right / test.labels.length;
}

function initial(): Float32Array {
  const random = openRandom(1, 1);
  const model = new Float32Array(n);
  for (const { name, shape, offset, length } of leaves)
    for (let i = offset; i < offset + length; i++)
      model[i] = name.endsWith('kernel')
        ? random.normal() * Math.sqrt(2 / shape[0])
        : /gamma|variance/.test(name)
          ? 1
          : 0;
  return model;
}

const device = await openDevice({ backend: 'wasm' });
const { train, test } = await loadDataset('mnist');
const runs: [string, Compressor][] = [
  ['float32', float32()],
  ['topK, 1 % of all', topK({ ratio: 0.01 })],
  ['plan, topK of 1 % of each', plan([{ match: '*', compressor: topK({ ratio: 0.01 }) }], { leaves })],
];
console.log(
  `${n} numbers in ${leaves.length} tensors; ${rest.length} of them, ${rest.reduce((sum, { length }) => sum + length, 0)} numbers, are biases or of normalisation`,
);
for (const [name, compressor] of runs) {
  const batchOf = openBatches(train, 1, 2, BATCH);
  const model = initial();
  const errors = Array.from({ length: WORKERS }, () => new Float32Array(n));
  let bytes = 0;
  let shares = '';
  for (let round = 0; round < ROUNDS; round++) {
    const packets: Uint8Array[] = [];
    for (let rank = 0; rank < WORKERS; rank++) {
      const own = model.slice();
      for (let local = 0; local < LOCAL; local++)
        step(own, batchOf((round * LOCAL + local) * WORKERS + rank));
      const update = own.map((value, i) => value - model[i]);
      packets.push(
        await device.compress(compressor, update, { error: errors[rank], step: round, stream: rank }),
      );
      bytes += packets[rank].length;
    }
    if (round === 0) {
      const sent = await device.decompress(packets[0]);
      shares = leaves
        .map((leaf) => {
          const own = tensor(sent, leaf.name);
          return `${leaf.name} ${own.filter((value) => value !== 0).length}/${own.length}`;
        })
        .join(', ');
    }
    const mean = await device.mean(packets);
    for (let i = 0; i < n; i++) model[i] += mean[i];
    for (let l = 1; l < SIZES.length - 1; l++) {
      // what is sent may lie below zero, a variance may not
      const variances = tensor(model, `norm${l}/moving_variance`);
      for (let j = 0; j < variances.length; j++) variances[j] = Math.max(variances[j], 0);
    }
  }
  const share = accuracy(model, test);
  console.log(
    `${name}: ${(100 * share).toFixed(2)} %, ${Math.round(bytes / WORKERS / ROUNDS)} bytes an update, ${((4 * n) / (bytes / WORKERS / ROUNDS)).toFixed(1)} times smaller`,
  );
  console.log(`  of the first update: ${shares}`);
}
device.close();
