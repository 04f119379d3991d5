import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { maskEncoded, type MaskOptions } from '../../ts/compressors/mask-encoded.ts';
import { quantized } from '../../ts/compressors/quantized.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { masked } from '../reference/masks.ts';
import { shaped, squaredError } from '../reference/shapes.ts';
import { eachCompressor } from '../support/compressors.ts';
import { allKept } from '../../ts/verify/golden.ts';
import { rejects } from '../support/host.ts';
import { FINITE, input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { symbolsIn } from '../support/symbols.ts';

eachCompressor('maskEncoded', [
  maskEncoded({ ratio: 0.01, bits: 2 }),
  maskEncoded({ ratio: 0.5, bits: 3, rounding: 'floor', signed: false }),
  maskEncoded({ ratio: 0.01, bits: 8, signed: true }),
  maskEncoded({ ratio: 0.5, bits: 1 }),
  maskEncoded({ ratio: 0.001, bits: 2 }),
  maskEncoded({ ratio: 1e-12, bits: 8, rounding: 'floor' }),
  maskEncoded({ ratio: 0.01, bits: 2, coding: 'packed' }),
]);

const test = suite('maskEncoded by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

async function sent(compressor: Compressor, x: Float32Array): Promise<Float32Array> {
  return device.decompress(await device.compress(compressor, x));
}

interface Contents {
  readonly k: number;
  readonly signed: boolean;
  readonly values: number[];
  readonly masks: number[];
}

function contentsOf(packet: Uint8Array): Contents {
  const read = readPacket(packet);
  const { body } = read;
  const [k, bits, signed] = read.parameters;
  return {
    k,
    signed: signed === 1,
    values: [...new Float32Array(body.slice(0, k).buffer)],
    masks: symbolsIn(read, 3, body.subarray(k), bits),
  };
}

/** Figure 1 of the paper. */
const FIGURE = new Float32Array([
  2.2, 0.8, 1.2, 0.4, 1.8, 0.2, 3.1, 2.0, 2.1, 0.2, 1.1, 1.7, 0.3, 2.8, 1.4, 0.9,
]);

test("the paper's figure 1: values, masks, error and size", async () => {
  const packet = await device.compress(maskEncoded({ ratio: 0.25, bits: 2 }), FIGURE);
  const { k, signed, values, masks } = contentsOf(packet);
  assert.equal([k, signed], [4, false]);
  assert.equal(values, [2.2, 3.1, 2.1, 2.8].map(Math.fround));
  assert.equal(masks, [3, 1, 2, 1, 2, 0, 3, 2, 3, 0, 2, 2, 0, 3, 2, 1]);
  assert.equal(
    inspect(packet).sections.map(({ name, bytes }) => [name, bytes]),
    [
      ['values', 16],
      ['masks', 4],
    ],
  );
  const error = async (compressor: Compressor): Promise<number> =>
    Math.sqrt(squaredError(await sent(compressor, FIGURE), FIGURE));
  assert.is((await error(topK({ k: 4 }))).toFixed(3), '4.064');
  assert.is((await error(maskEncoded({ ratio: 0.25, bits: 2, rounding: 'floor' }))).toFixed(3), '1.183');
  assert.is((await error(maskEncoded({ ratio: 0.25, bits: 2 }))).toFixed(4), '1.0247');
});

test('values, masks and vector are those of the definition, bit by bit', async () => {
  const options: MaskOptions[] = [
    { ratio: 0.01, bits: 2 },
    { ratio: 0.1, bits: 1, signed: false },
    { ratio: 0.1, bits: 1, signed: true },
    { ratio: 0.2, bits: 3, rounding: 'floor', signed: true },
    { ratio: 0.5, bits: 8, signed: false, rounding: 'floor' },
    { ratio: 0.37, bits: 4 },
  ];
  for (const kind of [...FINITE, 'huge'] as const)
    for (const n of [1, 2, 33, 700])
      for (const option of options) {
        const x = input(kind, n);
        const k = Math.max(1, Math.floor(option.ratio * n + 1e-9));
        const signed = option.signed ?? x.some((value) => value < 0);
        const expected = masked(x, { rounding: 'nearest', ...option, k, signed });
        const packet = await device.compress(maskEncoded(option), x);
        const label = `${kind} ${n} ${JSON.stringify(option)}`;
        assert.equal(
          contentsOf(packet),
          { k, signed, values: expected.values, masks: expected.masks },
          label,
        );
        assertWords(await device.decompress(packet), expected.decoded, label);
      }
});

test('of equal elements exactly k are kept, the lowest indices', async () => {
  const x = new Float32Array([1, 2, 1, 2, 2, 0, 2, 1]);
  const { values, masks } = contentsOf(await device.compress(maskEncoded({ ratio: 0.25, bits: 2 }), x));
  assert.equal(values, [2, 2]);
  // others that reach T are clamped to L - 1
  assert.equal(masks, [2, 3, 2, 3, 2, 0, 2, 2]);
});

test('fewer positive elements than k: T = 0, and the rest decodes to zero', async () => {
  const x = new Float32Array([0, 5, 0, 0, 0, 0, 0, 0]);
  for (const bits of [1, 2, 8])
    for (const signed of [false, true])
      assertWords(await sent(maskEncoded({ ratio: 0.5, bits, signed }), x), x, `${bits} bits`);
  // by value the greatest may be below zero: they are kept as they are
  const negative = new Float32Array([-4, -1, -3, -2]);
  assert.equal(
    [...(await sent(maskEncoded({ ratio: 0.5, bits: 2, signed: false }), negative))],
    [0, -1, 0, -2],
  );
});

test('masks are the same whatever power of two the data are times', async () => {
  const x = input('normal', 500).map(Math.fround);
  for (const signed of [false, true]) {
    const compressor = maskEncoded({ ratio: 0.1, bits: 4, signed });
    const { masks } = contentsOf(await device.compress(compressor, x));
    for (const exponent of [-120, -90, -28, 39, 41, 100, 125]) {
      const scaled = x.map((value) => value * 2 ** exponent);
      assert.equal(contentsOf(await device.compress(compressor, scaled)).masks, masks, `2^${exponent}`);
    }
  }
});

test('a subnormal T has masks too', async () => {
  const least = 2 ** -149;
  const x = new Float32Array([7, 300, 200, 150, 100, 99, 33, 0].map((value) => value * least));
  const packet = await device.compress(maskEncoded({ ratio: 0.25, bits: 2 }), x);
  // T = 200 times the least number: s = 3 / 200
  assert.equal(contentsOf(packet).masks, [0, 3, 3, 2, 2, 1, 0, 0]);
  const step = 67; // 200 / 3, rounded once
  assert.equal(
    [...(await device.decompress(packet))].map((value) => value / least),
    [0, 300, 200, 2 * step, 2 * step, step, 0, 0],
  );
  const two = new Float32Array([least, -2 * least, 0]);
  assertWords(
    await sent(maskEncoded({ ratio: 0.5, bits: 8 }), two),
    masked(two, {
      k: 1,
      bits: 8,
      rounding: 'nearest',
      signed: true,
    }).decoded,
    'the least numbers',
  );
});

test('signed symbols are two-sided, and found from the data', async () => {
  const x = new Float32Array([1, -1, 0.26, -0.26, -0.8, 0.8, 0.1, -4]);
  const packet = await device.compress(maskEncoded({ ratio: 0.25, bits: 3 }), x);
  const { signed, values, masks } = contentsOf(packet);
  assert.is(signed, true);
  assert.equal(values, [1, -4]);
  // L = 4, T = 1: multiples of 1/4 from -3 to 3, plus 3
  assert.equal(masks, [7, 0, 4, 2, 0, 6, 3, 7]);
  assert.equal([...(await device.decompress(packet))], [1, -0.75, 0.25, -0.25, -0.75, 0.75, 0, -4]);
  assert.is(inspect(packet).parameters.signed, 'yes');
  const ones = x.map(Math.abs);
  assert.is(contentsOf(await device.compress(maskEncoded({ ratio: 0.25, bits: 3 }), ones)).signed, false);
  const zeros = new Float32Array([-0, 1, 2]);
  assert.is(contentsOf(await device.compress(maskEncoded({ ratio: 0.25, bits: 3 }), zeros)).signed, false);
});

test('unsigned symbols take elements below zero as zero', async () => {
  const x = new Float32Array([1, -9, 0.5, -0.5, 2, 0.34]);
  const packet = await device.compress(maskEncoded({ ratio: 0.3, bits: 2, signed: false }), x);
  assert.equal(contentsOf(packet).values, [2]);
  assert.equal(contentsOf(packet).masks, [2, 0, 1, 0, 3, 1]);
});

test('all elements kept, or all equal, come back bit by bit', async () => {
  for (const kind of ['normal', 'negativeZero', 'subnormal', 'huge'] as const) {
    const x = input(kind, 300);
    assertWords(await device.decompress(allKept(x, 2)), x, kind);
  }
  const equal = new Float32Array(100).fill(0.7);
  const decoded = await sent(maskEncoded({ ratio: 0.1, bits: 3 }), equal);
  assert.equal([...decoded.subarray(0, 10)], [...equal.subarray(0, 10)]);
  // the others are clamped to L - 1 of L steps
  assert.ok(
    decoded.subarray(10).every((value) => value === Math.fround(Math.fround(Math.fround(0.7) / 7) * 6)),
  );
});

test('keeps max(1, floor(ratio n + 1e-9)) elements', async () => {
  const kept = async (ratio: number, n: number): Promise<number> =>
    contentsOf(await device.compress(maskEncoded({ ratio, bits: 2 }), input('normal', n))).k;
  assert.is(await kept(0.01, 1000), 10);
  assert.is(await kept(0.07, 100), 7); // 0.07 * 100 is 7.000000000000001
  assert.is(await kept(0.29, 100), 29); // 0.29 * 100 is 28.999999999999996
  assert.is(await kept(0.01, 99), 1);
  assert.is(await kept(1e-12, 10), 1);
  assert.is(await kept(0.5, 11), 5);
});

test('packed it costs 32 + 4 k + 4 ceil(n bits / 32) bytes, 2.32 bits an element at 0.01 and 2 bits', async () => {
  for (const n of [1, 15, 16, 17, 1000])
    for (const bits of [1, 2, 3, 8]) {
      const packet = await device.compress(
        maskEncoded({ ratio: 0.1, bits, coding: 'packed' }),
        input('normal', n),
      );
      const k = Math.max(1, Math.floor(n / 10));
      assert.is(packet.length, 32 + 4 * k + 4 * Math.ceil((n * bits) / 32));
    }
  const large = await device.compress(
    maskEncoded({ ratio: 0.01, bits: 2, coding: 'packed' }),
    input('normal', 100_000),
  );
  assert.ok(Math.abs(inspect(large).bitsPerElement - 2.32) < 0.005);
  assert.is((await device.compress(maskEncoded({ ratio: 0.01, bits: 2 }), new Float32Array(0))).length, 32);
});

test('at equal size its error is below that of topK and of quantized', async () => {
  const n = 50_000;
  const coding = 'packed'; // as the paper has it
  for (const shape of ['relu', 'heavyRelu'] as const) {
    const x = shaped(shape, n);
    const norm = squaredError(new Float32Array(n), x);
    const measure = async (compressor: Compressor): Promise<{ bytes: number; error: number }> => {
      const packet = await device.compress(compressor, x);
      return { bytes: packet.length, error: squaredError(await device.decompress(packet), x) / norm };
    };
    const mask = await measure(maskEncoded({ ratio: 0.01, bits: 2, coding }));
    // the most elements that topK can send in as many bytes
    let [fits, above] = [1, n];
    while (above - fits > 1) {
      const k = (fits + above) >> 1;
      if ((await device.compress(topK({ k }), x)).length <= mask.bytes) fits = k;
      else above = k;
    }
    const top = await measure(topK({ k: fits }));
    assert.ok(top.bytes > mask.bytes * 0.999, `${top.bytes} bytes of ${mask.bytes}`);
    const uniform = await measure(quantized({ bits: 2, coding }));
    assert.ok(mask.error < top.error / 2, `${shape}: ${mask.error}, topK ${top.error}`);
    assert.ok(mask.error < uniform.error / 2, `${shape}: ${mask.error}, 2 bits ${uniform.error}`);
    const fine = await measure(maskEncoded({ ratio: 0.001, bits: 3, coding }));
    const finer = await measure(quantized({ bits: 3, coding }));
    assert.ok(fine.bytes < finer.bytes * 1.012);
    assert.ok(fine.error < finer.error * 0.8, `${shape}: ${fine.error}, 3 bits ${finer.error}`);
  }
});

test('refuses NaN and infinity anywhere', async () => {
  for (const signed of [undefined, false, true])
    for (const [at, value] of [
      [0, NaN],
      [999, Infinity],
      [500, -Infinity],
    ]) {
      const x = input('normal', 1000);
      x[at] = value;
      x[700] = NaN;
      const error = await rejects(
        device.compress(maskEncoded({ ratio: 0.01, bits: 2, signed }), x),
        NonFiniteError,
      );
      assert.equal([error.count, error.first], [2, Math.min(at, 700)]);
    }
});

test('wrong options are named', () => {
  const made = (options: unknown) => () => maskEncoded(options as MaskOptions);
  assert.throws(made({ bits: 2 }), /"ratio" expected a number above 0 and up to 0\.5, got undefined/);
  for (const ratio of [1.1, 1, 0, -0.1, NaN])
    assert.throws(
      made({ ratio, bits: 2 }),
      (error: Error) =>
        error instanceof RangeError &&
        error.message === `"ratio" expected a number above 0 and up to 0.5, got ${ratio}`,
    );
  assert.throws(
    made({ ratio: 0.99, bits: 2 }),
    (error: Error) =>
      error instanceof RangeError &&
      /share that is kept, and the compression ratio 0\.99 of arXiv 2408\.13787 is 0\.01 here/.test(
        error.message,
      ),
  );
  assert.throws(made({ ratio: 0.1, bits: 0 }), /"bits" expected an integer in 1\.\.8, got 0/);
  assert.throws(made({ ratio: 0.1, bits: 9 }), /"bits" expected an integer in 1\.\.8, got 9/);
  assert.throws(made({ ratio: 0.1, bits: 2, rounding: 'up' }), /"rounding" expected one of nearest, floor/);
  assert.throws(made({ ratio: 0.1, bits: 2, signed: 1 }), /"signed" expected true or false, got 1/);
  assert.throws(
    made({ ratio: 0.1, bits: 2, k: 1 }),
    /maskEncoded has no option "k"; it has ratio, bits, rounding, signed, coding/,
  );
});

test('packets whose parts do not agree are refused', async () => {
  const packet = readPacket(await device.compress(maskEncoded({ ratio: 0.1, bits: 3 }), input('normal', 50)));
  const forged = (parameters: number[], change?: (body: Uint32Array) => void): Promise<unknown> => {
    const body = packet.body.slice();
    change?.(body);
    return device.decompress(writePacket({ id: 7, n: 50, parameters, sections: [body] }));
  };
  assert.equal([...packet.parameters], [5, 3, 1]);
  for (const [parameters, why] of [
    [[5, 3], '2 words of parameters, expected 3 or 4'],
    [[0, 3, 1], 'k = 0 of n = 50'],
    [[51, 3, 1], 'k = 51 of n = 50'],
    [[5, 0, 1], '0 bits a symbol'],
    [[5, 9, 1], '9 bits a symbol'],
    [[5, 3, 2], '"signed" is 2'],
    [[6, 3, 1], 'but the body has'],
  ] as const)
    await rejects(forged([...parameters]), PacketError, why);
  await rejects(
    forged([5, 3, 1], (body) => (body[5] = 0)),
    PacketError,
    'stand for kept elements, expected 5',
  );
  await rejects(
    forged([5, 3, 1], (body) => (body[2] = 0xff800000)),
    PacketError,
    'value 2 is NaN or infinite',
  );
  await rejects(
    forged([5, 3, 1], (body) => (body[9] |= 2 ** 31)),
    PacketError,
    'beyond the first 150',
  );
});

test('is an immutable value', () => {
  const compressor = maskEncoded({ ratio: 0.1, bits: 2 });
  assert.ok(Object.isFrozen(compressor) && Object.isFrozen(compressor.options));
  assert.equal([compressor.name, compressor.options], ['maskEncoded', { ratio: 0.1, bits: 2 }]);
});

test.run();
