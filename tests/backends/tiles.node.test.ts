/** Vectors that the wasm backend goes through in tiles: the bytes of the js backend, wherever they lie. */
import * as assert from 'uvu/assert';
import {
  flattenedOneBit,
  NonFiniteError,
  openDevice,
  quantized,
  scaledSign,
  topK,
  type Compressor,
} from '../../ts/index.ts';
import { Device } from '../../ts/device.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { TILE } from '../../ts/backends/wasm/task.ts';
import { ALL_COMPRESSORS } from '../support/all-compressors.ts';
import { rejects } from '../support/host.ts';
import { input, type InputKind } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { keyCountsOf } from './key-counts.ts';

const test = suite('vectors in tiles');

/** Beside those, blocks of every relation to a tile, codes of one bit, and a list of many. */
const compressors: readonly Compressor[] = [
  ...ALL_COMPRESSORS,
  topK({ ratio: 0.3 }),
  scaledSign({ block: 32 }),
  scaledSign({ block: 33 }),
  scaledSign({ block: 1024 }),
  scaledSign({ block: 2 ** 15 }),
  quantized({ bits: 1 }),
  flattenedOneBit({ seed: 3, lambda: 'max', block: 64 }),
  flattenedOneBit({ seed: 3, lambda: 0.01, block: 2 ** 15 }),
  flattenedOneBit({ seed: 3, scale: 'mean', block: 2 ** 14 }),
  flattenedOneBit({ seed: 3, scale: 'drive', block: 'whole' }),
];

/** Around one, two and several pieces; a last piece of one element; padding that fills a piece, and none. */
const SIZES = [TILE, TILE + 1, 2 * TILE, 2 * TILE + 31, 3 * TILE + 4097, 65_537];
const KINDS: readonly InputKind[] = ['normal', 'heavy', 'ties', 'sparse', 'constant', 'ascending', 'huge'];

for (const simd of [true, false])
  test(`the same bytes as js, ${simd ? 'SIMD' : 'scalar'}`, async () => {
    const js = await openDevice({ backend: 'js' });
    const wasm = new Device({ backend: 'wasm' }, { backend: await openWasm({ simd }), reasons: {} });
    for (const [s, n] of SIZES.entries())
      for (const [c, compressor] of compressors.entries()) {
        const kind = KINDS[(s + c) % KINDS.length];
        const x = input(kind, n);
        const own = wasm.vector(n);
        await own.write(x);
        const what = `${compressor.name} ${JSON.stringify(compressor.options)} of ${n}, ${kind}`;
        const expected = await js.compress(compressor, x, { step: 5 });
        assert.equal(await wasm.compress(compressor, x, { step: 5 }), expected, what);
        assert.equal(
          await wasm.compress(compressor, own, { step: 5 }),
          expected,
          `${what}, in device memory`,
        );
        own.free();
      }
    js.close();
    wasm.close();
  });

for (const simd of [true, false])
  test(`keyCounts: the counts of js, ${simd ? 'SIMD' : 'scalar'}`, async () => {
    const js = openJs();
    const wasm = await openWasm({ simd });
    for (const [s, n] of SIZES.entries()) {
      const x = input(KINDS[s % KINDS.length], n);
      const expected = await keyCountsOf(js, x, 'lent');
      for (const where of ['lent', 'copied'] as const)
        assert.equal(await keyCountsOf(wasm, x, where), expected, `${n}, ${where}`);
    }
    wasm.close();
    js.close();
  });

test('what is not finite is found in any piece', async () => {
  const device = await openDevice({ backend: 'wasm' });
  for (const place of [0, TILE - 1, TILE, 3 * TILE + 5])
    for (const compressor of compressors) {
      const x = input('normal', 3 * TILE + 6);
      x[place] = Infinity;
      x[3 * TILE + 5] = NaN;
      const bad = place === 3 * TILE + 5 ? 1 : 2;
      await rejects(
        device.compress(compressor, x),
        NonFiniteError,
        `the input has ${bad} NaN or infinite ${bad === 1 ? 'element' : 'elements'}, the first at index ${place}`,
      );
    }
  device.close();
});

test.run();
