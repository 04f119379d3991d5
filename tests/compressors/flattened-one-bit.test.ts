/** flattenedOneBit by its definition: what a packet holds, its edges, and what is refused. */
import * as assert from 'uvu/assert';
import { flattenedOneBit, type FlattenedOptions } from '../../ts/compressors/flattened-one-bit.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import type { Scope, Vector } from '../../ts/kernels/scope.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { flatten, unflatten } from '../reference/flatten.ts';
import { walshHadamard } from '../reference/fwht.ts';
import { flipOf } from '../reference/random.ts';
import { absSum, squareSum } from '../reference/reduce.ts';
import { shaped, squaredError } from '../reference/shapes.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects, throws } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { device, sent, contentsOf, blocksOf, largest, spread } from './flattened.ts';

eachCompressor('flattenedOneBit', [
  flattenedOneBit({ seed: 1 }),
  flattenedOneBit({ seed: 2, block: 1, lambda: 0.5 }),
  flattenedOneBit({ seed: 3, block: 64, lambda: 'max' }),
  flattenedOneBit({ seed: 4, block: 'whole', c: 0.8 }),
  flattenedOneBit({ seed: 5, block: 64, scale: 'mean' }),
  flattenedOneBit({ seed: 2 ** 32 - 1, block: 'whole', scale: 'drive' }),
]);

const test = suite('flattenedOneBit by its definition');

test('the reference is H D / sqrt(d) by its definition, and its own reverse', () => {
  const x = shaped('dense', 32);
  const key = { seed: 1, step: 2, stream: 3 };
  const z = flatten(x, 32, key);
  const expected = walshHadamard(x.map((value, i) => (flipOf(i, key) === 1 ? -value : value)));
  z.forEach((value, j) => assert.ok(Math.abs(value - expected[j] / Math.sqrt(32)) < 1e-9));
  unflatten(z, 32, key, 32).forEach((value, i) => assert.ok(Math.abs(value - x[i]) < 1e-9));
});

test('decodes to D H q / sqrt(d) of the bits and scales in the packet, rounded once', async () => {
  for (const options of [
    { seed: 1 },
    { seed: 2, block: 1 },
    { seed: 3, block: 64, lambda: 'max' },
    { seed: 2 ** 32 - 1, block: 'whole', lambda: 1 },
    { seed: 5, block: 128, scale: 'mean' },
    { seed: 6, block: 2048, scale: 'drive' },
  ] as const)
    for (const n of [1, 2, 63, 64, 65, 2050]) {
      const packet = await device.compress(flattenedOneBit(options), shaped('dense', n), {
        step: 9,
        stream: 4,
      });
      const { d, key, scales, signs } = contentsOf(packet);
      assert.equal(key, { seed: options.seed, step: 9, stream: 4 });
      // unflatten divides by sqrt(d), which the scales have in them
      const sums = unflatten(signs, d, key, n).map((value) => Math.round(value * Math.sqrt(d)));
      const expected = Float32Array.from(sums, (sum, i) => sum * scales[Math.floor(i / d)] + 0);
      assertWords(await device.decompress(packet), expected, `${JSON.stringify(options)} ${n}`);
    }
});

test('a scale is what the option says, over sqrt(d)', async () => {
  const n = 1500;
  const x = shaped('studentT2', n);
  const cases: [FlattenedOptions, (z: Float64Array, x: Float32Array) => number][] = [
    [{ seed: 1 }, (z, x) => 0.3 * Math.sqrt(squareSum(x)) * spread(z.length)],
    [{ seed: 1, c: 1 }, (z, x) => Math.sqrt(squareSum(x)) * spread(z.length)],
    [{ seed: 1, lambda: 'norm', c: 0.01 }, (z, x) => 0.01 * Math.sqrt(squareSum(x)) * spread(z.length)],
    [{ seed: 1, lambda: 'max' }, largest],
    [{ seed: 1, lambda: 0.7 }, () => 0.7],
    [{ seed: 1, scale: 'mean' }, (z) => absSum(z) / z.length],
    [{ seed: 1, scale: 'drive' }, (z) => squareSum(z) / absSum(z)],
  ];
  for (const [options, formula] of cases)
    for (const block of [1, 8, 512, 'whole'] as const) {
      const packet = await device.compress(flattenedOneBit({ ...options, block }), x, { step: 2 });
      const { d, key, scales } = contentsOf(packet);
      assert.is(d, block === 'whole' ? 2048 : block);
      const z = blocksOf(flatten(x, d, key), d);
      const parts = blocksOf(x, d);
      const label = JSON.stringify({ ...options, block });
      scales.forEach((scale, s) => {
        const expected = formula(z[s], parts[s]) / Math.sqrt(d);
        assert.ok(Math.abs(scale / expected - 1) < 2e-6, `${label}: ${scale}, expected ${expected}`);
      });
    }
});

test('mean and drive send the signs of z', async () => {
  const x = shaped('logNormal', 3000);
  for (const scale of ['mean', 'drive'] as const)
    for (const block of [16, 4096] as const) {
      const { d, key, signs } = contentsOf(
        await device.compress(flattenedOneBit({ seed: 8, block, scale }), x),
      );
      const z = flatten(x, d, key);
      const clear = largest(z) * 1e-5;
      z.forEach((value, i) => assert.ok(Math.abs(value) < clear || Math.sign(value) === signs[i]));
    }
});

test('a vector shorter than a block is one block of the next power of two', async () => {
  for (const [n, d] of [
    [1, 1],
    [2, 2],
    [3, 4],
    [1000, 1024],
    [4095, 4096],
    [4097, 4096],
  ]) {
    const packet = await device.compress(flattenedOneBit({ seed: 1 }), input('normal', n));
    assert.is(inspect(packet).parameters.block, d);
    assert.is((await device.decompress(packet)).length, n);
  }
  const whole = await device.compress(flattenedOneBit({ seed: 1, block: 'whole' }), input('normal', 5000));
  assert.is(inspect(whole).parameters.block, 8192);
});

test('costs the padded length in bits, 4 bytes a block and 40 bytes', async () => {
  for (const [n, block, blocks, padded] of [
    [1, 4096, 1, 1],
    [33, 4096, 1, 64],
    [100_000, 4096, 25, 102_400],
    [100, 8, 13, 104],
    [100, 1, 100, 100],
    [5000, 'whole', 1, 8192],
  ] as const) {
    const packet = await device.compress(flattenedOneBit({ seed: 1, block }), input('normal', n));
    assert.is(packet.length, 40 + 4 * blocks + 4 * Math.ceil(padded / 32));
  }
  const empty = await device.compress(flattenedOneBit({ seed: 1 }), new Float32Array(0));
  assert.is(empty.length, 40);
  assert.is((await device.decompress(empty)).length, 0);
});

test('a block that is tiny beside the largest element decodes to zeros: from 2^-51 down, or 2^-102', async () => {
  for (const [options, bound] of [
    [{ seed: 1, block: 64 }, -51],
    [{ seed: 1, block: 64, scale: 'drive' }, -51],
    [{ seed: 1, block: 64, lambda: 'max' }, -102],
    [{ seed: 1, block: 64, scale: 'mean' }, -102],
    [{ seed: 1, block: 64, lambda: 2 ** -40 }, -Infinity],
  ] as const)
    // the largest element: plain from 2^-27 on and below 2^40, else the bound moves with it
    for (const largest of [-27, 0, 39, 40, 100]) {
      const least = largest < 40 ? bound : bound + largest;
      for (const [size, zeros] of [
        [least - 1, true],
        [least, false],
      ] as const) {
        if (bound === -Infinity && zeros) continue;
        const x = new Float32Array(128).fill(2 ** largest);
        x.fill(2 ** Math.max(size, -126), 64);
        const decoded = (await sent(x, options)).subarray(64);
        const label = `${JSON.stringify(options)}, 2^${size} beside 2^${largest}`;
        assert.is(
          decoded.every((value) => value === 0),
          zeros,
          label,
        );
      }
    }
});

test('powers of two in the vector are powers of two in what it decodes to', async () => {
  const x = shaped('dense', 700);
  for (const options of [
    { seed: 1 },
    { seed: 1, block: 256, lambda: 'max' },
    { seed: 1, block: 256, scale: 'mean' },
    { seed: 1, block: 256, scale: 'drive' },
  ] as const) {
    const expected = await sent(x, options);
    for (const exponent of [-90, -28, 20, 41, 90, 115]) {
      const decoded = await sent(
        x.map((value) => value * 2 ** exponent),
        options,
      );
      assertWords(
        decoded.map((value) => value / 2 ** exponent),
        expected,
        `${JSON.stringify(options)} 2^${exponent}`,
      );
    }
  }
});

test('huge and tiny vectors decode to finite values of their size, zeros to zeros', async () => {
  for (const options of [
    { seed: 1 },
    { seed: 1, lambda: 'max' },
    { seed: 1, scale: 'mean' },
    { seed: 1, scale: 'drive' },
  ] as const) {
    const label = JSON.stringify(options);
    for (const size of [3e38, 1e-36]) {
      const decoded = await sent(new Float32Array(5000).fill(size), options);
      assert.ok(decoded.every(Number.isFinite), label);
      const mean = decoded.reduce((sum, value) => sum + value / size / 5000, 0);
      // less where what is beyond float32 is held to its end
      assert.ok(mean > (size > 1 ? 0.25 : 0.5) && mean < 1.5, `${label}: ${mean} of ${size}`);
    }
    for (const zero of [0, -0])
      assertWords(await sent(new Float32Array(5000).fill(zero), options), new Float32Array(5000), label);
  }
  // lambda is held to its number: far below, or far above, what is sent
  for (const lambda of [2 ** -60, 2 ** 60])
    for (const size of [3e38, 1e-36]) {
      const decoded = await sent(new Float32Array(1000).fill(size), { seed: 1, lambda });
      assert.ok(decoded.every((value) => Math.abs(value) <= lambda * 33));
      assert.ok(decoded.some((value) => Math.abs(value) >= lambda));
    }
});

test('scales beyond float32 are held to its largest number, those below its normal ones to zero', async () => {
  const largestFloat = (2 - 2 ** -23) * 2 ** 127;
  const x = new Float32Array([3.4e38, -3.4e38]);
  for (const [c, block] of [
    [1, 1],
    [2 ** 20, 2],
  ]) {
    const packet = await device.compress(flattenedOneBit({ seed: 1, block, c }), x);
    assert.ok(contentsOf(packet).scales.every((scale) => scale === largestFloat));
    assert.ok((await device.decompress(packet)).every(Number.isFinite));
  }
  const tiny = new Float32Array(4096).fill(1e-38);
  for (const scale of ['dither', 'mean', 'drive'] as const) {
    const packet = await device.compress(flattenedOneBit({ seed: 1, scale }), tiny);
    assert.equal([...contentsOf(packet).scales], [0]);
    assertWords(await device.decompress(packet), new Float32Array(4096), scale);
  }
});

test('each block has its own scale', async () => {
  const x = shaped('dense', 512);
  for (let i = 256; i < 512; i++) x[i] *= 2 ** -30;
  for (const options of [{ seed: 1 }, { seed: 1, lambda: 'max' }] as const) {
    const decoded = await sent(x, { ...options, block: 256 });
    for (const first of [0, 256]) {
      const [y, part] = [decoded.subarray(first, first + 256), x.subarray(first, first + 256)];
      assert.ok(squaredError(y, part) < 20 * squareSum(part));
    }
  }
});

test('one element a block, with its own size as the scale, comes back as it is', async () => {
  for (const kind of ['normal', 'heavy', 'ties'] as const) {
    const x = input(kind, 100).map((value) => value + 0);
    for (const options of [
      { seed: 1, block: 1, lambda: 'max' },
      { seed: 1, block: 1, scale: 'mean' },
    ] as const)
      assertWords(await sent(x, options), x, `${kind} ${JSON.stringify(options)}`);
  }
});

test('D and the dither are both keyed by seed, step and stream', async () => {
  // of zeros the signs are those of the dither alone, without dither they follow D
  const cases = [
    [new Float32Array(1024), { lambda: 1 }],
    [shaped('dense', 1024), { scale: 'mean' }],
  ] as const;
  for (const [x, options] of cases) {
    const bits = async (seed: number, step: number, stream: number): Promise<Float64Array> => {
      const compressor = flattenedOneBit({ seed, block: 64, ...options });
      return contentsOf(await device.compress(compressor, x, { step, stream })).signs;
    };
    const base = await bits(7, 3, 1);
    assert.equal(await bits(7, 3, 1), base);
    for (const other of [await bits(8, 3, 1), await bits(7, 4, 1), await bits(7, 3, 2)]) {
      const differ = other.filter((sign, i) => sign !== base[i]).length;
      assert.ok(Math.abs(differ - 512) < 5 * 16, `${differ} of 1024 differ`);
    }
  }
});

test('refuses NaN and infinity anywhere', async () => {
  for (const options of [
    { seed: 1 },
    { seed: 1, lambda: 'max', block: 8 },
    { seed: 1, lambda: 1 },
    { seed: 1, scale: 'drive' },
  ] as const)
    for (const [at, value] of [
      [0, NaN],
      [999, Infinity],
      [500, -Infinity],
    ]) {
      const x = input('normal', 1000);
      x[at] = value;
      const error = await rejects(device.compress(flattenedOneBit(options), x), NonFiniteError);
      assert.equal([error.count, error.first], [1, at]);
    }
});

test('wrong options are named', () => {
  const made = (options: unknown) => () => flattenedOneBit(options as FlattenedOptions);
  assert.throws(made(undefined), /"seed" expected an integer in 0\.\.4294967295, got undefined/);
  for (const block of [3, 4095, 'half'])
    assert.throws(made({ seed: 1, block }), /"block" expected 'whole' or a power of two, got /);
  for (const block of [0, 2 ** 27, 1.5])
    assert.throws(made({ seed: 1, block }), /"block" expected an integer in 1\.\.67108864, got /);
  assert.throws(made({ seed: 1, scale: 'max' }), /"scale" expected one of dither, mean, drive, got "max"/);
  assert.throws(
    made({ seed: 1, lambda: 'min' }),
    /"lambda" expected 'norm', 'max' or a number in .*, got "min"/,
  );
  for (const lambda of [0, -1, 2 ** 61, NaN])
    assert.throws(
      made({ seed: 1, lambda }),
      /"lambda" expected 'norm', 'max' or a number in 2\^-60\.\.2\^60, got /,
    );
  for (const c of [0, -1, 2 ** 21, NaN])
    assert.throws(made({ seed: 1, c }), /"c" expected a number in 2\^-20\.\.2\^20, got /);
  assert.throws(made({ seed: 1, c: 1, lambda: 'max' }), /"c" belongs to lambda 'norm', got "max"/);
  for (const other of [{ lambda: 'max' }, { c: 1 }])
    assert.throws(
      made({ seed: 1, scale: 'drive', ...other }),
      /"lambda" and "c" belong to scale 'dither', got scale 'drive'/,
    );
  assert.throws(
    made({ seed: 1, blocks: 2 }),
    /flattenedOneBit has no option "blocks"; it has seed, lambda, c, block, scale/,
  );
  const long = { n: 2 ** 26 + 1 } as Vector;
  throws(
    () =>
      flattenedOneBit({ seed: 1, block: 'whole' })
        .encode({} as Scope, long, { step: 0, stream: 0 })
        .next(),
    RangeError,
    '"x.length" expected an integer in 1..67108864, got 67108865',
  );
});

test('packets whose parts do not agree are refused', async () => {
  const packet = readPacket(
    await device.compress(flattenedOneBit({ seed: 1, block: 8 }), input('normal', 50)),
  );
  const [d, ...rest] = packet.parameters;
  const forged = (parameters: number[], change?: (body: Uint32Array) => void): Promise<unknown> => {
    const body = packet.body.slice();
    change?.(body);
    return device.decompress(writePacket({ id: 11, n: 50, parameters, sections: [body] }));
  };
  await rejects(forged([d]), PacketError, '1 words of parameters, expected 5');
  for (const order of [0, 3, 128, 2 ** 27, 2 ** 31])
    await rejects(forged([order, ...rest]), PacketError, `a transform of order ${order} for 50 elements`);
  await rejects(forged([16, ...rest]), PacketError, 'but the body has');
  await rejects(forged([d, 1, 0, 0, 3]), PacketError, 'unknown scale 3');
  for (const scale of [1, 0x7fffff, 0x80000000, 0xbf800000, 0x7f800000, 0x7fc00000])
    await rejects(
      forged([d, ...rest], (body) => (body[2] = scale)),
      PacketError,
      'scale 2 is negative, subnormal, NaN or infinite',
    );
  await rejects(
    forged([d, ...rest], (body) => (body[body.length - 1] |= 2 ** 31)),
    PacketError,
    'beyond the first 56',
  );
});

test.run();
