/** What the webgpu backend promises beside equal words: submits, memory, errors, and whose device it is. */
import * as assert from 'uvu/assert';
import { openBackend } from '../../ts/backends/open.ts';
import { openWebgpu } from '../../ts/backends/webgpu/index.ts';
import { Device } from '../../ts/device.ts';
import { DeviceClosedError, DeviceLostError } from '../../ts/errors.ts';
import { pass, type Planned } from '../../ts/kernels/plans/plan.ts';
import { Scope } from '../../ts/kernels/scope.ts';
import {
  flattenedOneBit,
  float32,
  maskEncoded,
  openDevice,
  quantized,
  scaledSign,
  threshold,
  topK,
} from '../../ts/index.ts';
import { goldenPlan } from '../../ts/verify/golden-plans.ts';
import { TYPICAL } from '../support/all-compressors.ts';
import { contents, COPY_SOURCE, COPY_TARGET, onGpu, openGpu, releaseGpus, STORAGE } from '../support/gpu.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('the webgpu backend');

test.after(releaseGpus);

/** Counts the calls of a method from now on. */
function counted<T extends object>(target: T, method: keyof T & string): () => number {
  let calls = 0;
  const original = (target[method] as (...args: unknown[]) => unknown).bind(target);
  Object.defineProperty(target, method, {
    configurable: true,
    value: (...args: unknown[]) => {
      calls++;
      return original(...args);
    },
  });
  return () => calls;
}

test('a user’s own device is used as it is, and outlives ours', async () => {
  const gpu = await openGpu();
  const device = await openDevice({ backend: 'webgpu', gpu });
  assert.is(device.backend, 'webgpu');
  assert.is(await device.kernels.absSum(new Float32Array([1, -2, 3])), 6);
  device.close();
  let lost = false;
  void gpu.lost.then(() => (lost = true));
  const buffer = gpu.createBuffer({ size: 16, usage: COPY_TARGET });
  gpu.queue.writeBuffer(buffer, 0, new Uint32Array(4));
  await gpu.queue.onSubmittedWorkDone();
  assert.not(lost, 'close() destroyed the device of its user');
  gpu.destroy();
});

test('a compress is one submit, and takes no new memory after the first of its size', async () => {
  const gpu = await openGpu();
  const device = await openDevice({ backend: 'webgpu', gpu });
  const x = input('normal', 5000);
  const kinds = [
    flattenedOneBit({ seed: 1, lambda: 1, block: 'whole' }),
    flattenedOneBit({ seed: 1, scale: 'mean' }),
  ];
  const plans = (['network', 'draws'] as const).map((name) => goldenPlan(name, x.length));
  for (const compressor of [...TYPICAL, ...kinds, ...plans]) {
    await device.compress(compressor, x);
    await device.decompress(await device.compress(compressor, x));
    const submits = counted(gpu.queue, 'submit');
    const buffers = counted(gpu, 'createBuffer');
    const packet = await device.compress(compressor, x);
    assert.is(submits(), 1, `${compressor.name} took ${submits()} submits`);
    for (let i = 0; i < 10; i++) await device.decompress(await device.compress(compressor, x));
    assert.is(buffers(), 0, `${compressor.name} made ${buffers()} buffers after the first calls`);
    assert.equal(await device.compress(compressor, x), packet);
  }
  device.close();
  gpu.destroy();
});

test('a range of the wrong length is refused, and its buffer left as it was', async () => {
  const gpu = await openGpu();
  const device = await openDevice({ backend: 'webgpu', gpu });
  const packet = await device.compress(float32(), Float32Array.of(1, 2, 3, 4));
  const before = new Float32Array(64).fill(100);
  const buffer = onGpu(gpu, before, 0, STORAGE | COPY_SOURCE | COPY_TARGET);
  for (const length of [2, 9])
    for (const accumulate of [undefined, 1]) {
      const into = { buffer, length };
      await rejects(device.decompress(packet, { into, accumulate }), RangeError, '"into.length" expected');
      assert.equal((await contents(gpu, buffer)).subarray(0, 64), before, `${length}, ${accumulate}`);
    }
  await device.decompress(packet, { into: { buffer }, accumulate: 1 });
  assert.equal([...(await contents(gpu, buffer)).subarray(0, 5)], [101, 102, 103, 104, 100]);
  device.close();
  gpu.destroy();
});

test('calls made in one turn of the event loop share a submit and a readback', async () => {
  const gpu = await openGpu();
  const device = await openDevice({ backend: 'webgpu', gpu });
  const calls = [
    [topK({ ratio: 0.01 }), input('normal', 5000)],
    [scaledSign(), input('ties', 3001)],
    [quantized({ bits: 4 }), input('heavy', 5000)],
    [flattenedOneBit({ seed: 3 }), input('normal', 700)],
  ] as const;
  const together = (): Promise<Uint8Array[]> =>
    Promise.all(calls.map(([compressor, x]) => device.compress(compressor, x)));
  const alone = [];
  for (const [compressor, x] of calls) alone.push(await device.compress(compressor, x));
  await together();
  const submits = counted(gpu.queue, 'submit');
  const buffers = counted(gpu, 'createBuffer');
  const groups = counted(gpu, 'createBindGroup');
  assert.equal(await together(), alone);
  assert.is(submits(), 1);
  assert.is(buffers(), 0);
  assert.is(groups(), 0, `${groups()} bind groups were made anew`);
  const approx = await Promise.all(alone.map((packet) => device.decompress(packet)));
  assert.is(submits(), 2, 'decompress shares a submit too');
  for (const [i, y] of approx.entries()) assert.equal(y, await device.decompress(alone[i]));
  device.close();
  gpu.destroy();
});

test('a call that fails leaves those that share its submit alone', async () => {
  const gpu = await openGpu();
  const device = await openDevice({ backend: 'webgpu', gpu });
  const x = input('normal', 5000);
  const bad = x.slice();
  bad[77] = NaN;
  const expected = await device.compress(scaledSign(), x);
  const [good, failed] = await Promise.allSettled([
    device.compress(scaledSign(), x),
    device.compress(topK({ k: 3 }), bad),
  ]);
  assert.equal(good, { status: 'fulfilled', value: expected });
  assert.is(failed.status, 'rejected');
  assert.match(String((failed as PromiseRejectedResult).reason), 'the first at index 77');
  device.close();
  gpu.destroy();
});

test('a vector on the GPU is compressed there, wherever it lies', async () => {
  const gpu = await openGpu();
  const device = await openDevice({ backend: 'webgpu', gpu });
  const x = input('normal', 3001);
  for (const compressor of [
    topK({ ratio: 0.05 }),
    scaledSign({ block: 100 }),
    threshold({ t: 1 }),
    maskEncoded({ ratio: 0.05, bits: 3 }),
    flattenedOneBit({ seed: 1, block: 256 }),
  ]) {
    const expected = await device.compress(compressor, x);
    for (const [offset, usage] of [
      [0, STORAGE],
      [512, STORAGE],
      [256, COPY_SOURCE],
      [52, STORAGE | COPY_SOURCE],
    ]) {
      const buffer = onGpu(gpu, x, offset, usage);
      const writes = counted(gpu.queue, 'submit');
      const packet = await device.compress(compressor, { buffer, offset, length: x.length });
      assert.equal(packet, expected, `${compressor.name} at ${offset}`);
      assert.is(writes(), 1, 'one submit');
      buffer.destroy();
    }
  }
  const buffer = onGpu(gpu, x, 52, STORAGE);
  await rejects(
    device.compress(float32(), { buffer, offset: 52 }),
    TypeError,
    'expected usage STORAGE and an offset',
  );
  await rejects(
    device.compress(float32(), { buffer, offset: 2 }),
    RangeError,
    '"offset" expected a multiple of 4',
  );
  await rejects(
    device.compress(float32(), { buffer, length: 1e6 }),
    RangeError,
    '"length" expected an integer in 0..',
  );
  device.close();
  gpu.destroy();
});

test('a packet is written and added to a GPU buffer, and to nothing beside it', async () => {
  const gpu = await openGpu();
  const device = await openDevice({ backend: 'webgpu', gpu });
  const js = await openDevice({ backend: 'js' });
  const x = input('normal', 3001);
  const y = input('ties', 3001);
  const packet = await device.compress(topK({ ratio: 0.3 }), x);
  for (const [offset, usage] of [
    [0, STORAGE | COPY_SOURCE],
    [52, COPY_SOURCE],
  ])
    for (const accumulate of [undefined, -0.3]) {
      const buffer = onGpu(gpu, y, offset, usage);
      const into = { buffer, offset };
      assert.is(
        await device
          .decompress(packet, { into: { ...into, length: 3001 }, accumulate })
          .then((given) => given.buffer),
        buffer,
      );
      const all = await contents(gpu, buffer);
      const first = offset / 4;
      const expected = await js.decompress(packet, { into: y.slice(), accumulate });
      assert.equal(all.slice(first, first + 3001), expected, `at ${offset}, accumulate ${accumulate}`);
      assert.ok([...all.subarray(0, first), ...all.subarray(first + 3001)].every((guard) => guard === 7));
    }
  const small = gpu.createBuffer({ size: 400, usage: COPY_TARGET });
  await rejects(device.decompress(packet, { into: { buffer: small } }), RangeError, '"length" expected');
  await rejects(
    device.decompress(packet, { into: { buffer: small, length: 100 } }),
    RangeError,
    '"into.length" expected an integer in 3001..3001, got 100',
  );
  for (const backend of [js, await openDevice({ backend: 'wasm' })]) {
    await rejects(backend.compress(float32(), { buffer: small }), TypeError, 'has no GPU buffers');
    await rejects(backend.decompress(packet, { into: { buffer: small } }), TypeError, 'has no GPU buffers');
    backend.close();
  }
  device.close();
  gpu.destroy();
});

test('the memory of a vector stays its own after calls over parts of it', async () => {
  const device = await openDevice({ backend: 'webgpu' });
  const [x, y] = [input('normal', 4096, 1), input('normal', 4096, 2)];
  const vector = device.vector(4096);
  await vector.write(x);
  // a part that is used where it lies, and one that is copied
  for (const first of [64, 70]) {
    await device.compress(topK({ k: 5 }), vector.slice(first));
    await device.decompress(await device.compress(float32(), y.subarray(first)), {
      into: vector.slice(first),
    });
    await vector.write(x);
  }
  const others = Array.from({ length: 8 }, () => device.vector(4096));
  for (const other of others) await other.write(y);
  assert.equal(await vector.read(), x);
  device.close();
});

test('a lost device rejects what is pending, and our own is opened anew', async () => {
  const gpu = await openGpu();
  // as one that fewbits opened itself
  const device = new Device(
    { backend: 'webgpu' },
    { backend: await openWebgpu({ gpu, allowSoftware: true }), reasons: {} },
    { open: openBackend },
  );
  const x = input('normal', 3000);
  const expected = await device.compress(scaledSign(), x);
  const pending = device.compress(topK({ k: 30 }), x);
  gpu.destroy();
  await rejects(pending, DeviceLostError, 'the GPU device was lost');
  assert.equal(await device.compress(scaledSign(), x), expected, 'the reopened device');
  device.close();
});

test('a lost device of the user’s stays lost', async () => {
  const gpu = await openGpu();
  const device = await openDevice({ backend: 'webgpu', gpu });
  gpu.destroy();
  await gpu.lost;
  const error = await rejects(device.compress(scaledSign(), input('normal', 10)), DeviceLostError);
  assert.is(error.code, 'FEWBITS_DEVICE_LOST');
  device.close();
});

test('close rejects what is pending', async () => {
  const device = await openDevice({ backend: 'webgpu' });
  const pending = device.compress(topK({ k: 30 }), input('normal', 3000));
  device.close();
  await rejects(pending, DeviceClosedError);
});

test('a mistake in a plan reaches the caller with the kernel’s name', async () => {
  const backend = await openWebgpu({ allowSoftware: true });
  const wrong: Planned<'x' | 'bits', 'n'> = {
    name: 'wrongSigns',
    buffers: ['x', 'bits'],
    params: ['n'],
    // the same memory to read and to write
    plan: ({ n }) => ({
      scratch: {},
      steps: [pass('pack', 'packSigns', 1, { x: 'bits', signs: 'bits' }, { n })],
    }),
  };
  const scope = new Scope(backend);
  scope.run(wrong, { x: scope.put(new Float32Array(32)), bits: scope.take(32) }, { n: 32 });
  await rejects(backend.read(scope.read(scope.take(1))), Error, 'wrongSigns');
  scope.end();
  backend.close();
});

test('a buffer that no GPU holds is refused with both sizes', async () => {
  const backend = await openWebgpu({ allowSoftware: true });
  assert.throws(() => backend.allocate(2 ** 45), /140737488355328 bytes of GPU memory were asked for/);
  backend.close();
});

test('buffers of others, and released ones, are refused', async () => {
  const backend = await openWebgpu({ allowSoftware: true });
  const buffer = backend.allocate(4);
  backend.release(buffer);
  assert.throws(
    () => backend.write(buffer, new Uint32Array(4)),
    /belongs to another backend, or was released/,
  );
  assert.throws(() => backend.release(buffer), /belongs to another backend, or was released/);
  await rejects(backend.read([{ buffer: { words: 4 } }]), Error, 'belongs to another backend');
  const other = backend.allocate(4);
  await rejects(
    backend.read([{ buffer: other, first: 2, count: 9 }]),
    RangeError,
    'outside a buffer of 4 words',
  );
  backend.close();
});

test.run();
