import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { randomK } from '../../ts/compressors/random-k.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { roundedTo } from '../reference/halves.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

eachCompressor('randomK', [
  randomK({ k: 1, seed: 3 }),
  randomK({ ratio: 0.1, seed: 4 }),
  randomK({ ratio: 1, seed: 0 }),
  randomK({ ratio: 0.3, seed: 5, values: 'bfloat16' }),
  randomK({ ratio: 0.1, seed: 6, values: 'float16' }),
]);

const test = suite('randomK by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

async function places(n: number, k: number, seed: number, step = 0, stream = 0): Promise<number[]> {
  const packet = await device.compress(randomK({ k, seed }), new Float32Array(n).fill(1), { step, stream });
  return [...(await device.decompress(packet))].flatMap((value, i) => (value === 1 ? [i] : []));
}

test('keeps exactly k elements as they are', async () => {
  const x = input('normal', 1000);
  const decoded = await device.decompress(await device.compress(randomK({ k: 100, seed: 1 }), x));
  assert.is(decoded.filter((value) => value !== 0).length, 100);
  assert.ok(decoded.every((value, i) => value === 0 || value === x[i]));
});

test('the same key draws the same places, another one others', async () => {
  const base = await places(1000, 50, 7, 3, 1);
  assert.equal(await places(1000, 50, 7, 3, 1), base);
  for (const other of [
    await places(1000, 50, 8, 3, 1),
    await places(1000, 50, 7, 4, 1),
    await places(1000, 50, 7, 3, 2),
  ])
    assert.ok(other.filter((i) => base.includes(i)).length < 15);
});

test('each place, and each pair of places, has the same chance', async () => {
  const n = 40;
  const k = 10;
  const draws = 4000;
  const counts = new Float64Array(n);
  const pairs = new Float64Array(n * n);
  for (let step = 0; step < draws; step++) {
    const drawn = await places(n, k, 21, step);
    for (const i of drawn) {
      counts[i]++;
      for (const j of drawn) pairs[i * n + j]++;
    }
  }
  const five = (chance: number): number => 5 * Math.sqrt(draws * chance * (1 - chance));
  const alone = k / n;
  const together = (k * (k - 1)) / (n * (n - 1));
  for (let i = 0; i < n; i++) {
    assert.ok(Math.abs(counts[i] - draws * alone) < five(alone), `place ${i}: ${counts[i]}`);
    for (let j = 0; j < i; j++)
      assert.ok(Math.abs(pairs[i * n + j] - draws * together) < five(together), `places ${i} and ${j}`);
  }
});

test('costs 32 bits a kept element and 40 bytes', async () => {
  const packet = await device.compress(randomK({ ratio: 0.01, seed: 1 }), input('normal', 10_000));
  assert.is(packet.length, 40 + 100 * 4);
  assert.equal(inspect(packet).parameters, { k: 100, seed: 1, step: 0, stream: 0, values: 'float32' });
});

test('values of 16 bits take half the bytes, and decode to rounded elements', async () => {
  const x = input('normal', 1000);
  for (const k of [1, 100, 333]) {
    const whole = await device.decompress(await device.compress(randomK({ k, seed: 1 }), x));
    for (const values of ['bfloat16', 'float16'] as const) {
      const packet = await device.compress(randomK({ k, seed: 1, values }), x);
      assert.is(packet.length, 40 + Math.ceil(k / 2) * 4);
      assert.is(inspect(packet).parameters.values, values);
      assertWords(await device.decompress(packet), roundedTo(values, whole), `${k} ${values}`);
    }
  }
});

test('refuses NaN and infinity, drawn or not', async () => {
  const x = input('normal', 1000);
  x[500] = Infinity;
  assert.is((await rejects(device.compress(randomK({ k: 1, seed: 1 }), x), NonFiniteError)).first, 500);
});

test('wrong options are named', async () => {
  const made = (options: unknown) => () => randomK(options as { k: number; seed: number });
  assert.throws(made({ k: 1 }), /"seed" expected an integer in 0\.\.4294967295, got undefined/);
  assert.throws(made({ k: 1, seed: -1 }), /"seed"/);
  assert.throws(made({ seed: 1 }), /either "k" or "ratio"/);
  assert.throws(
    made({ k: 1, seed: 1, sead: 2 }),
    /randomK has no option "sead"; it has k, ratio, values, seed/,
  );
  assert.throws(
    made({ k: 1, seed: 1, values: 'half' }),
    /"values" expected one of float32, bfloat16, float16/,
  );
  await rejects(
    device.compress(randomK({ k: 5, seed: 1 }), new Float32Array(4)),
    RangeError,
    '"k" expected an integer in 1..4',
  );
});

test.run();
