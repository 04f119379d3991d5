/** Threads of the wasm backend: the bytes of one, and what becomes of them at the end. */
import * as assert from 'uvu/assert';
import { compile, unpack } from '../../ts/backends/wasm/compile.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { TILE } from '../../ts/backends/wasm/task.ts';
import { PARALLEL } from '../../ts/backends/wasm/executor.ts';
import { Device } from '../../ts/device.ts';
import {
  flattenedOneBit,
  NonFiniteError,
  openDevice,
  scaledSign,
  topK,
  type Compressor,
} from '../../ts/index.ts';
import { ALL_COMPRESSORS } from '../support/all-compressors.ts';
import { rejects } from '../support/host.ts';
import { input, type InputKind, share, some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { keyCountsOf } from './key-counts.ts';

const test = suite('threads');

/** Beside those, lists that several threads code, long and short, and a transform of the whole. */
const compressors: readonly Compressor[] = [
  ...ALL_COMPRESSORS,
  topK({ ratio: 0.001 }),
  topK({ ratio: 0.3 }),
  flattenedOneBit({ seed: 3, scale: 'drive', block: 'whole' }),
];

/** Shared from the first on: whole pieces, a last piece of one element, and many pieces with a part of one. */
const SIZES = [PARALLEL, PARALLEL + 1, 3 * PARALLEL + TILE / 2 + 33];
const KINDS: readonly InputKind[] = ['normal', 'ties', 'heavy', 'sparse', 'ascending'];

for (const simd of some([true, false]))
  test(`the same bytes as one thread, ${simd ? 'SIMD' : 'scalar'}`, async () => {
    const one = await openDevice({ backend: 'wasm' });
    const backend = await openWasm({ simd, threads: 3 });
    assert.is(backend.detail, `${simd ? 'SIMD' : 'scalar'}, 3 threads`);
    const three = new Device({ backend: 'wasm' }, { backend, reasons: {} });
    for (const [s, n] of [...SIZES.entries()].slice(-share(3)))
      for (const [c, compressor] of compressors.entries()) {
        const kind = KINDS[(s + c) % KINDS.length];
        const x = input(kind, n);
        const own = three.vector(n);
        await own.write(x);
        const what = `${compressor.name} ${JSON.stringify(compressor.options)} of ${n}, ${kind}`;
        const expected = await one.compress(compressor, x, { step: 5 });
        for (let turn = 0; turn < 2; turn++) {
          assert.equal(await three.compress(compressor, x, { step: 5 }), expected, what);
          assert.equal(
            await three.compress(compressor, own, { step: 5 }),
            expected,
            `${what}, in device memory`,
          );
        }
        await three.decompress(expected, { into: own });
        assert.equal(await own.read(), await one.decompress(expected), `${what}, decompressed`);
        own.free();
      }
    one.close();
    three.close();
  });

test('fwht: the same floats, of several blocks and of one, padded and not', async () => {
  const one = await openDevice({ backend: 'wasm' });
  const three = await openDevice({ backend: 'wasm', threads: 3 });
  for (const n of some([2 ** 19 - 77, 2 ** 18, 2 ** 20 + 5]))
    for (const block of ['whole', 2 ** 18, 2 ** 12] as const) {
      const x = input('normal', n);
      const found = await three.kernels.fwht(x, { block });
      assert.equal(found, await one.kernels.fwht(x, { block }), `${n} by ${block}`);
    }
  one.close();
  three.close();
});

for (const simd of some([true, false]))
  test(`keyCounts: the counts of js, ${simd ? 'SIMD' : 'scalar'}`, async () => {
    const js = openJs();
    const three = await openWasm({ simd, threads: 3 });
    for (const [s, n] of SIZES.entries()) {
      const x = input(KINDS[s % KINDS.length], n);
      const expected = await keyCountsOf(js, x, 'lent');
      for (const where of ['lent', 'copied'] as const)
        assert.equal(await keyCountsOf(three, x, where), expected, `${n}, ${where}`);
    }
    three.close();
    js.close();
  });

test('what is not finite is found by any thread', async () => {
  const device = await openDevice({ backend: 'wasm', threads: 2 });
  for (const place of some([PARALLEL + 5, 0, TILE]))
    for (const compressor of compressors) {
      const x = input('normal', PARALLEL + 6);
      x[place] = Infinity;
      x[PARALLEL + 5] = NaN;
      const bad = place === PARALLEL + 5 ? 1 : 2;
      await rejects(
        device.compress(compressor, x),
        NonFiniteError,
        `the input has ${bad} NaN or infinite ${bad === 1 ? 'element' : 'elements'}, the first at index ${place}`,
      );
    }
  device.close();
});

test('one thread where memory cannot be shared', async () => {
  const found = globalThis.SharedArrayBuffer;
  Object.defineProperty(globalThis, 'SharedArrayBuffer', {
    value: undefined,
    configurable: true,
    writable: true,
  });
  try {
    const device = await openDevice({ backend: 'wasm', threads: 2 });
    assert.is(
      device.detail,
      'SIMD, one thread: there is no SharedArrayBuffer (a page needs COOP and COEP for it)',
    );
    const x = input('normal', PARALLEL);
    const expected = await (await openDevice({ backend: 'js' })).compress(scaledSign(), x);
    assert.equal(await device.compress(scaledSign(), x), expected);
    device.close();
  } finally {
    Object.defineProperty(globalThis, 'SharedArrayBuffer', {
      value: found,
      configurable: true,
      writable: true,
    });
  }
});

test('one thread where the module is the caller’s', async () => {
  const { bytes } = await import('../../ts/generated/wasm-simd.ts');
  const module = await compile(await unpack(bytes));
  const device = await openDevice({ backend: 'wasm', threads: 2, module });
  assert.is(device.detail, 'SIMD, one thread: the memory of "module" cannot be shared');
  assert.is((await device.compress(scaledSign(), new Float32Array(5))).length > 0, true);
  device.close();
});

test.run();
