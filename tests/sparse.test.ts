/** `fewbits/sparse`: the packets of topK and threshold as `fewbits` makes them, and nothing else. */
import * as assert from 'uvu/assert';
import { openDevice as openAny, scaledSign } from '../ts/index.ts';
import {
  BackendUnavailableError,
  NonFiniteError,
  PacketError,
  openDevice,
  threshold,
  topK,
} from '../ts/sparse.ts';
import { rejects } from './support/host.ts';
import { FINITE, input } from './support/inputs.ts';
import { suite } from './support/suite.ts';

const test = suite('fewbits/sparse');

test('makes and reads the packets of fewbits', async () => {
  const [device, any] = [await openDevice(), await openAny({ backend: 'js' })];
  for (const kind of FINITE)
    for (const n of [0, 1, 33, 1000, 70_001])
      for (const compressor of [
        topK({ ratio: 0.01 }),
        topK({ ratio: 0.5, values: 'float16' }),
        threshold({ t: 1 }),
      ]) {
        const x = input(kind, n);
        const packet = await device.compress(compressor, x);
        assert.equal(packet, await any.compress(compressor, x), `${compressor.name} of ${kind} ${n}`);
        assert.equal(await device.decompress(packet), await any.decompress(packet));
      }
  const sum = new Float32Array([1, 1, 1]);
  const packet = await device.compress(topK({ k: 1 }), new Float32Array([0, -8, 2]));
  await device.decompress(packet, { into: sum, accumulate: 0.25 });
  assert.equal([...sum], [1, -1, 1]);
  any.close();
  device.close();
});

test('takes vectors of its own memory, and refuses NaN', async () => {
  const device = await openDevice();
  const values = input('normal', 1000);
  const [x, error] = [device.vector(1000), device.vector(1000)];
  await x.write(values);
  const packet = await device.compress(topK({ k: 10 }), values);
  assert.equal(await device.compress(topK({ k: 10 }), x, { error }), packet);
  assert.equal(device.compressSync(topK({ k: 10 }), x), packet);
  const lost = values.slice();
  await device.decompress(packet, { into: lost, accumulate: -1 });
  assert.equal(await error.read(), lost);
  assert.equal(await device.mean([packet, packet]), await device.decompress(packet));
  values[7] = NaN;
  await x.write(values);
  const { first } = await rejects(device.compress(topK({ k: 10 }), x), NonFiniteError);
  assert.is(first, 7);
  device.close();
});

test('other compressors and their packets are refused', async () => {
  const [device, any] = [await openDevice(), await openAny({ backend: 'js' })];
  const packet = await any.compress(scaledSign(), input('normal', 100));
  await rejects(device.decompress(packet), PacketError, 'fewbits/sparse does not support');
  await rejects(device.compress(scaledSign(), new Float32Array(9)), TypeError, 'has no kernel');
  any.close();
  device.close();
});

test('says why it does not open', async () => {
  const { compile } = WebAssembly;
  WebAssembly.compile = () => Promise.reject(new Error('forbidden by a policy'));
  try {
    const error = await rejects(openDevice(), BackendUnavailableError);
    assert.match(error.reasons.wasm, 'may not be compiled here: forbidden by a policy');
  } finally {
    WebAssembly.compile = compile;
  }
});

test.run();
