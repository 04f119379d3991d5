import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { qsgd } from '../../ts/compressors/qsgd.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { assertMeans, meansOf } from '../reference/moments.ts';
import { unpack } from '../reference/pack.ts';
import { squareSum } from '../reference/reduce.ts';
import { shaped, squaredError } from '../reference/shapes.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

eachCompressor('qsgd', [
  qsgd({ levels: 1, seed: 1 }),
  qsgd({ levels: 7, seed: 2 }),
  qsgd({ levels: 100, seed: 3 }),
  qsgd({ levels: 32767, seed: 2 ** 32 - 1 }),
]);

const test = suite('qsgd by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
const DRAWS = 2000;

async function sent(x: Float32Array, levels: number, step = 0, seed = 1, stream = 0): Promise<Float32Array> {
  return device.decompress(await device.compress(qsgd({ levels, seed }), x, { step, stream }));
}

/** The variance of each decoded element: (|x| / levels)^2 f (1 - f), f how far it is from the level below. */
function variances(x: Float32Array, levels: number): Float64Array {
  const step = Math.sqrt(squareSum(x)) / levels;
  return Float64Array.from(x, (value) => {
    const f = (Math.abs(value) / step) % 1;
    return step ** 2 * f * (1 - f);
  });
}

test('every element becomes one of the two levels around it, with its sign', async () => {
  for (const kind of ['normal', 'ties', 'sparse', 'heavy', 'subnormal'] as const)
    for (const levels of [1, 5, 1000]) {
      const x = input(kind, 1000);
      const unit = Math.sqrt(squareSum(x)) / levels;
      const decoded = await sent(x, levels);
      x.forEach((value, i) => {
        const [off, label] = [Math.abs(decoded[i] - value), `${kind}, ${levels} levels: ${value}`];
        // a value almost on a level may go past it, by the rounding of chances
        assert.ok(off <= unit * (1 + levels * 2 ** -22), `${label} became ${decoded[i]}`);
        assert.ok(decoded[i] * value >= 0 && !Object.is(decoded[i], -0), label);
        const multiple = Math.abs(decoded[i]) / unit;
        assert.ok(Math.abs(multiple - Math.round(multiple)) <= 1e-6 * levels, `${label}: ${multiple} levels`);
      });
    }
});

test('unbiased: the mean over draws is the vector', async () => {
  const x = shaped('dense', 50);
  for (const levels of [1, 7, 100]) {
    const draws = await meansOf(DRAWS, (step) => sent(x, levels, step));
    const error = variances(x, levels).map((variance) => Math.sqrt(variance / DRAWS));
    assertMeans({ mean: draws.mean, error }, x, `${levels} levels`, 2 ** -20);
  }
});

test('the expected squared error is the formula, within both bounds of the paper', async () => {
  for (const [shape, n] of [
    ['dense', 60],
    ['sparse', 400],
    ['studentT2', 100],
  ] as const)
    for (const levels of [1, 7, 100]) {
      const x = shaped(shape, n, 3);
      const draws = await meansOf(DRAWS, async (step) => [squaredError(await sent(x, levels, step), x)]);
      const formula = variances(x, levels).reduce((sum, variance) => sum + variance, 0);
      assertMeans(draws, [formula], `${shape}, ${levels} levels`, 1e-4);
      const bound = Math.min(n / levels ** 2, Math.sqrt(n) / levels) * squareSum(x);
      assert.ok(draws.mean[0] <= bound, `${shape}, ${levels} levels: ${draws.mean[0]} above ${bound}`);
      assert.ok(draws.error[0] < 0.05 * formula, 'the test can tell');
    }
});

test('with 32767 levels it is close to the vector', async () => {
  const x = shaped('dense', 1000);
  const unit = Math.sqrt(squareSum(x)) / 32767;
  const error = squaredError(await sent(x, 32767), x);
  // f is uniform, so the mean of f (1 - f) is 1 / 6
  assert.ok(Math.abs(error / (1000 * unit ** 2) - 1 / 6) < 0.02, `${error / (1000 * unit ** 2)}`);
});

test('elements are drawn independently of each other', async () => {
  const x = new Float32Array(16).fill(1);
  // f = 1/4: of 4 levels over |x| = 4, one has size 1; of 1, it is a quarter
  const ones = await meansOf(DRAWS, async (step) => {
    const decoded = await sent(x, 1, step);
    return decoded.map((value) => value / 4);
  });
  assertMeans(ones, new Float64Array(16).fill(1 / 4), 'each');
  const pairs = await meansOf(DRAWS, async (step) => {
    const decoded = await sent(x, 1, step);
    return [...decoded].flatMap((value, i) =>
      [...decoded.subarray(0, i)].map((other) => (value * other) / 16),
    );
  });
  assertMeans(pairs, new Float64Array(120).fill(1 / 16), 'pairs');
});

test('what is on a level stays there: one element alone, and zeros', async () => {
  for (const value of [1, -0.3, 3e38, -1e-40]) {
    const x = new Float32Array([0, 0, value, 0, -0]);
    const decoded = await sent(x, 3);
    assert.ok(Math.abs(decoded[2] / x[2] - 1) < 1e-6, `${decoded[2]} for ${value}`);
    assert.equal(
      [...decoded].map((one) => one !== 0),
      [false, false, true, false, false],
    );
  }
  assertWords(await sent(new Float32Array(9), 5), new Float32Array(9), 'zeros');
  // where chances are coarsest, in steps of 1 / 128
  const one = new Float32Array(5000);
  one[7] = -1;
  assertWords(await sent(one, 32767), one, '32767 levels');
});

test('a norm beyond float32 decodes to finite levels', async () => {
  const x = new Float32Array(100).fill(3.4e38);
  for (const levels of [1, 10, 1000]) {
    const decoded = await sent(x, levels);
    const largest = (2 - 2 ** -23) * 2 ** 127;
    // |x| is 10 times an element
    const allowed = [Math.floor(levels / 10), Math.ceil(levels / 10)].map((m) =>
      Math.min((3.4e39 * m) / levels, largest),
    );
    for (const value of decoded)
      assert.ok(
        allowed.some((level) => Math.abs(value - level) <= level * 1e-5),
        `${value}, ${levels} levels`,
      );
  }
});

test('draws are keyed by seed, step and stream', async () => {
  const x = input('normal', 500);
  const codes = async (seed: number, step: number, stream: number): Promise<number[]> =>
    unpack(readPacket(await device.compress(qsgd({ levels: 1, seed }), x, { step, stream })).body, 500, 2);
  const base = await codes(7, 3, 1);
  assert.equal(await codes(7, 3, 1), base);
  for (const other of [await codes(8, 3, 1), await codes(7, 4, 1), await codes(7, 3, 2)])
    assert.ok(other.some((code, i) => code !== base[i]));
});

test('the packet has norm, exponent and codes as docs/packet.md says', async () => {
  const x = new Float32Array([3, 0, -4]);
  const packet = await device.compress(qsgd({ levels: 5, seed: 1 }), x);
  const { parameters, body, n } = readPacket(packet);
  assert.equal([parameters[0], new Float32Array(parameters.slice(1).buffer)[0], parameters[2]], [5, 5, 0]);
  // 2 * 5 takes four bits; level plus 5
  assert.equal(unpack(body, n, 4), [8, 5, 1]);
  assert.equal([...(await device.decompress(packet))], [3, 0, -4]);
  assert.equal(inspect(packet).parameters, { levels: 5, norm: 5, coding: 'packed' });
  const small = readPacket(
    await device.compress(
      qsgd({ levels: 5, seed: 1 }),
      x.map((value) => value * 2 ** -100),
    ),
  );
  // the largest magnitude is 2^-98, and the exponent at most 96
  assert.equal(
    [new Float32Array(small.parameters.slice(1).buffer)[0], small.parameters[2] | 0],
    [5 * 2 ** -4, 96],
  );
  const large = readPacket(
    await device.compress(
      qsgd({ levels: 5, seed: 1 }),
      x.map((value) => value * 2 ** 50),
    ),
  );
  assert.equal([new Float32Array(large.parameters.slice(1).buffer)[0], large.parameters[2] | 0], [1.25, -52]);
});

test('packed it costs ceil(log2(2 levels + 1)) bits an element and 32 bytes', async () => {
  for (const [levels, width] of [
    [1, 2],
    [3, 3],
    [4, 4],
    [7, 4],
    [8, 5],
    [100, 8],
    [32767, 16],
  ])
    for (const n of [1, 8, 33, 1000]) {
      assert.is(width, Math.ceil(Math.log2(2 * levels + 1)));
      const packet = await device.compress(qsgd({ levels, seed: 1, coding: 'packed' }), input('normal', n));
      assert.is(packet.length, 32 + 4 * Math.ceil((n * width) / 32));
    }
  const empty = await device.compress(qsgd({ levels: 7, seed: 1 }), new Float32Array(0));
  assert.is(empty.length, 32);
  assert.is((await device.decompress(empty)).length, 0);
});

test('refuses NaN and infinity anywhere', async () => {
  for (const [at, value] of [
    [0, NaN],
    [999, Infinity],
    [500, -Infinity],
  ]) {
    const x = input('normal', 1000);
    x[at] = value;
    const error = await rejects(device.compress(qsgd({ levels: 7, seed: 1 }), x), NonFiniteError);
    assert.equal([error.count, error.first], [1, at]);
  }
});

test('wrong options are named', () => {
  const made = (options: unknown) => () => qsgd(options as { levels: number; seed: number });
  assert.throws(made({ seed: 1 }), /"levels" expected an integer in 1\.\.32767, got undefined/);
  assert.throws(made({ levels: 0, seed: 1 }), /"levels" expected an integer in 1\.\.32767, got 0/);
  assert.throws(made({ levels: 32768, seed: 1 }), /"levels" expected an integer in 1\.\.32767, got 32768/);
  assert.throws(made({ levels: 7 }), /"seed" expected an integer in 0\.\.4294967295, got undefined/);
  assert.throws(made({ levels: 7, seed: -1 }), /"seed"/);
  assert.throws(
    made({ levels: 7, seed: 1, bits: 2 }),
    /qsgd has no option "bits"; it has levels, seed, coding/,
  );
});

test('packets whose parts do not agree are refused', async () => {
  const packet = readPacket(
    await device.compress(qsgd({ levels: 5, seed: 1, coding: 'packed' }), input('normal', 50)),
  );
  const [levels, norm, e] = packet.parameters;
  const forged = (parameters: number[], body = packet.body): Promise<unknown> =>
    device.decompress(writePacket({ id: 9, n: 50, parameters, sections: [body] }));
  await rejects(forged([levels, norm]), PacketError, '2 words of parameters, expected 3 or 4');
  await rejects(forged([0, norm, e]), PacketError, '0 levels, expected 1..32767');
  await rejects(forged([32768, norm, e]), PacketError, '32768 levels');
  await rejects(forged([8, norm, e]), PacketError, 'but the body has');
  for (const wrong of [0x7f800000, 0x7fc00000, 0xbf800000])
    await rejects(forged([levels, wrong, e]), PacketError, 'the norm is negative, NaN or infinite');
  for (const wrong of [97, -127])
    await rejects(forged([levels, norm, wrong]), PacketError, `exponent of ${wrong}`);
  // 11 in four bits is above 2 * 5
  const above = Uint32Array.from(packet.body, (word) => word | 11);
  await rejects(forged([levels, norm, e], above), PacketError, 'are above 10');
  const tail = packet.body.slice();
  tail[tail.length - 1] |= 2 ** 31;
  await rejects(forged([levels, norm, e], tail), PacketError, 'beyond the first 200');
});

test.run();
