import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { scaledSign } from '../../ts/compressors/scaled-sign.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

eachCompressor('scaledSign', [
  scaledSign(),
  scaledSign({ block: 1 }),
  scaledSign({ block: 100 }),
  scaledSign({ block: 4096 }),
]);

const test = suite('scaledSign by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

test('decodes to the sign times the mean magnitude, of the whole or of blocks', async () => {
  const x = new Float32Array([1, -2, -0, 0, -5]);
  assert.equal(
    [...(await device.decompress(await device.compress(scaledSign(), x)))],
    [1.6, -1.6, 1.6, 1.6, -1.6].map(Math.fround),
  );
  const blocks = await device.decompress(await device.compress(scaledSign({ block: 2 }), x));
  assert.equal([...blocks], [1.5, -1.5, 0, 0, -5]);
});

test('costs n bits, 4 bytes a block and 28 bytes', async () => {
  for (const n of [1, 31, 32, 33, 1000, 100_000]) {
    const whole = await device.compress(scaledSign(), input('normal', n));
    assert.is(whole.length, 28 + Math.ceil(n / 32) * 4);
    const blocks = await device.compress(scaledSign({ block: 100 }), input('normal', n));
    assert.is(blocks.length, 24 + Math.ceil(n / 32) * 4 + Math.ceil(n / 100) * 4);
  }
});

test('scales of vectors beyond float32 sums are right', async () => {
  for (const value of [3e38, 1e-36]) {
    const decoded = await device.decompress(
      await device.compress(scaledSign(), new Float32Array(3000).fill(value)),
    );
    assert.ok(Math.abs(decoded[7] / value - 1) < 1e-6, `${decoded[7]} for ${value}`);
  }
  const mixed = new Float32Array(200).fill(3e38, 0, 100).fill(0.25, 100);
  const decoded = await device.decompress(await device.compress(scaledSign({ block: 100 }), mixed));
  assert.is(decoded[150], 0.25, 'a small block beside a huge one keeps its scale');
});

test('refuses NaN and infinity', async () => {
  const x = input('normal', 1000);
  x[10] = NaN;
  x[20] = Infinity;
  const error = await rejects(device.compress(scaledSign({ block: 64 }), x), NonFiniteError);
  assert.equal([error.count, error.first], [2, 10]);
});

test('wrong options are named', () => {
  assert.throws(() => scaledSign({ block: 0 }), /"block" expected an integer in 1\.\.4294967295, got 0/);
  assert.throws(
    () => scaledSign({ blocks: 5 } as { block?: number }),
    /scaledSign has no option "blocks"; it has block/,
  );
});

test.run();
