/** Changes that are clipped and noisy: norms, the distribution of the noise, and that no draw is made twice. */
import * as assert from 'uvu/assert';
import { logarithm, normalOf, quantile } from '../../ts/federated/normal.ts';
import { float32, NonFiniteError } from '../../ts/index.ts';
import { device } from '../reference/algorithms/play.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';
import { errorOf, initial, layout, N, openClient, trained } from './party.ts';

const test = suite('clip and noise of federated changes');

const plain = { up: float32(), down: float32() };

/** What a client of these options sends of a change, as a vector. */
async function sent(options: object, local: Float32Array, round = 0, id = 'a'): Promise<Float32Array> {
  const member = openClient(id, { ...plain, ...options });
  await member.start(initial, { round });
  const vector = await device.decompress((await member.update(local)).slice(36));
  member.free();
  return vector;
}

const normOf = (x: Float32Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
const close = (value: number, expected: number, by: number): void =>
  assert.ok(Math.abs(value - expected) <= by * Math.abs(expected), `${value}, expected ${expected}`);

const local = initial.map((value, i) => value - Math.sin(i) * (i < 1200 ? 1 : 5));
const change = initial.map((value, i) => value - local[i]);

test('a change above the norm is scaled down to it, one below is as it is', async () => {
  const whole = await sent({ clip: { norm: 2 } }, local);
  close(normOf(whole), 2, 1e-6);
  const scale = 2 / normOf(change);
  whole.forEach((value, i) => assert.is(value, Math.fround(change[i] * scale)));
  assert.equal(await sent({ clip: { norm: 1000 } }, local), change);
  assert.equal(await sent({}, local), change);
});

test('by tensor each has its share of the norm, and the whole has no more', async () => {
  const parts = await sent({ clip: { norm: 2, by: 'tensor' } }, local);
  for (const [first, end] of [
    [0, 1200],
    [1200, N],
  ])
    close(normOf(parts.slice(first, end)), Math.SQRT2, 1e-6);
  close(normOf(parts), 2, 1e-6);
});

test('quantiles are those of the normal distribution', () => {
  for (const [p, x] of [
    [0.5, 0],
    [0.9, 1.2815515655446004],
    [0.975, 1.959963984540054],
    [0.999, 3.090232306167813],
    [1e-5, -4.264890793922602],
    [1e-10, -6.361340902404056],
    [1e-15, -7.941345326170997],
  ]) {
    close(quantile(p), x, 1e-13);
    if (p < 0.5) close(quantile(1 - p), -x, p > 1e-11 ? 1e-5 : 1e-1);
  }
  for (let x = 2 ** -54; x < 1; x *= 1.37) close(logarithm(x), Math.log(x), 4e-16);
  // no draw is infinite
  assert.ok(Number.isFinite(normalOf(0, 0)) && Number.isFinite(normalOf(-1, -1)));
  assert.ok(normalOf(0, 0) < -8 && normalOf(-1, -1) > 8);
});

for (const [label, source] of [
  ['by seed', { seed: 7 }],
  ['by a function', { fill: (words: Uint32Array<ArrayBuffer>) => crypto.getRandomValues(words) }],
] as const)
  test(`noise ${label} has the deviation that it should, and is normal`, async () => {
    const length = 100_001;
    const theta = new Float32Array(length);
    const member = openClient('a', {
      ...plain,
      layout: { leaves: [{ name: 'x', offset: 0, length }] },
      clip: { norm: 4 },
      noise: { multiplier: 0.5, ...source },
    });
    await member.start(theta);
    const noise = (await device.decompress((await member.update(theta)).slice(36))).map((value) => value / 2);
    const moment = (power: number): number => noise.reduce((sum, value) => sum + value ** power, 0) / length;
    // five deviations of each
    const off = 5 / Math.sqrt(length);
    assert.ok(Math.abs(moment(1)) < off, `mean ${moment(1)}`);
    assert.ok(Math.abs(moment(2) - 1) < off * Math.SQRT2, `variance ${moment(2)}`);
    assert.ok(Math.abs(moment(3)) < off * Math.sqrt(15), `skew ${moment(3)}`);
    assert.ok(Math.abs(moment(4) - 3) < off * Math.sqrt(96), `kurtosis ${moment(4)}`);
    const beyond = noise.filter((value) => Math.abs(value) > 3).length / length;
    assert.ok(
      Math.abs(beyond - 0.0027) < 5 * Math.sqrt(0.0027 / length),
      `${beyond} beyond three deviations`,
    );
    // neighbours have nothing in common
    const product = noise.reduce((sum, value, i) => sum + value * noise[(i + 1) % length], 0) / length;
    assert.ok(Math.abs(product) < off, `covariance ${product}`);
  });

test('noise is the same again, and another of another round, id, seed or change', async () => {
  const guard = { clip: { norm: 100 }, noise: { multiplier: 0.01, seed: 7 } };
  const first = await sent(guard, local);
  assert.equal(await sent(guard, local), first);
  const noiseOf = (vector: Float32Array, of: Float32Array): Float32Array =>
    vector.map((value, i) => value - of[i]);
  const other = local.map((value, i) => (i === 3 ? value + 1 : value));
  for (const [vector, of] of [
    [await sent(guard, local, 1), change],
    [await sent(guard, local, 0, 'b'), change],
    [await sent({ ...guard, noise: { multiplier: 0.01, seed: 8 } }, local), change],
    [await sent(guard, other), initial.map((value, i) => value - other[i])],
  ] as const) {
    const [one, two] = [noiseOf(first, change), noiseOf(vector, of)];
    const together = one.reduce((sum, value, i) => sum + value * two[i], 0) / N;
    assert.ok(Math.abs(together) < 5 / Math.sqrt(N), `covariance ${together}`);
    close(normOf(two), Math.sqrt(N), 0.1);
  }
});

test('what a packet loses of a noisy change, noise and all, goes with the next one', async () => {
  const guard = { clip: { norm: 1 }, noise: { multiplier: 1, seed: 3 } };
  const member = openClient('a', guard);
  await member.start(initial);
  const bytes = await member.update(trained(member, 0));
  await member.start(initial, { round: 1, used: true });
  const lost = await errorOf(member);
  const whole = await sent(guard, trained(member, 0));
  const packet = await device.decompress(bytes.slice(36));
  lost.forEach((value, i) => {
    if (packet[i] === 0) assert.is(value, whole[i]);
  });
  assert.ok(packet.some((value) => value === 0));
});

test('locals on a device are clipped too; those that are not finite are refused', async () => {
  const vector = device.vector(N);
  await vector.write(local);
  const member = openClient('a', { ...plain, clip: { norm: 2 } });
  await member.start(initial);
  const bytes = await member.update(vector);
  assert.equal(bytes, await member.update(local));
  await rejects(member.update(local.map((value, i) => (i === 4 ? NaN : value))), NonFiniteError, 'index 4');
  await rejects(member.update(local.map((value, i) => (i === 4 ? Infinity : value))), NonFiniteError);
  vector.free();
});

test('options are checked', () => {
  const noise = { multiplier: 1, seed: 1 };
  const clip = { norm: 1 };
  for (const [options, text] of [
    [{ noise }, '"noise" expected a "clip"'],
    [{ clip: 3 }, '"clip" expected an object, got 3'],
    [{ clip: null }, '"clip" expected an object'],
    [{ clip: {} }, '"clip.norm" expected'],
    [{ clip: { norm: 0 } }, '"clip.norm" expected a finite number above 0, got 0'],
    [{ clip: { norm: 1, by: 'layer' } }, '"clip.by" expected one of whole, tensor'],
    [{ clip: { norm: 1, each: 1 } }, 'clip has no option "each"'],
    [{ clip, noise: { seed: 1 } }, '"noise.multiplier" expected'],
    [{ clip, noise: { multiplier: -1, seed: 1 } }, '"noise.multiplier" expected'],
    [{ clip, noise: { multiplier: 1 } }, 'either "seed" or "fill"'],
    [{ clip, noise: { ...noise, fill: () => {} } }, 'either "seed" or "fill"'],
    [{ clip, noise: { multiplier: 1, seed: -1 } }, '"noise.seed" expected an integer'],
    [{ clip, noise: { multiplier: 1, fill: 3 } }, '"noise.fill" expected a function'],
  ] as const)
    assert.throws(
      () => openClient('a', { layout, ...options } as never),
      (error: Error) => error.message.includes(text),
      text,
    );
});

test.run();
