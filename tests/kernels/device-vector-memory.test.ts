/** The memory of a device's vectors: what they hold where other memory is given back, and where a device is closed. */
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { scaledSign } from '../../ts/compressors/scaled-sign.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { Device } from '../../ts/device.ts';
import { DeviceClosedError } from '../../ts/errors.ts';
import type { DeviceVector } from '../../ts/kernels/device-vector.ts';
import { eachBackend, openKind } from '../support/backends.ts';
import { rejects, throws } from '../support/host.ts';
import { input, LARGE } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { anyWords, LONG, vectorOf } from './device-vectors.ts';

eachBackend(
  'memory of vectors of a device',
  (test, open, kind) => {
    // the backend is the suites', so these devices are not closed
    const deviceOf = async (): Promise<Device> =>
      new Device({ backend: 'auto' }, { backend: await open(), reasons: {} });

    test('keep what they hold where memory is given back', async () => {
      const device = await deviceOf();
      const js = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
      const large = await vectorOf(device, input('normal', 4 * LARGE));
      const xs = [100, LARGE, 33, LONG].map((n, i) => anyWords(n, i + 1));
      const vectors: DeviceVector[] = [];
      for (const x of xs) vectors.push(await vectorOf(device, x));
      const part = vectors[1].slice(11, LARGE - 9);
      await device.compress(scaledSign(), large);
      large.free();
      vectors[2].free();
      const { Memory } = WebAssembly;
      let memories = 0;
      WebAssembly.Memory = class extends Memory {
        constructor(descriptor: WebAssembly.MemoryDescriptor) {
          super(descriptor);
          memories++;
        }
      };
      try {
        device.trim();
        // with a call under way
        const pending = device.compress(scaledSign(), vectors[0]).catch(() => undefined);
        device.trim();
        await pending;
      } finally {
        WebAssembly.Memory = Memory;
      }
      if (kind.startsWith('wasm')) assert.ok(memories >= 1, 'the memory is another one');
      for (const i of [0, 1, 3]) assertWords(await vectors[i].read(), xs[i], `vector ${i}`);
      assertWords(await part.read(), xs[1].slice(11, LARGE - 9), 'the slice');
      const [x, error] = [input('normal', LONG), input('normal', LONG, 2)];
      await vectors[3].write(error);
      const packet = await js.compress(topK({ k: 9 }), x, { error });
      assert.equal(await device.compress(topK({ k: 9 }), x, { error: vectors[3] }), packet);
      device.trim();
      assertWords(await vectors[3].read(), error, 'the error');
      for (const i of [0, 1, 3]) vectors[i].free();
      assert.is(device.vectors, 0);
    });

    test('end when the device is closed', async () => {
      const device = new Device({ backend: 'auto' }, { backend: await openKind(kind), reasons: {} });
      const x = new Float32Array(100).fill(1);
      const vector = await vectorOf(device, x);
      const part = vector.slice(3);
      const pending = vector.read();
      device.close();
      await rejects(pending, DeviceClosedError);
      assert.is(device.vectors, 0);
      throws(() => device.vector(1), DeviceClosedError, 'the device is closed');
      throws(() => device.vector(0), DeviceClosedError, 'the device is closed');
      for (const call of [
        vector.read(),
        part.read(),
        part.write(x.subarray(3)),
        device.compress(scaledSign(), vector),
        device.kernels.absSum(vector),
      ])
        await rejects(call, DeviceClosedError, 'the device is closed');
      part.free();
      vector.free();
      vector.free();
    });
  },
  { threads: true },
);
