/** fewbits/jax on a GPU: gradients go into packets without being read back, and are the same bytes as by the CPU. */
import { getWebGPUDevice, grad, init, numpy as np, tree as trees } from '@jax-js/jax';
import * as assert from 'uvu/assert';
import {
  deliver,
  doubleSqueeze,
  exchange,
  exDyna,
  foSgd,
  liecSgd,
  memSgd,
  runStep,
  topKAllGather,
} from '../../ts/algorithms/index.ts';
import { flattenedOneBit, openDevice, scaledSign, topK } from '../../ts/index.ts';
import * as jax from '../../ts/frameworks/jax.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { countCrossings } from '../support/crossings.ts';

const test = suite('fewbits/jax on a GPU');
let halves = false;
test.before(async () => {
  assert.ok((await init()).includes('webgpu'), 'jax-js has its webgpu backend here');
  halves = getWebGPUDevice().features.has('shader-f16');
});

const device = 'webgpu';
const array = (values: Float32Array, shape: number[]): np.Array => np.array(values, { shape, device });

/** A linear layer's parameters, and the gradients of its squared output for some inputs. */
type Layer = { kernel: np.Array; bias: np.Array; none: np.Array };
const parameters = (rows = 30, columns = 7): Layer => ({
  kernel: array(input('normal', rows * columns), [rows, columns]),
  bias: array(input('ties', columns), [columns]),
  none: np.zeros([0], { device }),
});
const gradients = (rows = 30, columns = 7): Layer => {
  const x = array(input('heavy', 5 * rows), [5, rows]);
  const loss = ({ kernel, bias, none }: Layer): np.Array => {
    none.dispose();
    return np.square(np.matmul(x.ref, kernel).add(bias)).sum();
  };
  const { none, ...rest } = parameters(rows, columns);
  const parts = grad(({ kernel, bias }: Omit<Layer, 'none'>) => loss({ kernel, bias, none: none.ref }))(rest);
  x.dispose();
  return { ...parts, none };
};

test('gradients become packets on the GPU: only these are read back, the same bytes as by the CPU', async () => {
  const gpu = await openDevice({ backend: 'webgpu', gpu: getWebGPUDevice() });
  const cpu = await openDevice({ backend: 'wasm' });
  const byCpu = await jax.flatten(gradients());
  assert.is(byCpu.length, 217);
  assert.ok(byCpu.some((value) => value !== 0));
  const tree = gradients();
  const kept = trees.leaves<np.Array>(tree).map((leaf) => leaf.ref);
  const crossings = countCrossings();
  try {
    const vector = await jax.flattenOnGpu(tree);
    for (const leaf of kept) assert.is(leaf.refCount, 1, 'the tree was used up');
    assert.equal([crossings.maps, crossings.bytes()], [0, 0], 'flattening reads nothing back');
    for (const compressor of [topK({ k: 9 }), flattenedOneBit({ seed: 3, block: 64 })]) {
      const packet = await gpu.compress(compressor, vector);
      // what the packet is made of, and block norms before it: less than the vector's 868 bytes
      assert.ok(crossings.maps > 0, `${compressor.name}: something was counted`);
      const bytes = crossings.bytes();
      assert.ok(
        bytes <= packet.length + 64 && bytes < 4 * 217,
        `${compressor.name}: ${bytes}, ${packet.length}`,
      );
      assert.equal(packet, await cpu.compress(compressor, byCpu), compressor.name);
    }
    // into the same memory, step by step
    assert.is(await jax.flattenOnGpu(gradients(), { into: vector }), vector);
    crossings.bytes();
    assert.equal(await gpu.compress(topK({ k: 9 }), vector), await cpu.compress(topK({ k: 9 }), byCpu));
    vector.dispose();
  } finally {
    crossings.stop();
  }
  trees.dispose(kept);
  gpu.close();
  cpu.close();
});

test('gradients on the GPU through systems: what is read back are messages, those of gradients in memory', async () => {
  const gpu = await openDevice({ backend: 'webgpu', gpu: getWebGPUDevice() });
  const cpu = await openDevice({ backend: 'wasm' });
  const byCpu = await jax.flatten(gradients(60, 50));
  const n = byCpu.length;
  for (const system of [
    foSgd({ seed: 1 }),
    liecSgd({ averagePeriod: 100 }),
    memSgd(topK({ ratio: 0.02 })),
    doubleSqueeze(scaledSign()),
    exDyna({ density: 0.02, control: 'exact' }),
    topKAllGather({ ratio: 0.02 }),
  ]) {
    const seat = { n, workers: 1, rank: 0 };
    const into = gpu.vector(n);
    const [there, here] = [system.worker(gpu, seat, into), system.worker(cpu, seat)];
    const servers = [0, 1].map(() => system.server?.(cpu, { n, workers: 1 }));
    const vector = await jax.flattenOnGpu(gradients(60, 50));
    for (let step = 0; step < 3; step++) {
      await jax.flattenOnGpu(gradients(60, 50), { into: vector });
      const crossings = countCrossings();
      let sent = 0;
      let back = 0;
      try {
        const outcome = await runStep(there, vector, undefined, async (message) => {
          sent += message.bytes.length;
          return deliver([message], servers[0]);
        });
        assert.is(outcome.kind, 'direction');
        back = crossings.bytes();
      } finally {
        crossings.stop();
      }
      // a list is indices and values there
      assert.ok(back > 0 && back < 3 * sent + 100 && back < 2 * n, `${system.name}: ${back}, ${sent}`);
      const expected = await exchange([here], servers[1], [byCpu]);
      assert.equal([{ kind: 'direction', direction: await into.read() }], expected.outcomes);
    }
    vector.dispose();
    for (const machine of [there, here, ...servers]) machine?.free();
    into.free();
    assert.equal([gpu.vectors, cpu.vectors], [0, 0]);
  }
  gpu.close();
  cpu.close();
});

test('a direction is uploaded into arrays on the GPU, and nothing is read back', async () => {
  const layout = jax.layoutOf(parameters());
  const direction = input('normal', layout.length);
  const crossings = countCrossings();
  try {
    const update = jax.unflatten(direction, layout, { device });
    const stepped = trees.map((p: np.Array, d: np.Array) => p.sub(d.mul(0.5)), parameters(), update);
    const vector = await jax.flattenOnGpu(stepped, { layout });
    assert.is(crossings.bytes(), 0);
    vector.dispose();
    assert.equal(await jax.flatten(jax.unflatten(direction, layout, { device })), direction);
  } finally {
    crossings.stop();
  }
});

test('arrays that were not computed yet, views and constants lie in the vector as in memory', async () => {
  const gpu = await openDevice({ backend: 'webgpu', gpu: getWebGPUDevice() });
  const make = (): np.Array[] => {
    const x = array(input('normal', 600), [20, 30]);
    return [
      x.ref.transpose(),
      x.ref.slice([3, 7], [1, 29]),
      np.broadcastTo(np.array(2.5, { device }), [3, 4]),
      x.mul(np.array(3, { device })),
      np.ones([300], { device }),
    ];
  };
  const vector = await jax.flattenOnGpu(make());
  const read = new Float32Array(vector.length);
  const packet = await gpu.compress(topK({ ratio: 1 }), vector);
  assert.equal(await gpu.decompress(packet, { into: read }), await jax.flatten(make()));
  vector.dispose();
  gpu.close();
});

test('float16 is widened, and rounded on its way back', async () => {
  // the cpu backend has float16 where the runtime has Float16Array, a GPU where it has shader-f16
  for (const where of halves ? (['cpu', 'webgpu'] as const) : (['cpu'] as const)) {
    const half = (): np.Array =>
      np.array(new Float32Array([1 / 3, 2, 65504]), { device: where }).astype(np.float16);
    const layout = jax.layoutOf({ half: half() });
    assert.is(layout.leaves[0].dtype, 'float16');
    // a third as float16 is 1365 / 4096
    const widened = new Float32Array([1365 / 4096, 2, 65504]);
    assert.equal(await jax.flatten({ half: half() }), widened, where);
    const back = jax.unflatten(new Float32Array([1 / 3, 2, 65504]), layout, { device: where });
    assert.is(back.half.dtype, 'float16');
    assert.equal(await jax.flatten(back, { layout }), widened, where);
    if (where !== 'webgpu') continue;
    const gpu = await openDevice({ backend: 'webgpu', gpu: getWebGPUDevice() });
    const vector = await jax.flattenOnGpu({ half: half() });
    assert.equal(await gpu.decompress(await gpu.compress(topK({ k: 3 }), vector)), widened);
    vector.dispose();
    gpu.close();
  }
});

test('what cannot be flattened on the GPU says so', async () => {
  const here = np.zeros([3], { device: 'wasm' });
  await rejects(jax.flattenOnGpu({ here }), TypeError, '"here" expected an array on webgpu, got one on wasm');
  const vector = await jax.flattenOnGpu([array(new Float32Array(3), [3])]);
  const two = array(new Float32Array(2), [2]);
  await rejects(jax.flattenOnGpu([two], { into: vector }), RangeError, '"into" expected 2 elements, got 3');
  assert.equal([here.refCount, two.refCount], [1, 1]);
  vector.dispose();
});

test.run();
