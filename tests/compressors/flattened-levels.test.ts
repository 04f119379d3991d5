/** flattenedLevels by its definition: what a packet holds, its error, its edges, and what is refused. */
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import {
  compressorOf,
  flattenedLevels,
  flattenedLevelsCodec,
  type LevelsOptions,
} from '../../ts/compressors/flattened-levels.ts';
import { flattenedOneBit } from '../../ts/compressors/flattened-one-bit.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import type { Scope, Vector } from '../../ts/kernels/scope.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { flatten, unflatten } from '../reference/flatten.ts';
import { levelled, levels, valueOf } from '../reference/centroids.ts';
import type { Key } from '../reference/random.ts';
import { squareSum } from '../reference/reduce.ts';
import { shaped, squaredError, type Shape } from '../reference/shapes.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects, throws } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { symbolsIn } from '../support/symbols.ts';

eachCompressor('flattenedLevels', [
  flattenedLevels({ seed: 1 }),
  flattenedLevels({ seed: 2, bits: 3, block: 1, scale: 'least' }),
  flattenedLevels({ seed: 3, bits: 4, block: 64, scale: 'least' }),
  flattenedLevels({ seed: 4, bits: 3, block: 'whole' }),
  flattenedLevels({ seed: 2 ** 32 - 1, bits: 4, block: 2048 }),
  flattenedLevels({ seed: 6, bits: 4, block: 8192, scale: 'least' }),
  flattenedLevels({ seed: 7, bits: 2, block: 64, coding: 'packed' }),
]);

const test = suite('flattenedLevels by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

const sent = async (x: Float32Array, options: LevelsOptions): Promise<Float32Array> =>
  device.decompress(await device.compress(flattenedLevels(options), x));

/** What a packet holds, by docs/packet.md. */
function contentsOf(packet: Uint8Array): {
  d: number;
  key: Key;
  bits: number;
  scales: Float32Array;
  codes: number[];
} {
  const { n, parameters, body } = readPacket(packet);
  const [d, seed, step, stream, bits] = parameters;
  const blocks = Math.ceil(n / d);
  const symbols = { n: blocks * d, parameters };
  return {
    ...{ d, key: { seed, step, stream }, bits },
    scales: new Float32Array(body.slice(0, blocks).buffer),
    codes: symbolsIn(symbols, 7, body.subarray(blocks), bits),
  };
}

const BITS = [2, 3, 4] as const;
const SCALES = ['unbiased', 'least'] as const;

test('decodes to D H q of the codes and scales in the packet, rounded once', async () => {
  for (const bits of BITS)
    for (const block of [1, 64, 2048, 'whole'] as const)
      for (const n of [1, 2, 63, 65, 2050]) {
        const compressor = flattenedLevels({ seed: 5, bits, block });
        const packet = await device.compress(compressor, shaped('dense', n), { step: 9, stream: 4 });
        const { d, key, scales, codes } = contentsOf(packet);
        assert.equal(key, { seed: 5, step: 9, stream: 4 });
        const q = Float64Array.from(codes, (code) => valueOf(code, bits));
        // unflatten divides by sqrt(d)
        const sums = unflatten(q, d, key, n).map((value) => Math.round(value * Math.sqrt(d)));
        const expected = Float32Array.from(sums, (sum, i) => sum * scales[Math.floor(i / d)] + 0);
        assertWords(await device.decompress(packet), expected, `${bits} bits, ${n} by ${block}`);
      }
});

test('codes are the levels of z beside |x|, and scales what their option says', async () => {
  const x = shaped('studentT2', 1500);
  for (const bits of BITS)
    for (const scale of SCALES)
      for (const block of [8, 512, 'whole'] as const) {
        const packet = await device.compress(flattenedLevels({ seed: 1, bits, scale, block }), x);
        const { d, key, scales, codes } = contentsOf(packet);
        const z = flatten(x, d, key).map((value) => value * Math.sqrt(d));
        scales.forEach((found, s) => {
          const own = Float32Array.from(z.subarray(s * d, (s + 1) * d));
          const square = squareSum(x.subarray(s * d, (s + 1) * d));
          const expected = levelled(own, Math.fround(Math.sqrt(square)), bits);
          const differ = expected.codes.filter((code, i) => code !== codes[s * d + i]).length;
          // float64 and float32 may stand on two sides of an edge
          assert.ok(differ <= d / 500, `${differ} of ${d} codes`);
          const dot = levels(bits).reduce((sum, level, l) => sum + level * expected.sums[l], 0);
          const norm = levels(bits).reduce((sum, level, l) => sum + level ** 2 * expected.counts[l], 0);
          const wanted = scale === 'unbiased' ? square / dot : dot / d / norm;
          assert.ok(Math.abs(found / wanted - 1) < 1e-3, `${found}, expected ${wanted}`);
        });
      }
});

test('the error is that of the best levels for a normal distribution', async () => {
  const expected = { unbiased: [0.133, 0.0357, 0.0096], least: [0.1175, 0.0345, 0.0095] };
  // where few elements make up most of a block, z is of few values, and edges may suit them more or less
  const bounds: Partial<Record<Shape, number>> = {
    dense: 0.03,
    heavyRelu: 0.03,
    sparse: 0.06,
    studentT2: 0.2,
  };
  for (const [shape, bound] of Object.entries(bounds) as [Shape, number][]) {
    const x = shaped(shape, 2 ** 18);
    for (const bits of BITS)
      for (const scale of SCALES) {
        const error = squaredError(await sent(x, { seed: 1, bits, scale }), x) / squareSum(x);
        const wanted = expected[scale][bits - 2];
        assert.ok(Math.abs(error / wanted - 1) < bound, `${shape}, ${bits} bits, ${scale}: ${error}`);
      }
  }
});

test("'unbiased' keeps the product with x, 'least' has no less error with another scale", async () => {
  for (const shape of ['dense', 'logNormal', 'sparse'] as const)
    for (const bits of BITS) {
      // without padding, whose error no vector shows
      const x = shaped(shape, 8192);
      const y = await sent(x, { seed: 3, bits });
      const product = y.reduce((sum, value, i) => sum + value * x[i], 0);
      assert.ok(Math.abs(product / squareSum(x) - 1) < 1e-5, `${shape}, ${bits} bits: ${product}`);
      const least = await sent(x, { seed: 3, bits, scale: 'least', block: 'whole' });
      const error = squaredError(least, x);
      for (const factor of [0.999, 1.001])
        assert.ok(
          squaredError(
            least.map((value) => value * factor),
            x,
          ) > error,
          `${shape}, ${bits} bits, times ${factor}`,
        );
    }
});

test('one level has the bits and scales of drive', async () => {
  for (const block of [1, 64, 4096, 'whole'] as const)
    for (const kind of ['normal', 'heavy', 'subnormal', 'finite', 'zeros'] as const) {
      const x = input(kind, 5000);
      const draw = { step: 1, stream: 2 };
      const one = readPacket(
        await device.compress(compressorOf({ seed: 7, block, coding: 'packed' }, 1), x, draw),
      );
      const drive = flattenedOneBit({ seed: 7, block, scale: 'drive' });
      const { body } = readPacket(await device.compress(drive, x, draw));
      assertWords(one.body, body, `${kind} by ${block}`);
    }
});

test('packed it costs bits of the padded length, 4 bytes a block and 48 bytes', async () => {
  for (const [n, block, bits, blocks, padded] of [
    [1, 4096, 2, 1, 1],
    [33, 4096, 3, 1, 64],
    [100_000, 4096, 4, 25, 102_400],
    [100, 8, 3, 13, 104],
    [5000, 'whole', 2, 1, 8192],
  ] as const) {
    const packet = await device.compress(
      flattenedLevels({ seed: 1, bits, block, coding: 'packed' }),
      input('normal', n),
    );
    assert.is(packet.length, 48 + 4 * blocks + 4 * Math.ceil((padded * bits) / 32));
  }
  const empty = await device.compress(flattenedLevels({ seed: 1 }), new Float32Array(0));
  assert.is(empty.length, 48);
  assert.is((await device.decompress(empty)).length, 0);
  assert.equal(inspect(empty).parameters, {
    ...{ block: 1, seed: 1, step: 0, stream: 0 },
    ...{ bits: 2, scale: 'unbiased', coding: 'packed' },
  });
});

test('powers of two in the vector are powers of two in what it decodes to', async () => {
  const x = shaped('dense', 700);
  for (const scale of SCALES) {
    const options = { seed: 1, bits: 3, block: 256, scale } as const;
    const expected = await sent(x, options);
    for (const exponent of [-90, -28, 20, 41, 90, 115]) {
      const decoded = await sent(
        x.map((value) => value * 2 ** exponent),
        options,
      );
      assertWords(
        decoded.map((value) => value / 2 ** exponent),
        expected,
        `${scale} 2^${exponent}`,
      );
    }
  }
});

test('huge and tiny vectors decode to finite values of their size, zeros to zeros', async () => {
  for (const bits of BITS)
    for (const scale of SCALES) {
      const options = { seed: 1, bits, scale };
      for (const size of [3e38, 1e-33]) {
        const decoded = await sent(new Float32Array(5000).fill(size), options);
        assert.ok(decoded.every(Number.isFinite));
        const mean = decoded.reduce((sum, value) => sum + value / size / 5000, 0);
        assert.ok(mean > 0.25 && mean < 1.5, `${mean} of ${size}`);
      }
      for (const zero of [0, -0])
        assertWords(await sent(new Float32Array(5000).fill(zero), options), new Float32Array(5000), scale);
    }
});

test('refuses NaN and infinity anywhere', async () => {
  for (const block of [8, 4096, 'whole'] as const)
    for (const [at, value] of [
      [0, NaN],
      [999, Infinity],
      [500, -Infinity],
    ]) {
      const x = input('normal', 1000);
      x[at] = value;
      const error = await rejects(device.compress(flattenedLevels({ seed: 1, block }), x), NonFiniteError);
      assert.equal([error.count, error.first], [1, at]);
    }
});

test('wrong options are named', () => {
  const made = (options: unknown) => () => flattenedLevels(options as LevelsOptions);
  assert.throws(made(undefined), /"seed" expected an integer in 0\.\.4294967295, got undefined/);
  for (const bits of [1, 5, 2.5, '2'])
    assert.throws(made({ seed: 1, bits }), /"bits" expected an integer in 2\.\.4, got /);
  for (const block of [3, 4095, 'half'])
    assert.throws(made({ seed: 1, block }), /"block" expected 'whole' or a power of two, got /);
  assert.throws(made({ seed: 1, scale: 'drive' }), /"scale" expected one of unbiased, least, got "drive"/);
  assert.throws(
    made({ seed: 1, lambda: 2 }),
    /flattenedLevels has no option "lambda"; it has seed, bits, block, scale, coding/,
  );
  const long = { n: 2 ** 26 + 1 } as Vector;
  throws(
    () =>
      flattenedLevels({ seed: 1, block: 'whole' })
        .encode({} as Scope, long, { step: 0, stream: 0 })
        .next(),
    RangeError,
    '"x.length" expected an integer in 1..67108864, got 67108865',
  );
});

test('packets whose parts do not agree are refused', async () => {
  const compressor = flattenedLevels({ seed: 1, bits: 3, block: 8, coding: 'packed' });
  const packet = readPacket(await device.compress(compressor, input('normal', 50)));
  const [d, seed, step, stream] = packet.parameters;
  const forged = (parameters: number[], change?: (body: Uint32Array) => void): Promise<unknown> => {
    const body = packet.body.slice();
    change?.(body);
    const { id } = flattenedLevelsCodec;
    return device.decompress(writePacket({ id, n: 50, parameters, sections: [body] }));
  };
  await rejects(forged([d]), PacketError, '1 words of parameters, expected 7 or 8');
  for (const order of [0, 3, 128, 2 ** 27])
    await rejects(
      forged([order, seed, step, stream, 3, 0, 0]),
      PacketError,
      `a transform of order ${order} for 50 elements`,
    );
  for (const bits of [0, 1, 5])
    await rejects(forged([d, seed, step, stream, bits, 0, 0]), PacketError, `codes of ${bits} bits`);
  await rejects(forged([d, seed, step, stream, 4, 0, 0]), PacketError, 'but the body has');
  await rejects(forged([d, seed, step, stream, 3, 2, 0]), PacketError, 'unknown scale 2');
  await rejects(forged([d, seed, step, stream, 3, 0, 2]), PacketError, 'unknown coding 2');
  for (const [more, why] of [
    [[1], 'entropy codes with 7 words of parameters'],
    [[0, 6], 'packed codes with 8 words of parameters'],
  ] as const)
    await rejects(forged([d, seed, step, stream, 3, 0, ...more]), PacketError, why);
  for (const scale of [1, 0x7fffff, 0x80000000, 0xbf800000, 0x7f800000, 0x7fc00000])
    await rejects(
      forged([...packet.parameters], (body) => (body[2] = scale)),
      PacketError,
      'scale 2 is negative, subnormal, NaN or infinite',
    );
  await rejects(
    forged([...packet.parameters], (body) => (body[body.length - 1] |= 2 ** 31)),
    PacketError,
    'beyond the first 168',
  );
});

test.run();
