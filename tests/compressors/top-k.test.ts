import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { roundedTo } from '../reference/halves.ts';
import * as reference from '../reference/select.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

eachCompressor('topK', [
  topK({ k: 1 }),
  topK({ ratio: 0.01 }),
  topK({ ratio: 0.5 }),
  topK({ ratio: 1 }),
  topK({ ratio: 0.1, values: 'bfloat16' }),
  topK({ ratio: 0.3, values: 'sign' }),
  topK({ ratio: 0.3, values: 'levels' }),
  topK({ k: 1, values: 'levels' }),
  topK({ ratio: 0.3, values: 'float16' }),
]);

const test = suite('topK by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

test('decodes to exactly the top k, bit by bit', async () => {
  for (const kind of ['normal', 'ties', 'subnormal', 'negativeZero', 'heavy'] as const)
    for (const n of [1, 2, 33, 1000, 5000]) {
      const x = input(kind, n);
      const k = Math.ceil(n / 7);
      const expected = new Float32Array(n);
      for (const i of reference.topK(x, k, Math.abs)) expected[i] = x[i];
      assertWords(await device.decompress(await device.compress(topK({ k }), x)), expected, `${kind} ${n}`);
    }
});

test('a ratio is the kept share: floor(ratio n + 1e-9), at least 1', async () => {
  const kept = async (ratio: number, n: number): Promise<unknown> =>
    inspect(await device.compress(topK({ ratio }), input('normal', n))).parameters.k;
  assert.is(await kept(0.01, 1000), 10);
  assert.is(await kept(0.07, 100), 7); // 0.07 * 100 is 7.000000000000001 in float64
  assert.is(await kept(0.29, 100), 29); // 0.29 * 100 is 28.999999999999996
  assert.is(await kept(0.01, 99), 1);
  assert.is(await kept(0.001, 10), 1);
  assert.is(await kept(1, 10), 10);
});

test('is about log2(n / k) + 2 + 32 bits a kept element', async () => {
  const { bytes } = inspect(await device.compress(topK({ ratio: 0.01 }), input('normal', 1_000_000)));
  assert.ok((bytes * 8) / 10_000 < 32 + 8.086 * 1.05, `${(bytes * 8) / 10_000}`);
});

test('values of 16 bits take half the bytes, and decode to rounded elements', async () => {
  for (const kind of ['normal', 'subnormal', 'huge', 'negativeZero'] as const)
    for (const k of [1, 2, 501]) {
      const x = input(kind, 1000);
      const full = await device.compress(topK({ k }), x);
      const whole = await device.decompress(full);
      for (const values of ['bfloat16', 'float16'] as const) {
        const packet = await device.compress(topK({ k, values }), x);
        assert.is(full.length - packet.length, Math.floor(k / 2) * 4);
        assert.is(inspect(packet).parameters.values, values);
        assertWords(await device.decompress(packet), roundedTo(values, whole), `${kind} ${k} ${values}`);
      }
    }
});

test('refuses NaN and infinity anywhere', async () => {
  const x = input('normal', 1000);
  for (const [at, value] of [
    [0, NaN],
    [999, Infinity],
    [500, -Infinity],
  ]) {
    const bad = x.slice();
    bad[at] = value;
    const error = await rejects(device.compress(topK({ k: 1 }), bad), NonFiniteError);
    assert.equal([error.count, error.first], [1, at]);
  }
});

test('wrong options are named', async () => {
  const made = (options: unknown) => () => topK(options as { k: number });
  assert.throws(made({ k: 0 }), /"k" expected an integer in 1\.\.4294967295, got 0/);
  assert.throws(made({ k: 1, ratio: 0.1 }), /either "k" or "ratio"/);
  assert.throws(made({}), /either "k" or "ratio"/);
  assert.throws(made({ ratio: 0 }), /"ratio" expected a number above 0 and up to 1, got 0/);
  assert.throws(made({ ratio: 1.5 }), /"ratio"/);
  assert.throws(made({ share: 1 }), /topK has no option "share"; it has k, ratio, values/);
  assert.throws(made({ k: 1, values: 'float64' }), /"values" expected one of float32, bfloat16, float16/);
  assert.throws(
    made({ k: 1, values: 16 }),
    /"values" expected one of float32, bfloat16, float16, sign, levels, got 16/,
  );
  assert.throws(made('1'), /topK expected an object of options, got "1"/);
  await rejects(
    device.compress(topK({ k: 11 }), new Float32Array(10)),
    RangeError,
    '"k" expected an integer in 1..10, got 11',
  );
});

test('is an immutable value', () => {
  const compressor = topK({ k: 3 });
  assert.ok(Object.isFrozen(compressor) && Object.isFrozen(compressor.options));
  assert.equal([compressor.name, compressor.options], ['topK', { k: 3 }]);
});

test.run();
