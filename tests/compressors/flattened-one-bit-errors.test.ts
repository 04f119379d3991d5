/** The error of flattenedOneBit over many draws: where it is unbiased, and how large it is. */
import * as assert from 'uvu/assert';
import { ditheredSign } from '../../ts/compressors/dithered-sign.ts';
import { flattenedOneBit, type FlattenedOptions } from '../../ts/compressors/flattened-one-bit.ts';
import { flatten, unflatten } from '../reference/flatten.ts';
import { assertMeans, meansOf } from '../reference/moments.ts';
import { absSum, squareSum } from '../reference/reduce.ts';
import { shaped, squaredError } from '../reference/shapes.ts';
import { device, sent, blocksOf, largest, spread } from './flattened.ts';
import { suite } from '../support/suite.ts';

/** Packets that a mean is taken over. */
const DRAWS = 1500;

const test = suite('flattenedOneBit, errors');

/** Draws of one setting against the expectation over the dither, which depends on the draw of D. */
async function assertDither(
  x: Float32Array,
  options: FlattenedOptions & { readonly block: number },
  lambdaOf: (z: Float64Array, x: Float32Array) => number,
): Promise<{ bias: number; clipped: number }> {
  const [n, d, draws] = [x.length, options.block, DRAWS];
  const parts = blocksOf(x, d);
  let [bias, clipped] = [0, 0];
  const means = await meansOf(draws, async (step) => {
    const key = { seed: options.seed, step, stream: 0 };
    const z = flatten(x, d, key);
    const lambdas = blocksOf(z, d).map((block, s) => lambdaOf(block, parts[s]));
    const clip = z.map((value, j) => {
      const lambda = lambdas[Math.floor(j / d)];
      return Math.min(Math.max(value, -lambda), lambda);
    });
    const expected = unflatten(clip, d, key, n);
    // of the variance of a block each of its d elements has as much
    const variance = clip.reduce((sum, value, j) => {
      const s = Math.floor(j / d);
      return sum + ((lambdas[s] ** 2 - value ** 2) * parts[s].length) / d;
    }, 0);
    const decoded = await sent(x, options, step);
    bias += (expected.reduce((sum, value, i) => sum + value * x[i], 0) / squareSum(x) - 1) / draws;
    clipped += clip.filter((value, j) => value !== z[j]).length / z.length / draws;
    return [
      ...decoded.map((value, i) => value - expected[i]),
      squaredError(decoded, x) - squaredError(expected, x) - variance,
      // that the last can tell
      variance,
    ];
  });
  const label = JSON.stringify(options);
  const { mean, error } = means;
  const zeros = { mean: mean.subarray(0, n + 1), error: error.subarray(0, n + 1) };
  assertMeans(zeros, new Float64Array(n + 1), label);
  assert.ok(
    error[n] < 0.03 * mean[n + 1],
    `${label}: the error of the variance is ${error[n] / mean[n + 1]}`,
  );
  return { bias, clipped };
}

test("lambda 'max' is unbiased, with a variance of lambda^2 - z^2 an element", async () => {
  const sparse = new Float32Array(100);
  for (const [i, value] of [
    [5, 2],
    [40, -1],
    [90, 0.3],
  ])
    sparse[i] = value;
  for (const [shape, x] of [
    ['studentT2', shaped('studentT2', 100, 6)],
    ['sparse', sparse],
  ] as const) {
    const { clipped, bias } = await assertDither(x, { seed: 1, block: 64, lambda: 'max' }, largest);
    assert.is(clipped, 0);
    assert.ok(Math.abs(bias) < 1e-9);
    const draws = await meansOf(DRAWS, (step) => sent(x, { seed: 2, block: 64, lambda: 'max' }, step));
    assertMeans(draws, x, shape);
  }
});

test("lambda 'norm' with c = 1 clips next to nothing", async () => {
  const x = shaped('dense', 100);
  const norm = (z: Float64Array, x: Float32Array): number => Math.sqrt(squareSum(x)) * spread(z.length);
  const { clipped, bias } = await assertDither(x, { seed: 1, block: 64, c: 1 }, norm);
  assert.ok(clipped < 0.005 && Math.abs(bias) < 3e-3, `${clipped} clipped, a bias of ${bias}`);
  const draws = await meansOf(DRAWS, (step) => sent(x, { seed: 2, block: 64, c: 1 }, step));
  assertMeans(draws, x, 'c = 1');
});

test('a small lambda clips: the expectation is D H clip(z) / sqrt(d), shorter than x', async () => {
  const x = shaped('dense', 100);
  const norm =
    (c: number) =>
    (z: Float64Array, x: Float32Array): number =>
      c * Math.sqrt(squareSum(x)) * spread(z.length);
  const usual = await assertDither(x, { seed: 1, block: 64 }, norm(0.3));
  const small = await assertDither(x, { seed: 1, block: 64, c: 0.05 }, norm(0.05));
  const fixed = await assertDither(x, { seed: 1, block: 64, lambda: 0.4 }, () => 0.4);
  assert.ok(usual.clipped > 0.2 && small.clipped > 0.8 && fixed.clipped > 0.5);
  assert.ok(small.bias < fixed.bias && fixed.bias < usual.bias && usual.bias < -0.15);
});

test('drive has the projection of x on itself in every draw, mean a shorter one', async () => {
  const x = shaped('studentT2', 300);
  for (let step = 0; step < 50; step++) {
    const key = { seed: 4, step, stream: 0 };
    const along = (y: Float32Array): number =>
      y.reduce((sum, value, i) => sum + value * x[i], 0) / squareSum(x);
    const drive = await sent(x, { seed: 4, block: 64, scale: 'drive' }, step);
    assert.ok(Math.abs(along(drive) - 1) < 1e-5, `${along(drive)}`);
    const mean = await sent(x, { seed: 4, block: 64, scale: 'mean' }, step);
    const expected = blocksOf(flatten(x, 64, key), 64).reduce((sum, z) => sum + absSum(z) ** 2 / 64, 0);
    assert.ok(Math.abs(along(mean) - expected / squareSum(x)) < 1e-5);
    assert.ok(along(mean) < 0.9);
  }
});

test('drive is unbiased over D for dense vectors, mean is not', async () => {
  const x = shaped('dense', 256);
  const drive = await meansOf(DRAWS, (step) => sent(x, { seed: 4, scale: 'drive' }, step));
  assertMeans(drive, x, 'drive');
  const mean = await meansOf(DRAWS, (step) => sent(x, { seed: 4, scale: 'mean' }, step));
  // the mean |z| is sqrt(2 / pi) of the root of the mean square
  assert.ok(squaredError(mean.mean, x) > 0.8 * (1 - 2 / Math.PI) ** 2 * squareSum(x));
  const off = x.filter((value, i) => Math.abs(mean.mean[i] - value) > 5 * mean.error[i]).length;
  assert.ok(off > 200, `${off} of 256 are off`);
});

test('drive is biased where few elements make up a block: signs of z follow the largest', async () => {
  const x = new Float32Array(64);
  x.set([1, 0.5]);
  for (let step = 0; step < 20; step++) {
    const decoded = await sent(x, { seed: 4, scale: 'drive' }, step);
    assert.equal([...decoded.subarray(0, 3)], [1.25, 0, 0]);
  }
});

const SHAPES = ['dense', 'studentT2', 'logNormal', 'sparse'] as const;

test("one draw's relative error does not depend on the shape, where dithered signs explode", async () => {
  for (const seed of [1, 2])
    for (const shape of SHAPES) {
      const x = shaped(shape, 8 * 4096, seed);
      const relative = (y: Float32Array): number => squaredError(y, x) / squareSum(x);
      const norm = relative(await sent(x, { seed }));
      assert.ok(norm > 0.85 && norm < 1.1, `${shape}: norm ${norm}`);
      const whole = relative(await sent(x, { seed, block: 'whole' }));
      assert.ok(whole > 1.25 && whole < 1.4, `${shape}: norm over the whole ${whole}`);
      const drive = relative(await sent(x, { seed, scale: 'drive' }));
      assert.ok(drive > 0.35 && drive < 0.6, `${shape}: drive ${drive}`);
      const mean = relative(await sent(x, { seed, scale: 'mean' }));
      assert.ok(mean > 0.25 && mean < drive, `${shape}: mean ${mean}`);
      const packet = await device.compress(ditheredSign({ seed }), x);
      const unflattened = relative(await device.decompress(packet));
      assert.ok(unflattened > (shape === 'dense' ? 10 : 500), `${shape}: unflattened ${unflattened}`);
    }
});

test('the errors of dense vectors are those of normal z', async () => {
  const x = shaped('dense', 16 * 4096);
  const relative = async (options: Omit<FlattenedOptions, 'seed'>): Promise<number> =>
    squaredError(await sent(x, { seed: 3, ...options }), x) / squareSum(x);
  const close = (measured: number, expected: number): void =>
    assert.ok(Math.abs(measured / expected - 1) < 0.02, `${measured}, expected ${expected}`);
  // with t = lambda over the deviation of z: t^2 - 2 P(|z| < t) + 1
  const t = 0.3 * Math.sqrt(2 * Math.log(8192));
  close(await relative({}), t ** 2 - 2 * 0.7972 + 1);
  close(await relative({ c: 1 }), (t / 0.3) ** 2 - 1);
  close(await relative({ scale: 'mean' }), 1 - 2 / Math.PI);
  close(await relative({ scale: 'drive' }), Math.PI / 2 - 1);
});

test('workers that send the same vector average to it', async () => {
  const x = shaped('sparse', 512, 3);
  const sum = new Float32Array(512);
  const workers = 64;
  for (let stream = 0; stream < workers; stream++) {
    const packet = await device.compress(flattenedOneBit({ seed: 1, lambda: 'max' }), x, { stream });
    await device.decompress(packet, { into: sum, accumulate: 1 / workers });
  }
  const one = squaredError(await sent(x, { seed: 1, lambda: 'max' }), x);
  const average = squaredError(sum, x);
  assert.ok(average < (one / workers) * 1.5 && average > one / workers / 1.5, `${one}, averaged ${average}`);
});

test.run();
