import * as assert from 'uvu/assert';
import { openDevice, scaledSign, topK } from '../ts/index.ts';
import { BackendUnavailableError, DeviceClosedError } from '../ts/errors.ts';
import type { Compressor } from '../ts/compressors/compressor.ts';
import { rejects } from './support/host.ts';
import { input } from './support/inputs.ts';
import { suite } from './support/suite.ts';

const test = suite('device');

test('opens the best backend here, and says what it is', async () => {
  const device = await openDevice();
  assert.ok(['webgpu', 'wasm'].includes(device.backend), device.backend);
  assert.ok(device.detail.length > 0);
  if (device.backend === 'wasm') assert.ok(device.reasons.webgpu.length > 0, 'says why not webgpu');
  device.close();
});

test('the backend by name', async () => {
  for (const backend of ['js', 'wasm'] as const) {
    const device = await openDevice({ backend });
    assert.is(device.backend, backend);
    device.close();
  }
  await rejects(
    openDevice({ backend: 'cuda' as 'js' }),
    RangeError,
    '"backend" expected one of auto, webgpu, wasm, js, got "cuda"',
  );
  await rejects(openDevice({ bakend: 'js' } as object), RangeError, 'openDevice has no option "bakend"');
  await rejects(openDevice({ threads: 0 }), RangeError, '"threads" expected an integer');
});

test('a backend that cannot run says why', async () => {
  const gpu = { limits: {} } as unknown as GPUDevice;
  const error = await rejects(openDevice({ backend: 'webgpu', gpu }), BackendUnavailableError);
  assert.ok(error.reasons.webgpu.length > 0);
  assert.is(error.code, 'FEWBITS_BACKEND_UNAVAILABLE');
});

test('decompress writes and adds where it is told', async () => {
  const device = await openDevice({ backend: 'js' });
  const x = input('normal', 500);
  const packet = await device.compress(topK({ k: 100 }), x);
  const decoded = await device.decompress(packet);
  const into = new Float32Array(500).fill(1);
  assert.is(await device.decompress(packet, { into, accumulate: 0.3 }), into);
  const scale = Math.fround(0.3);
  assert.equal(
    into,
    decoded.map((value) => 1 + Math.fround(scale * value)),
  );
  await device.decompress(packet, { into });
  assert.equal(into, decoded);
  await rejects(
    device.decompress(packet, { into: new Float32Array(499) }),
    RangeError,
    '"into.length" expected an integer in 500..500, got 499',
  );
  await rejects(
    device.decompress(packet, { accumulate: 1 }),
    RangeError,
    '"accumulate" expected "into" beside it',
  );
  device.close();
});

test('calls may overlap', async () => {
  const device = await openDevice({ backend: 'wasm' });
  const sizes = Array.from({ length: 50 }, (_, i) => i * 37);
  const one = await Promise.all(sizes.map((n) => device.compress(scaledSign(), input('normal', n))));
  for (const [i, n] of sizes.entries())
    assert.equal(one[i], await device.compress(scaledSign(), input('normal', n)));
  device.close();
});

test('a closed device says so, to calls that are pending too', async () => {
  for (const backend of ['js', 'wasm'] as const) {
    const device = await openDevice({ backend });
    const x = input('normal', 100);
    device.close();
    device.close();
    await rejects(device.compress(scaledSign(), x), DeviceClosedError, 'the device is closed');
    await rejects(device.kernels.absSum(x), DeviceClosedError);
  }
});

test('wrong arguments are named', async () => {
  const device = await openDevice({ backend: 'js' });
  const x = new Float32Array(4);
  await rejects(device.compress({} as Compressor, x), TypeError, '"compressor" expected a compressor');
  await rejects(device.compress(topK as unknown as Compressor, x), TypeError, 'got a function');
  await rejects(
    device.compress(scaledSign(), [1] as unknown as Float32Array),
    TypeError,
    '"x" expected a Float32Array, a range of a GPU buffer or a vector of the device, got a value of type Array',
  );
  await rejects(device.compress(scaledSign(), x, { step: -1 }), RangeError, '"step"');
  await rejects(
    device.decompress('abc' as unknown as Uint8Array),
    TypeError,
    '"packet" expected a Uint8Array, got "abc"',
  );
  device.close();
});

test('kernels are bound to the device', async () => {
  const device = await openDevice({ backend: 'wasm' });
  assert.is(await device.kernels.absSum(new Float32Array([1, -2, 3])), 6);
  device.close();
});

test.run();
