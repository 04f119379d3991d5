import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { ditheredSign } from '../../ts/compressors/dithered-sign.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { assertMeans, meansOf } from '../reference/moments.ts';
import { unpack } from '../reference/pack.ts';
import { shaped, squaredError } from '../reference/shapes.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

eachCompressor('ditheredSign', [
  ditheredSign({ seed: 1 }),
  ditheredSign({ seed: 2, lambda: 1 }),
  ditheredSign({ seed: 2 ** 32 - 1, lambda: 2 ** -30 }),
]);

const test = suite('ditheredSign by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
const DRAWS = 4000;

async function sent(
  x: Float32Array,
  lambda: 'max' | number,
  step = 0,
  seed = 1,
  stream = 0,
): Promise<Float32Array> {
  return device.decompress(await device.compress(ditheredSign({ seed, lambda }), x, { step, stream }));
}

const X = new Float32Array([0, 0.1, -0.1, 0.25, -0.5, 0.5, 0.9, -0.99, 1, -1, 1.5, -40]);

test('the mean over draws is the vector, cut off at lambda', async () => {
  for (const lambda of [1, 0.5, 64, 'max'] as const) {
    const width = lambda === 'max' ? 40 : lambda;
    const expected = Float64Array.from(X, (value) => Math.min(Math.max(value, -width), width));
    const { mean } = await meansOf(DRAWS, (step) => sent(X, lambda, step));
    const error = expected.map((value) => Math.sqrt((width ** 2 - value ** 2) / DRAWS));
    assertMeans({ mean, error }, expected, `lambda ${lambda}`);
  }
});

test('the variance is lambda^2 - x^2', async () => {
  for (const lambda of [1, 'max'] as const) {
    const x = X.filter((value) => Math.abs(value) <= (lambda === 1 ? 1 : 40));
    const width = lambda === 'max' ? 40 : lambda;
    const squares = await meansOf(DRAWS, async (step) => {
      const decoded = await sent(x, lambda, step);
      return decoded.map((value, i) => (value - x[i]) ** 2);
    });
    assertMeans(
      squares,
      Float64Array.from(x, (value) => width ** 2 - value ** 2),
      `lambda ${lambda}`,
    );
  }
});

test('elements are drawn independently of each other', async () => {
  const x = new Float32Array(16).fill(0.5);
  const pairs = await meansOf(DRAWS, async (step) => {
    const decoded = await sent(x, 1, step);
    return [...decoded].flatMap((value, i) => [...decoded.subarray(0, i)].map((other) => value * other));
  });
  assertMeans(pairs, new Float64Array(120).fill(1 / 4), 'pairs');
});

test('decodes to plus or minus lambda, with the signs of the bits', async () => {
  for (const lambda of ['max', 1, 0.1] as const) {
    const x = input('normal', 1000);
    const packet = await device.compress(ditheredSign({ seed: 5, lambda }), x);
    const { parameters, body, n } = readPacket(packet);
    const width = lambda === 'max' ? Math.max(...x.map(Math.abs)) : Math.fround(lambda);
    assert.is(new Float32Array(parameters.slice().buffer)[0], width);
    assert.is(inspect(packet).parameters.lambda, width);
    const expected = Float32Array.from(unpack(body, n, 1), (bit) => (bit === 1 ? -width : width));
    assertWords(await device.decompress(packet), expected, `lambda ${lambda}`);
  }
});

test('elements that reach lambda keep their sign in every draw', async () => {
  const x = new Float32Array([1, -1, 1, -1, 2, -2, 1e30, -1e30]);
  for (let step = 0; step < 300; step++)
    assert.equal([...(await sent(x, 1, step))], [1, -1, 1, -1, 1, -1, 1, -1]);
  const equal = input('ties', 2000).map((value) => (value < 0 ? -3e38 : 3e38));
  assertWords(await sent(equal, 'max'), equal, 'all of the largest magnitude');
});

test('vectors of any size are unbiased with the largest magnitude', async () => {
  for (const size of [3e38, 1e-30]) {
    const x = new Float32Array(4000).fill(size / 2);
    x[0] = size;
    const up = (await sent(x, 'max')).filter((value) => value > 0).length;
    // 3/4 of them: x / lambda = 1/2
    assert.ok(Math.abs(up - 3000) < 5 * Math.sqrt(4000 * 0.75 * 0.25), `${up} of 4000 for ${size}`);
  }
});

test('zeros decode to zeros, and so does what is below 2^-102', async () => {
  for (const value of [0, -0, 2 ** -103, -1e-45]) {
    const decoded = await sent(new Float32Array(70).fill(value), 'max');
    assert.ok(decoded.every((one) => one === 0));
  }
});

test('one large element makes it as noisy as that', async () => {
  const x = shaped('sparse', 20_000);
  const norm = squaredError(new Float32Array(x.length), x);
  const width = Math.max(...x.map(Math.abs));
  const error = squaredError(await sent(x, 'max'), x);
  assert.ok(Math.abs(error / (x.length * width ** 2 - norm) - 1) < 0.05, `${error / norm}`);
  assert.ok(error / norm > 100, `${error / norm}`);
});

test('draws are keyed by seed, step and stream', async () => {
  const x = new Float32Array(2000);
  const base = await sent(x, 1, 3, 7, 1);
  assert.equal(await sent(x, 1, 3, 7, 1), base);
  for (const other of [await sent(x, 1, 4, 7, 1), await sent(x, 1, 3, 8, 1), await sent(x, 1, 3, 7, 2)]) {
    const differ = other.filter((value, i) => value !== base[i]).length;
    assert.ok(Math.abs(differ - 1000) < 5 * Math.sqrt(500), `${differ} of 2000 differ`);
  }
});

test('costs n bits and 24 bytes', async () => {
  for (const n of [1, 31, 32, 33, 1000, 100_000]) {
    const packet = await device.compress(ditheredSign({ seed: 1 }), input('normal', n));
    assert.is(packet.length, 24 + 4 * Math.ceil(n / 32));
  }
  const empty = await device.compress(ditheredSign({ seed: 1 }), new Float32Array(0));
  assert.is(empty.length, 24);
  assert.is((await device.decompress(empty)).length, 0);
});

test('refuses NaN and infinity anywhere', async () => {
  for (const lambda of ['max', 1] as const)
    for (const [at, value] of [
      [0, NaN],
      [999, Infinity],
      [500, -Infinity],
    ]) {
      const x = input('normal', 1000);
      x[at] = value;
      const error = await rejects(device.compress(ditheredSign({ seed: 1, lambda }), x), NonFiniteError);
      assert.equal([error.count, error.first], [1, at]);
    }
});

test('wrong options are named', () => {
  const made = (options: unknown) => () => ditheredSign(options as { seed: number });
  assert.throws(made(undefined), /"seed" expected an integer in 0\.\.4294967295, got undefined/);
  assert.throws(made({ seed: 2 ** 32 }), /"seed" expected an integer in 0\.\.4294967295, got 4294967296/);
  assert.throws(
    made({ seed: 1, lambda: 0 }),
    /"lambda" expected 'max' or a number in 2\^-60\.\.2\^60, got 0/,
  );
  for (const lambda of [2 ** -61, 2 ** 61, -1, NaN, Infinity])
    assert.throws(made({ seed: 1, lambda }), /"lambda" expected 'max' or a number in 2\^-60\.\.2\^60/);
  assert.throws(
    made({ seed: 1, lambda: 'norm' }),
    /"lambda" expected 'max' or a number in 2\^-60\.\.2\^60, got "norm"/,
  );
  assert.throws(made({ seed: 1, c: 1 }), /ditheredSign has no option "c"; it has seed, lambda/);
});

test('packets whose parts do not agree are refused', async () => {
  const packet = readPacket(await device.compress(ditheredSign({ seed: 1, lambda: 1 }), input('normal', 50)));
  const forged = (parameters: number[], body = packet.body): Promise<unknown> =>
    device.decompress(writePacket({ id: 10, n: 50, parameters, sections: [body] }));
  await rejects(forged([]), PacketError, '0 words of parameters, expected 1');
  for (const lambda of [0x7f800000, 0xbf800000, 0x7fc00000])
    await rejects(forged([lambda]), PacketError, 'lambda is negative, NaN or infinite');
  const [one] = packet.parameters;
  await rejects(forged([one], packet.body.slice(1)), PacketError, 'but the body has');
  const tail = packet.body.slice();
  tail[1] |= 2 ** 31;
  await rejects(forged([one], tail), PacketError, 'beyond the first 50');
});

test.run();
