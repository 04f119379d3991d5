/** Vectors of a device on a GPU: what crosses to the CPU and back, the memory that they take, a GPU that is lost. */
import * as assert from 'uvu/assert';
import { openBackend } from '../../ts/backends/open.ts';
import { openWebgpu } from '../../ts/backends/webgpu/index.ts';
import { Device } from '../../ts/device.ts';
import { DeviceLostError } from '../../ts/errors.ts';
import {
  float32,
  inspect,
  type Inspection,
  openDevice,
  quantized,
  scaledSign,
  topK,
  type DeviceVector,
} from '../../ts/index.ts';
import { goldenPlan } from '../../ts/verify/golden-plans.ts';
import { TYPICAL } from '../support/all-compressors.ts';
import { openGpu, releaseGpus } from '../support/gpu.ts';
import { rejects, throws } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('vectors on a GPU');

test.after(releaseGpus);

/** What a device was asked to do since the last look, by its own objects: Node has no prototypes to change. */
interface Traffic {
  maps: number;
  /** Bytes of the ranges that were mapped. */
  back: number;
  /** Bytes that the queue was given to write. */
  there: number;
  submits: number;
  buffers: number;
}

/** Counts what a device is asked to do from now on; `take` gives the counts and begins anew. */
function watch(gpu: GPUDevice): { take(): Traffic } {
  const none = { maps: 0, back: 0, there: 0, submits: 0, buffers: 0 };
  let seen: Traffic = { ...none };
  const { queue } = gpu;
  const createBuffer = gpu.createBuffer.bind(gpu);
  const submit = queue.submit.bind(queue);
  const writeBuffer = queue.writeBuffer.bind(queue);
  const set = (target: object, name: string, value: unknown): unknown =>
    Object.defineProperty(target, name, { configurable: true, value });
  set(gpu, 'createBuffer', (descriptor: GPUBufferDescriptor) => {
    seen.buffers++;
    const buffer = createBuffer(descriptor);
    const mapAsync = buffer.mapAsync.bind(buffer);
    set(buffer, 'mapAsync', (mode: number, offset = 0, size = buffer.size - offset) => {
      seen.maps++;
      seen.back += size;
      return mapAsync(mode, offset, size);
    });
    return buffer;
  });
  set(queue, 'submit', (commands: Iterable<GPUCommandBuffer>) => {
    seen.submits++;
    submit(commands);
  });
  set(queue, 'writeBuffer', (...args: Parameters<GPUQueue['writeBuffer']>) => {
    // the backend gives offset and size in bytes
    seen.there += args[4] ?? args[2].byteLength;
    writeBuffer(...args);
  });
  return {
    take() {
      const taken = seen;
      seen = { ...none };
      return taken;
    },
  };
}

/** Bytes of what a packet, or a part of one, says in fewer bits than it takes on a device. */
function unpackedBytes({ parameters, n }: Pick<Inspection, 'parameters' | 'n'>): number {
  const said = parameters as Partial<Record<'k' | 'kept' | 'bits' | 'levels', number>>;
  const { k = 0, kept = k } = said;
  const width = parameters.coding === 'entropy' ? (said.bits ?? 32 - Math.clz32(2 * said.levels!)) : 0;
  return 8 * kept + 2 * Math.ceil((n * width) / 8);
}

test('a compress with its error on the device is one readback, and the error stays there', async () => {
  const gpu = await openGpu();
  const traffic = watch(gpu);
  const device = await openDevice({ backend: 'webgpu', gpu });
  const n = 50_000;
  const [x, error] = [device.vector(n), device.vector(n)];
  const js = await openDevice({ backend: 'js' });
  for (const compressor of [...TYPICAL, goldenPlan('network', n), goldenPlan('draws', n)]) {
    await error.write(new Float32Array(n));
    const expected = new Float32Array(n);
    for (let step = 0; step < 3; step++) {
      const given = input('normal', n, step + 1);
      await x.write(given);
      await error.read(); // nothing is left to submit
      traffic.take();
      const packet = await device.compress(compressor, x, { error, step });
      const { maps, back, there, submits, buffers } = traffic.take();
      const what = `${compressor.name} ${JSON.stringify(compressor.options)}, step ${step}`;
      assert.equal(packet, await js.compress(compressor, given, { error: expected, step }), what);
      // threshold reads once more where more elements pass than it has room for, and makes that room
      const isOpen = compressor.name === 'threshold';
      assert.is(submits, maps, `${what}: submits`);
      assert.ok(maps === 1 || (isOpen && maps === 2), `${what}: ${maps} readbacks`);
      // the packet's parts, lists before they are coded, with room where their length is found there
      assert.ok(back < 2 * packet.length + n, `${what}: ${back} bytes back for a packet of ${packet.length}`);
      // what is taken off the error is decoded there, from what the packet holds: a list by place and value, which may
      // be few bits in a packet; coded symbols packed
      const said = inspect(packet);
      const sent = [said, ...(said.parts ?? [])].reduce((sum, one) => sum + unpackedBytes(one), 0);
      const most = 2 * packet.length + sent + 4000;
      assert.ok(there < most, `${what}: ${there} bytes there`);
      if (step > 1 && !isOpen) assert.is(buffers, 0, `${what}: buffers`);
    }
    assertWords(await error.read(), expected, compressor.name);
  }
  device.close();
  js.close();
  gpu.destroy();
});

test('steps of a training loop that overlap are one submit each at the most', async () => {
  const gpu = await openGpu();
  const traffic = watch(gpu);
  const device = await openDevice({ backend: 'webgpu', gpu });
  const n = 5000;
  const layers = [1, 2, 3].map(() => ({ x: device.vector(n), error: device.vector(n) }));
  const step = (): Promise<Uint8Array[]> =>
    Promise.all(layers.map(({ x, error }) => device.compress(topK({ k: 50 }), x, { error })));
  for (const [i, { x }] of layers.entries()) await x.write(input('normal', n, i + 1));
  await step();
  await step();
  traffic.take();
  await step();
  const { maps, submits, buffers } = traffic.take();
  assert.equal([maps, submits, buffers], [1, 1, 0]);
  device.close();
  gpu.destroy();
});

test('a thousand vectors made and freed take the memory of one', async () => {
  const gpu = await openGpu();
  const traffic = watch(gpu);
  const device = await openDevice({ backend: 'webgpu', gpu });
  const x = input('normal', 3000);
  const one = async (): Promise<void> => {
    const vector = device.vector(3000);
    await vector.write(x);
    await device.compress(topK({ k: 5 }), x, { error: vector });
    vector.free();
  };
  for (let i = 0; i < 5; i++) await one();
  traffic.take();
  for (let i = 0; i < 100; i++) await one();
  assert.is(traffic.take().buffers, 0);
  // all at once, and never written
  const many = (): DeviceVector[] => Array.from({ length: 1000 }, () => device.vector(500));
  for (const vector of many()) vector.free();
  await device.kernels.absSum(x); // submits what they were cleared with
  traffic.take();
  for (let turn = 0; turn < 3; turn++) for (const vector of many()) vector.free();
  assert.is(traffic.take().buffers, 0);
  assert.is(device.vectors, 0);
  device.close();
  gpu.destroy();
});

test('what a lost GPU held is lost, until it is written anew', async () => {
  const gpu = await openGpu();
  // as one that fewbits opened itself
  const backend = await openWebgpu({ gpu, allowSoftware: true });
  const device = new Device({ backend: 'webgpu' }, { backend, reasons: {} }, { open: openBackend });
  const n = 3000;
  const x = input('normal', n);
  const [read, written, decoded, mean, sum, freed] = Array.from({ length: 6 }, () => device.vector(n));
  for (const vector of [read, written, decoded, mean, sum, freed]) await vector.write(x);
  const slice = read.slice(64);
  const packet = await device.compress(quantized({ bits: 3 }), x);
  const pending = read.read();
  gpu.destroy();
  await rejects(pending, DeviceLostError);
  throws(() => device.vector(n), DeviceLostError);
  for (let turn = 0; turn < 2; turn++) {
    for (const call of [
      read.read(),
      slice.read(),
      slice.write(x.subarray(64)),
      written.write(read),
      device.compress(scaledSign(), read),
      device.compress(scaledSign(), x, { error: read }),
      device.decompress(packet, { into: read, accumulate: 1 }),
      device.kernels.absSum(read),
    ])
      await rejects(call, DeviceLostError, 'what the vector held is lost, write it anew');
    // other calls open another GPU, and go on
    assert.equal(await device.compress(quantized({ bits: 3 }), x), packet);
  }
  const y = await device.decompress(packet);
  await written.write(x);
  assertWords(await written.read(), x, 'written');
  await device.decompress(packet, { into: decoded });
  assertWords(await decoded.read(), y, 'decoded');
  await device.mean([packet], { into: mean });
  assertWords(await mean.read(), await device.mean([packet]), 'the mean');
  const error = new Float32Array(n);
  assert.equal(await device.compress(float32(), x, { error, sum }), await device.compress(float32(), x));
  assertWords(await sum.read(), x, 'the sum');
  // a part sees what the whole was written with
  await read.write(written);
  assertWords(await slice.read(), x.slice(64), 'the slice');
  freed.free();
  await rejects(freed.read(), TypeError, 'the vector was freed');
  const [fresh] = [device.vector(n)];
  assertWords(await fresh.read(), new Float32Array(n), 'a new one');
  assert.is(device.vectors, 6);
  device.close();
});

test('vectors on a device of the user’s are lost with it', async () => {
  const gpu = await openGpu();
  const device = await openDevice({ backend: 'webgpu', gpu });
  const vector = device.vector(10);
  await vector.write(new Float32Array(10));
  gpu.destroy();
  await gpu.lost;
  await rejects(vector.read(), DeviceLostError);
  await rejects(vector.write(new Float32Array(10)), DeviceLostError);
  vector.free();
  device.close();
});

test('calls without waiting are refused, and change nothing', async () => {
  const device = await openDevice({ backend: 'webgpu' });
  const x = input('normal', 100);
  const packet = await device.compress(scaledSign(), x);
  const [error, into] = [device.vector(100), new Float32Array(100)];
  const says = 'expected a backend that does not wait, js or wasm: on webgpu the GPU works on its own';
  throws(() => device.compressSync(scaledSign(), x, { error }), TypeError, `compressSync ${says}`);
  throws(() => device.decompressSync(packet, { into }), TypeError, `decompressSync ${says}`);
  // wrong arguments are named first
  throws(() => device.compressSync(scaledSign(), x, { step: -1 }), RangeError, '"step"');
  assertWords(into, new Float32Array(100), 'into');
  assertWords(await error.read(), new Float32Array(100), 'the error');
  device.close();
});

test.run();
