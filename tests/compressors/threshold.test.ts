import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { threshold } from '../../ts/compressors/threshold.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { roundedTo } from '../reference/halves.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

eachCompressor('threshold', [
  threshold({ t: 0 }),
  threshold({ t: 0.5 }),
  threshold({ t: 1e30 }),
  threshold({ t: 0.5, values: 'bfloat16' }),
  threshold({ t: 0.5, values: 'sign' }),
  threshold({ t: 0, values: 'levels' }),
  threshold({ t: 2.5, values: 'levels' }),
  threshold({ t: 1e30, values: 'sign' }),
  threshold({ t: 1, values: 'float16' }),
]);

const test = suite('threshold by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

test('decodes to the elements that reach t, bit by bit', async () => {
  for (const kind of ['normal', 'ties', 'subnormal', 'heavy', 'sparse'] as const)
    for (const t of [0, 2 ** -130, 0.5, 2]) {
      const x = input(kind, 9000);
      const expected = x.map((value) => (Math.abs(value) >= t ? value : 0));
      const packet = await device.compress(threshold({ t }), x);
      assertWords(await device.decompress(packet), expected, `${kind}, t = ${t}`);
      assert.is(inspect(packet).parameters.k, x.filter((value) => Math.abs(value) >= t).length);
    }
});

test('none may reach t', async () => {
  const packet = await device.compress(threshold({ t: 100 }), input('normal', 1000));
  assert.is(inspect(packet).parameters.k, 0);
  assert.is(packet.length, 40);
  for (const values of ['bfloat16', 'float16'] as const)
    assert.is((await device.compress(threshold({ t: 100, values }), input('normal', 1000))).length, 40);
  assert.ok((await device.decompress(packet)).every((value) => Object.is(value, 0)));
});

test('values of 16 bits take half the bytes, and decode to rounded elements', async () => {
  const x = input('normal', 1000);
  for (const t of [0.5, 1]) {
    const full = await device.compress(threshold({ t }), x);
    const whole = await device.decompress(full);
    const k = whole.filter((value) => value !== 0).length;
    for (const values of ['bfloat16', 'float16'] as const) {
      const packet = await device.compress(threshold({ t, values }), x);
      assert.is(full.length - packet.length, Math.floor(k / 2) * 4);
      assert.is(inspect(packet).parameters.values, values);
      assertWords(await device.decompress(packet), roundedTo(values, whole), `${t} ${values}`);
    }
  }
});

test('refuses NaN and infinity, also where nothing reaches t', async () => {
  const x = new Float32Array(5000);
  x[4999] = NaN;
  assert.is((await rejects(device.compress(threshold({ t: 1 }), x), NonFiniteError)).first, 4999);
});

test('wrong options are named', () => {
  assert.throws(() => threshold({ t: -1 }), /"t" expected a number of 0 or more, got -1/);
  assert.throws(() => threshold({ t: NaN }), /"t"/);
  assert.throws(() => threshold({} as { t: number }), /"t" expected a number of 0 or more, got undefined/);
  assert.throws(
    () => threshold({ t: 1, k: 2 } as { t: number }),
    /threshold has no option "k"; it has t, values/,
  );
  assert.throws(
    () => threshold({ t: 1, values: 'half' as 'float16' }),
    /"values" expected one of float32, bfloat16, float16, sign, levels, got "half"/,
  );
});

test.run();
