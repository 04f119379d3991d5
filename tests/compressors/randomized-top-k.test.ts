import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { randomizedTopK, type RandomizedOptions } from '../../ts/compressors/randomized-top-k.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { roundedTo } from '../reference/halves.ts';
import { assertMeans, meansOf } from '../reference/moments.ts';
import * as reference from '../reference/select.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

eachCompressor('randomizedTopK', [
  randomizedTopK({ k: 1, alpha: 0.5, seed: 1 }),
  randomizedTopK({ ratio: 0.01, alpha: 0.2, seed: 2, values: 'bfloat16' }),
  randomizedTopK({ ratio: 0.1, alpha: 0.2, seed: 2, values: 'sign' }),
  randomizedTopK({ ratio: 0.1, alpha: 0.2, seed: 2, values: 'levels' }),
  randomizedTopK({ ratio: 0.3, alpha: 0.2, seed: 3 }),
  randomizedTopK({ ratio: 0.1, alpha: 0, seed: 4, values: 'float16' }),
  randomizedTopK({ ratio: 0.6, alpha: 1, seed: 2 ** 32 - 1 }),
]);

const test = suite('randomizedTopK by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

/** The magnitudes 1 to n in a shuffled order, so that ranks are known. */
function ranked(n: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => (((i * 7) % n) + 1) * (i % 2 === 0 ? 1 : -1));
}

/** 1 for each element that is sent, with the key of the draw. */
async function drawn(
  x: Float32Array,
  k: number,
  alpha: number,
  step = 0,
  seed = 1,
  stream = 0,
): Promise<Uint8Array> {
  const packet = await device.compress(randomizedTopK({ k, alpha, seed }), x, { step, stream });
  return Uint8Array.from(await device.decompress(packet), (value) => (value === 0 ? 0 : 1));
}

const sum = (numbers: ArrayLike<number>): number => Array.from(numbers).reduce((a, b) => a + b, 0);

test('keeps exactly k elements as they are', async () => {
  const x = input('normal', 1000);
  for (const alpha of [0, 0.1, 0.9, 1]) {
    const packet = await device.compress(randomizedTopK({ k: 100, alpha, seed: 1 }), x);
    const decoded = await device.decompress(packet);
    assert.is(decoded.filter((value) => value !== 0).length, 100);
    assert.ok(decoded.every((value, i) => value === 0 || value === x[i]));
    assert.is(inspect(packet).parameters.k, 100);
  }
});

test('how many are from outside is binomial, and all of a group have the same chance', async () => {
  const n = 40;
  const x = ranked(n);
  const draws = 4000;
  for (const [k, alpha] of [
    [8, 0.25],
    [3, 0.7],
  ]) {
    const top = new Set(reference.topK(x, k, Math.abs));
    const isTop = Array.from(x, (_, i) => top.has(i));
    const counts = new Float64Array(k + 1);
    const means = await meansOf(draws, async (step) => {
      const kept = await drawn(x, k, alpha, step);
      assert.is(sum(kept), k);
      counts[sum(kept.filter((_, i) => !isTop[i]))]++;
      return kept;
    });
    // the number of draws from outside is Binomial(k, alpha)
    let chance = (1 - alpha) ** k;
    counts.forEach((count, m) => {
      const far = Math.abs(count - draws * chance);
      assert.ok(far <= 5 * Math.sqrt(draws * chance * (1 - chance)), `${count} draws with ${m} from outside`);
      chance *= ((k - m) / (m + 1)) * (alpha / (1 - alpha));
    });
    const expected = isTop.map((is) => (is ? 1 - alpha : (k * alpha) / (n - k)));
    const error = Float64Array.from(expected, (p) => Math.sqrt((p * (1 - p)) / draws));
    assertMeans({ mean: means.mean, error }, expected, `k ${k}, alpha ${alpha}`);
  }
});

test('pairs from outside have the same chance too: draws are without replacement', async () => {
  const [n, k] = [12, 4];
  const x = ranked(n);
  const top = reference.topK(x, k, Math.abs);
  const outside = Array.from({ length: n }, (_, i) => i).filter((i) => !top.includes(i));
  const pairs = await meansOf(4000, async (step) => {
    const kept = await drawn(x, k, 1, step, 9);
    return outside.flatMap((i) => outside.filter((j) => j < i).map((j) => kept[i] * kept[j]));
  });
  assertMeans(pairs, new Float64Array(28).fill((4 * 3) / (8 * 7)), 'pairs of 8');
});

test('alpha = 0 is topK exactly, under its own number', async () => {
  for (const kind of ['normal', 'ties', 'zeros', 'subnormal', 'sparse', 'huge'] as const)
    for (const [n, ratio] of [
      [1, 1],
      [33, 0.5],
      [2000, 0.01],
    ]) {
      const x = input(kind, n);
      const expected = await device.compress(topK({ ratio }), x);
      const packet = await device.compress(randomizedTopK({ ratio, alpha: 0, seed: 3 }), x);
      assert.is(packet[5], 6);
      // number and CRC apart
      const body = (bytes: Uint8Array): Uint8Array => bytes.subarray(6, -4);
      assert.equal(body(packet), body(expected), `${kind} ${n}`);
    }
});

test('alpha = 1 takes none of the k largest while there are k others', async () => {
  const x = ranked(60);
  for (const k of [1, 20, 29, 30]) {
    const top = reference.topK(x, k, Math.abs);
    for (let step = 0; step < 50; step++) {
      const kept = await drawn(x, k, 1, step);
      assert.is(sum(kept), k);
      assert.ok(top.every((i) => kept[i] === 0));
    }
  }
});

test('where those outside are used up, the rest is from the k largest', async () => {
  const x = ranked(10);
  for (const [k, alpha] of [
    [7, 1],
    [9, 0.9],
    [10, 1],
  ]) {
    const top = new Set(reference.topK(x, k, Math.abs));
    let most = 0;
    for (let step = 0; step < 200; step++) {
      const kept = await drawn(x, k, alpha, step);
      assert.is(sum(kept), k);
      const outside = sum(kept.filter((_, i) => !top.has(i)));
      if (alpha === 1) assert.is(outside, 10 - k);
      most = Math.max(most, outside);
    }
    assert.is(most, 10 - k);
  }
  const all = input('normal', 100);
  assertWords(
    await device.decompress(await device.compress(randomizedTopK({ k: 100, alpha: 0.5, seed: 1 }), all)),
    all,
    'k = n',
  );
});

test('of equal elements the lowest indices are the top', async () => {
  const x = new Float32Array([2, 1, 2, 2, 1, 2]);
  for (let step = 0; step < 100; step++) {
    assert.equal([...(await drawn(x, 2, 0, step))], [1, 0, 1, 0, 0, 0]);
    const outside = await drawn(x, 2, 1, step);
    assert.equal([outside[0], outside[2], sum(outside)], [0, 0, 2]);
  }
});

test('draws are keyed by seed, step and stream', async () => {
  const x = input('normal', 1000);
  const base = await drawn(x, 50, 1, 3, 7, 1);
  assert.equal(await drawn(x, 50, 1, 3, 7, 1), base);
  for (const other of [
    await drawn(x, 50, 1, 4, 7, 1),
    await drawn(x, 50, 1, 3, 8, 1),
    await drawn(x, 50, 1, 3, 7, 2),
  ])
    assert.ok(sum(other.map((one, i) => one & base[i])) < 15);
});

test('values of 16 bits take half the bytes, and decode to rounded elements', async () => {
  const x = input('normal', 1000);
  const options = { ratio: 0.2, alpha: 0.3, seed: 1 };
  const full = await device.compress(randomizedTopK(options), x);
  const whole = await device.decompress(full);
  for (const values of ['bfloat16', 'float16'] as const) {
    const packet = await device.compress(randomizedTopK({ ...options, values }), x);
    assert.is(full.length - packet.length, 200 * 2);
    assert.is(inspect(packet).parameters.values, values);
    assertWords(await device.decompress(packet), roundedTo(values, whole), values);
  }
});

test('an empty vector is an empty packet', async () => {
  const packet = await device.compress(randomizedTopK({ k: 5, alpha: 0.5, seed: 1 }), new Float32Array(0));
  assert.is(packet.length, 40);
  assert.is((await device.decompress(packet)).length, 0);
});

test('refuses NaN and infinity, drawn or not', async () => {
  for (const alpha of [0, 1])
    for (const [at, value] of [
      [0, NaN],
      [999, Infinity],
      [500, -Infinity],
    ]) {
      const x = input('normal', 1000);
      x[at] = value;
      const error = await rejects(
        device.compress(randomizedTopK({ k: 1, alpha, seed: 1 }), x),
        NonFiniteError,
      );
      assert.equal([error.count, error.first], [1, at]);
    }
});

test('wrong options are named', async () => {
  const made = (options: unknown) => () => randomizedTopK(options as { k: number } & RandomizedOptions);
  assert.throws(made({ k: 1, seed: 1 }), /"alpha" expected a number in 0\.\.1, got undefined/);
  assert.throws(made({ k: 1, alpha: 1.5, seed: 1 }), /"alpha" expected a number in 0\.\.1, got 1\.5/);
  assert.throws(made({ k: 1, alpha: 0.5 }), /"seed" expected an integer in 0\.\.4294967295, got undefined/);
  assert.throws(made({ alpha: 0.5, seed: 1 }), /either "k" or "ratio"/);
  assert.throws(
    made({ k: 1, alpha: 0.5, seed: 1, values: 'half' }),
    /"values" expected one of float32, bfloat16, float16, sign, levels, got "half"/,
  );
  assert.throws(
    made({ k: 1, alpha: 0.5, seed: 1, beta: 1 }),
    /randomizedTopK has no option "beta"; it has k, ratio, values, alpha, seed/,
  );
  await rejects(
    device.compress(randomizedTopK({ k: 5, alpha: 0, seed: 1 }), new Float32Array(4)),
    RangeError,
    '"k" expected an integer in 1..4, got 5',
  );
});

test.run();
