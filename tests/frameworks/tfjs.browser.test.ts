/** fewbits/tfjs on a GPU: gradients go into packets and directions into tensors, and only packets cross. */
import '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import * as assert from 'uvu/assert';
import {
  cltK,
  cser,
  deliver,
  doubleSqueeze,
  exchange,
  exDyna,
  foSgd,
  liecSgd,
  memSgd,
  topKAllGather,
  type Message,
  type System,
  type Vector,
} from '../../ts/algorithms/index.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import * as tfjs from '../../ts/frameworks/tfjs.ts';
import { flattenedOneBit, openDevice, scaledSign, topK, type Device } from '../../ts/index.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { countCrossings } from '../support/crossings.ts';
import { closeNet, lossOf, openNet, openPoints, type Net } from './problem.ts';

const test = suite('fewbits/tfjs on a GPU');
let gpu: Device;
let cpu: Device;
test.before(async () => {
  assert.ok(await tf.setBackend('webgpu'), 'TensorFlow.js has its webgpu backend here');
  gpu = await openDevice({ backend: 'webgpu', gpu: tfjs.webgpuDevice() });
  cpu = await openDevice({ backend: 'wasm' });
});
test.after(() => {
  gpu.close();
  cpu.close();
});

/** Gradients of a layer that is large enough for TensorFlow.js to compute them on the GPU. */
function gradients(): { kernel: tf.Tensor; bias: tf.Tensor; none: tf.Tensor } {
  return tf.tidy(() => {
    const x = tf.tensor2d(input('heavy', 40 * 60), [40, 60]);
    const kernel = tf.tensor2d(input('normal', 60 * 50), [60, 50]);
    const [kernelGradient, biasGradient] = tf.grads((k, b) =>
      tf.sum(tf.square(tf.add(tf.matMul(x, k as tf.Tensor2D), b))),
    )([kernel, tf.zeros([50])]);
    return { kernel: kernelGradient, bias: biasGradient, none: tf.zeros([0]) };
  });
}
const N = 60 * 50 + 50;

test('gradients become packets on the GPU: only these are read back, the same bytes as by the CPU', async () => {
  const tree = gradients();
  const { numTensors } = tf.memory();
  const crossings = countCrossings();
  try {
    const vector = tfjs.flattenOnGpu(tree);
    for (const compressor of [topK({ k: 20 }), flattenedOneBit({ seed: 3, block: 256 })]) {
      crossings.bytes();
      const packet = await gpu.compress(compressor, vector);
      assert.ok(crossings.maps > 0, 'something was counted');
      // the packet, and what block scales are made of before it: 12,200 bytes would be the vector
      const bytes = crossings.bytes();
      assert.ok(
        bytes <= 2 * packet.length && bytes < N / 2,
        `${compressor.name}: ${bytes}, ${packet.length}`,
      );
      // the numbers are read after the count
      const byCpu = await tfjs.flatten(tree);
      assert.ok(byCpu.some((value) => value !== 0));
      assert.equal(packet, await cpu.compress(compressor, byCpu), compressor.name);
    }
    vector.dispose();
    assert.is(tf.memory().numTensors, numTensors);
  } finally {
    crossings.stop();
  }
  tf.dispose([tree.kernel, tree.bias, tree.none]);
});

test('a packet becomes tensors on the GPU, and nothing is read back', async () => {
  const tree = gradients();
  const layout = tfjs.layoutOf(tree);
  tf.dispose([tree.kernel, tree.bias, tree.none]);
  const direction = input('normal', layout.length);
  const packet = await cpu.compress(topK({ ratio: 0.5 }), direction);
  const expected = await cpu.decompress(packet);
  const { numTensors } = tf.memory();
  const crossings = countCrossings();
  try {
    const vector = tfjs.openGpuVector(layout.length);
    await gpu.decompress(packet, { into: vector });
    const updates = tfjs.unflattenOnGpu(vector, layout);
    assert.equal([updates.kernel.shape, updates.bias.shape, updates.none.shape], [[60, 50], [50], [0]]);
    vector.dispose();
    const again = tfjs.flattenOnGpu(updates, { layout });
    assert.is(crossings.bytes(), 0, 'nothing was read back');
    again.dispose();
    assert.equal(await tfjs.flatten(updates, { layout }), expected);
    tf.dispose([updates.kernel, updates.bias, updates.none]);
    assert.is(tf.memory().numTensors, numTensors);
  } finally {
    crossings.stop();
  }
});

test('tensors that TensorFlow.js has left in the CPU’s memory are uploaded', async () => {
  const small = [tf.tensor([1, -2, 3]), tf.scalar(4)];
  const vector = tfjs.flattenOnGpu(small);
  assert.is(vector.length, 4);
  assert.equal(
    await gpu.decompress(await gpu.compress(topK({ k: 4 }), vector)),
    new Float32Array([1, -2, 3, 4]),
  );
  vector.dispose();
  const none = tfjs.flattenOnGpu([]);
  assert.is(none.length, 0);
  none.dispose();
  tf.dispose(small);
});

/**
 * The loss, the variables, the optimizers and the workers after some steps through a system; nothing is left behind.
 */
async function trained(
  system: System,
  distribute: typeof tfjs.distribute | typeof tfjs.distributeOnGpu,
): Promise<{ readonly losses: readonly number[]; readonly models: readonly Float32Array[] }> {
  const start = tf.memory().numTensors;
  const ranks = [0, 1];
  const nets = ranks.map(openNet);
  const points = ranks.map((rank) => openPoints(64, rank + 1));
  const optimizers = ranks.map(() => tf.train.adam(0.02));
  const workers = ranks.map(
    (rank) =>
      distribute(optimizers[rank], {
        system,
        device: gpu,
        workers: 2,
        rank,
        variables: nets[rank],
      }) as tfjs.DistributedOptimizer<Net, Vector>,
  );
  const server = system.server?.(cpu, { n: workers[0].layout.length, workers: 2 });
  const losses: number[] = [];
  let steady = 0;
  for (let step = 0; step < 12; step++) {
    const given = [];
    for (const rank of ranks)
      given.push(await workers[rank].gradient(() => lossOf(nets[rank], points[rank])));
    losses.push(given[0].loss);
    await exchange(
      workers,
      server,
      given.map(({ gradient }) => gradient),
    );
    if (step === 1) steady = tf.memory().numTensors;
  }
  assert.is(tf.memory().numTensors, steady);
  // what was saved goes on
  const state = await workers[0].save();
  await workers[0].load(state);
  // what the last step replaced is let go
  assert.ok(tf.memory().numTensors < steady);
  assert.equal(await workers[0].save(), state);
  const models = await Promise.all(nets.map((net) => tfjs.flatten(net)));
  workers.forEach((worker) => worker.dispose());
  nets.forEach(closeNet);
  points.forEach(({ at, side }) => tf.dispose([at, side]));
  optimizers.forEach((optimizer) => optimizer.dispose());
  assert.is(tf.memory().numTensors, start);
  return { losses, models };
}

for (const system of [
  foSgd({ seed: 1, scale: 'drive' }),
  liecSgd({ averagePeriod: 5 }),
  memSgd(topK({ ratio: 0.1 })),
  cser({ seed: 2 }),
])
  test(`an optimizer through ${system.name} on the GPU trains, leaves no tensor, and is the one in memory`, async () => {
    const { losses, models } = await trained(system, tfjs.distributeOnGpu);
    assert.ok(losses[11] < 0.9 * losses[0], losses.join(', '));
    const inMemory = await trained(system, tfjs.distribute);
    assert.equal(losses, inMemory.losses);
    assert.equal(models, inMemory.models);
  });

test('with vectors on the GPU a step reads back the packet and the loss', async () => {
  for (const system of [
    foSgd({ seed: 1 }),
    liecSgd({ averagePeriod: 100 }),
    memSgd(topK({ ratio: 0.02 })),
    doubleSqueeze(scaledSign()),
    exDyna({ density: 0.02, control: 'exact' }),
    topKAllGather({ ratio: 0.02 }),
    cltK({ ratio: 0.02 }),
    cser({ seed: 4 }),
  ]) {
    const { vectors } = gpu;
    const kernel = tf.variable(tf.tensor2d(input('normal', 60 * 50), [60, 50]));
    const bias = tf.variable(tf.zeros([50]));
    const x = tf.tensor2d(input('heavy', 40 * 60), [40, 60]);
    const optimizer = tf.train.momentum(1e-6, 0.9);
    const worker = tfjs.distributeOnGpu(optimizer, {
      system,
      device: gpu,
      workers: 1,
      rank: 0,
      variables: { kernel, bias },
    });
    const server = system.server?.(cpu, { n: N, workers: 1 });
    const loss = (): tf.Scalar =>
      tf.mean(tf.square(tf.add(tf.matMul(x, kernel as tf.Tensor as tf.Tensor2D), bias)));
    for (let step = 0; step < 3; step++) {
      const crossings = countCrossings();
      try {
        const { gradient } = await worker.gradient(loss);
        let sent = 0;
        let message: Message | undefined = await worker.send(gradient);
        while (message !== undefined) {
          sent += message.bytes.length;
          const outcome = await worker.receive(await deliver([message], server));
          message = outcome.kind === 'message' ? outcome.message : undefined;
        }
        const back = crossings.bytes();
        // a list is indices and values there
        assert.ok(back > 0 && back < 3 * sent + 100 && back < N, `${system.name}: ${back}, ${sent}`);
      } finally {
        crossings.stop();
      }
    }
    worker.dispose();
    server?.free();
    assert.is(gpu.vectors, vectors, `${system.name}: dispose frees the vectors`);
    optimizer.dispose();
    tf.dispose([kernel, bias, x]);
  }
});

test('a gradient with NaN on the GPU is refused before the optimizer takes it in', async () => {
  for (const system of [foSgd({ seed: 1 }), liecSgd()]) {
    const net = openNet();
    const optimizer = tf.train.adam(0.02);
    const worker = tfjs.distributeOnGpu(optimizer, {
      system,
      device: gpu,
      workers: 1,
      rank: 0,
      variables: net,
    });
    const state = await worker.save();
    const vector = tfjs.openGpuVector(worker.layout.length);
    tfjs.webgpuDevice().queue.writeBuffer(vector.buffer, 28, new Float32Array([NaN]));
    await rejects(worker.send(vector), NonFiniteError, 'first at index 7');
    await rejects(worker.send({ ...vector, length: 3 }), RangeError, '"gradient.length" expected');
    assert.equal(await worker.save(), state);
    vector.dispose();
    worker.dispose();
    closeNet(net);
    optimizer.dispose();
  }
});

test('what cannot come from the GPU says so', async () => {
  const tree = [tf.zeros([3])];
  const layout = tfjs.layoutOf(tree);
  const vector = tfjs.openGpuVector(4);
  const fails = (work: () => unknown, message: string): void =>
    assert.throws(
      work,
      (error: Error) => error.message.includes(message) || assert.unreachable(error.message),
    );
  fails(() => tfjs.unflattenOnGpu(vector, layout), '"length" expected 3, got 4');
  fails(() => tfjs.unflattenOnGpu({ ...vector, length: 3, offset: 4 }, layout), '"offset" expected 0, got 4');
  fails(() => tfjs.flattenOnGpu({ tree }, { layout }), '"other" expected "0" as array 0, got "tree/0"');
  await rejects(cpu.compress(topK({ k: 1 }), vector), TypeError, 'has no GPU buffers');
  const variables = [tf.variable(tf.zeros([3]))];
  const options = { system: foSgd({ seed: 1 }), workers: 1, rank: 0, variables };
  fails(() => tfjs.distributeOnGpu(tf.train.sgd(1), { ...options, device: cpu }), 'got one on wasm');
  const other = await openDevice({ backend: 'webgpu' });
  fails(() => tfjs.distributeOnGpu(tf.train.sgd(1), { ...options, device: other }), 'got one on another GPU');
  other.close();
  tf.dispose(variables);
  vector.dispose();
  tf.dispose(tree);
});

test.run();
