/** Calls, and devices, without waiting: what the calls with promises give, and their errors. */
import * as assert from 'uvu/assert';
import { openJs } from '../ts/backends/js/index.ts';
import { compile, unpack } from '../ts/backends/wasm/compile.ts';
import { Device } from '../ts/device.ts';
import { BackendUnavailableError, DeviceClosedError, NonFiniteError, PacketError } from '../ts/errors.ts';
import { bytes as scalar } from '../ts/generated/wasm-scalar.ts';
import { bytes as simd } from '../ts/generated/wasm-simd.ts';
import { bytes as sparse } from '../ts/generated/wasm-sparse.ts';
import { openDevice, openDeviceSync, scaledSign, topK, type SyncDeviceOptions } from '../ts/index.ts';
import { ALL_COMPRESSORS } from './support/all-compressors.ts';
import { eachBackend } from './support/backends.ts';
import { throws } from './support/host.ts';
import { input, LARGE } from './support/inputs.ts';
import { assertWords } from './support/same-words.ts';
import { suite } from './support/suite.ts';

eachBackend(
  'calls without waiting',
  (test, open, kind) => {
    // the backend is the suites', so these devices are not closed
    const deviceOf = async (): Promise<Device> =>
      new Device({ backend: 'auto' }, { backend: await open(), reasons: {} });

    if (kind.startsWith('webgpu')) {
      test('are refused, since a GPU works on its own', async () => {
        const device = await deviceOf();
        const packet = await device.compress(scaledSign(), new Float32Array(3));
        throws(
          () => device.compressSync(scaledSign(), new Float32Array(3)),
          TypeError,
          'js or wasm: on webgpu',
        );
        throws(() => device.decompressSync(packet), TypeError, 'js or wasm: on webgpu');
      });
      return;
    }

    test('give what those with promises give', async () => {
      const device = await deviceOf();
      for (const [c, compressor] of ALL_COMPRESSORS.entries())
        for (const n of [0, 100, 4097, c % 4 === 0 ? LARGE : 129]) {
          const x = input('normal', n, c + 1);
          const draw = { step: c, stream: 3 };
          const packet = device.compressSync(compressor, x, draw);
          assert.equal(packet, await device.compress(compressor, x, draw), `${compressor.name} ${n}`);
          const y = device.decompressSync(packet);
          assertWords(y, await device.decompress(packet), `${compressor.name} ${n}`);
          const [into, other] = [input('heavy', n), input('heavy', n)];
          assert.is(device.decompressSync(packet, { into, accumulate: 0.3 }), into);
          await device.decompress(packet, { into: other, accumulate: 0.3 });
          assertWords(into, other, `${compressor.name} ${n}, added`);
          const [error, same] = [device.vector(n), new Float32Array(n)];
          for (let step = 0; step < 2; step++)
            assert.equal(
              device.compressSync(compressor, x, { error, decay: 0.5, step }),
              await device.compress(compressor, x, { error: same, decay: 0.5, step }),
            );
          assertWords(await error.read(), same, `${compressor.name} ${n}, the error`);
          assert.is(device.decompressSync(packet, { into: error }), error);
          assertWords(await error.read(), y, `${compressor.name} ${n}, into a vector`);
          error.free();
        }
    });

    test('come in order with those that return a promise', async () => {
      const device = await deviceOf();
      const x = new Float32Array([1, -2, 3, -4]);
      const into = new Float32Array(4);
      const packet = device.compressSync(scaledSign(), x);
      const pending = [1, 2].map(() => device.decompress(packet, { into, accumulate: 1 }));
      device.decompressSync(packet, { into, accumulate: 1 });
      assert.equal([...into], [7.5, -7.5, 7.5, -7.5]);
      await Promise.all(pending);
      assert.equal([...into], [7.5, -7.5, 7.5, -7.5]);
    });

    test('throw what those with promises reject with', async () => {
      const device = await deviceOf();
      const x = new Float32Array([1, NaN]);
      throws(() => device.compressSync(scaledSign(), x), NonFiniteError, 'the first at index 1');
      throws(() => device.compressSync(topK({ k: 3 }), new Float32Array(2)), RangeError, '"k" expected');
      throws(
        () => device.compressSync(scaledSign(), [1] as never),
        TypeError,
        '"x" expected a Float32Array, a range of a GPU buffer or a vector of the device, got a value of type Array',
      );
      throws(
        () => device.compressSync(scaledSign(), x, { stp: 1 } as object),
        RangeError,
        'compressSync has no option "stp"',
      );
      const packet = device.compressSync(scaledSign(), new Float32Array(2));
      throws(() => device.decompressSync(packet.slice(4)), PacketError);
      throws(
        () => device.decompressSync(packet, { maxElement: 1 } as object),
        RangeError,
        'decompressSync has no option "maxElement"',
      );
      throws(() => device.decompressSync(packet, { into: new Float32Array(3) }), RangeError, '"into.length"');
      // and go on
      assert.equal([...device.decompressSync(packet)], [0, 0]);
    });
  },
  { threads: true, ofKernels: true },
);

const test = suite('devices without waiting');

const moduleOf = async (text: string): Promise<WebAssembly.Module> => compile(await unpack(text));

test('js, and wasm from modules that are compiled', async () => {
  const js = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
  const opened: [SyncDeviceOptions, string][] = [
    [{ backend: 'js' }, 'plain JavaScript'],
    [{ backend: 'wasm', module: await moduleOf(simd) }, 'SIMD'],
    [{ backend: 'wasm', module: await moduleOf(scalar) }, 'scalar'],
  ];
  const x = input('normal', 70_001);
  for (const [options, detail] of opened) {
    const device = openDeviceSync(options);
    assert.instance(device, Device);
    assert.is(device.backend, options.backend);
    assert.is(device.detail, detail);
    assert.equal(device.reasons, {});
    assert.is(device.gpu, undefined);
    for (const compressor of ALL_COMPRESSORS)
      assert.equal(device.compressSync(compressor, x), js.compressSync(compressor, x), compressor.name);
    assert.is(await device.kernels.absSum(x), await js.kernels.absSum(x));
    const vector = device.vector(3);
    await vector.write(new Float32Array([1, 2, 3]));
    device.trim();
    assert.equal([...(await vector.read())], [1, 2, 3]);
    device.close();
    throws(() => device.compressSync(scaledSign(), x), DeviceClosedError, 'the device is closed');
    throws(() => device.decompressSync(js.compressSync(scaledSign(), x)), DeviceClosedError);
  }
});

test('many from one module', async () => {
  const module = await moduleOf(simd);
  const [one, two] = [
    openDeviceSync({ backend: 'wasm', module }),
    openDeviceSync({ backend: 'wasm', module }),
  ];
  const vector = one.vector(5);
  two.close();
  assert.equal([...(await vector.read())], [0, 0, 0, 0, 0]);
  // and by openDevice
  const three = await openDevice({ backend: 'wasm', module });
  assert.is(three.detail, 'SIMD');
  for (const device of [one, three]) device.close();
});

test('what cannot be opened so is named', async () => {
  throws(
    () => openDeviceSync({ backend: 'webgpu' as 'js' }),
    RangeError,
    '"backend" expected one of wasm, js, got "webgpu"',
  );
  throws(
    () => openDeviceSync({} as SyncDeviceOptions),
    TypeError,
    '"backend" expected one of wasm, js, got undefined',
  );
  throws(
    () => openDeviceSync({ backend: 'wasm' }),
    TypeError,
    '"module" expected a WebAssembly.Module, got undefined',
  );
  throws(
    () => openDeviceSync({ backend: 'wasm', module: new Uint8Array(8) }),
    TypeError,
    '"module" expected a WebAssembly.Module, got a value of type Uint8Array',
  );
  throws(
    () => openDeviceSync({ backend: 'js', threads: 2 } as SyncDeviceOptions),
    RangeError,
    'openDeviceSync has no option "threads"; it has backend, module',
  );
});

test('what does not start says why', async () => {
  const empty = new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  // of a part of the kernels alone
  for (const module of [empty, await moduleOf(sparse)])
    try {
      openDeviceSync({ backend: 'wasm', module });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, BackendUnavailableError);
      const { wasm } = (error as BackendUnavailableError).reasons;
      assert.is(wasm, '"module" is not one of the WebAssembly modules of this version of fewbits');
    }
  const { WebAssembly: found } = globalThis;
  const module = await moduleOf(scalar);
  Object.assign(globalThis, { WebAssembly: undefined });
  try {
    throws(
      () => openDeviceSync({ backend: 'wasm', module }),
      BackendUnavailableError,
      'no backend available: wasm: this runtime has no WebAssembly',
    );
  } finally {
    Object.assign(globalThis, { WebAssembly: found });
  }
});

test.run();
