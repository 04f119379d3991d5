import * as assert from 'uvu/assert';
import { PacketError } from '../../ts/errors.ts';
import {
  decodeValues,
  encodeValues,
  firstNonFinite,
  floatOfHalf,
  floatsOfBrain,
  valueWords,
} from '../../ts/packet/values.ts';
import { FORMATS, nearestHalf, roundedTo } from '../reference/halves.ts';
import { FINITE, input, randomWords } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('values');
const formats = ['bfloat16', 'float16'] as const;

const wordsOf = (x: Float32Array): Uint32Array => new Uint32Array(x.slice().buffer);
const halvesOf = (words: Uint32Array): Uint16Array => new Uint16Array(words.slice().buffer);

/** The 16 bits of each value, from the reference. */
function expectedHalves(x: Float32Array, format: (typeof formats)[number]): Uint16Array {
  const halves = new Uint16Array(valueWords(x.length, format) * 2);
  const bits = wordsOf(x);
  x.forEach((value, i) => (halves[i] = ((bits[i] >>> 31) << 15) | nearestHalf(value, FORMATS[format])));
  return halves;
}

function assertEncodes(x: Float32Array, label: string): void {
  for (const format of formats) {
    const halves = halvesOf(encodeValues(wordsOf(x), format));
    const expected = expectedHalves(x, format);
    const at = expected.findIndex((half, i) => half !== halves[i]);
    if (at >= 0)
      assert.unreachable(`${label}: ${x[at]} as ${format} is ${halves[at]}, expected ${expected[at]}`);
    const decoded = decodeValues(new Uint32Array(halves.buffer), x.length, format, 0);
    assertWords(decoded, wordsOf(roundedTo(format, x)), `${label} ${format}`);
  }
}

test('every 16-bit float stays itself', () => {
  for (const format of formats) {
    const list = Float32Array.from(FORMATS[format]);
    assert.equal([...list], [...FORMATS[format]], 'float32 has them all');
    for (const x of [list, list.map((value) => -value)]) {
      const sign = Object.is(x[0], -0) ? 0x8000 : 0;
      const halves = halvesOf(encodeValues(wordsOf(x), format)).subarray(0, x.length);
      assert.ok(halves.every((half, bits) => half === (sign | bits)));
      assertWords(
        decodeValues(new Uint32Array(halves.slice().buffer), x.length, format, 0),
        wordsOf(x),
        format,
      );
    }
  }
});

test('rounds to the nearest, half to even: each middle of two neighbours, and float32 beside it', () => {
  for (const format of formats) {
    const list = FORMATS[format];
    const middles = Float32Array.from({ length: list.length - 1 }, (_, i) => (list[i] + list[i + 1]) / 2);
    const bits = wordsOf(middles);
    for (const off of [-1, 0, 1]) {
      // the first middle of bfloat16 is above the least float32
      const beside = new Float32Array(bits.map((key) => key + off).buffer);
      assertEncodes(beside, `${format}, ${off} from the middle`);
      assertEncodes(
        beside.map((value) => -value),
        `${format}, ${off} from the middle, negative`,
      );
    }
  }
});

test('rounds data of every kind', () => {
  for (const kind of [...FINITE, 'huge'] as const) assertEncodes(input(kind, 3001), kind);
  const any = randomWords(50_001).filter((bits) => firstNonFinite(new Uint32Array([bits])) < 0);
  assertEncodes(new Float32Array(any.buffer), 'any finite float32');
});

test('what is too large becomes the largest of its sign', () => {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  const x = new Float32Array([65504, 65519, 65520, 65536, 1e30, largest, -65520, -largest]);
  assert.equal([...roundTrip(x, 'float16')], [65504, 65504, 65504, 65504, 65504, 65504, -65504, -65504]);
  const brain = (2 - 2 ** -7) * 2 ** 127;
  assert.equal(
    [...roundTrip(new Float32Array([brain, largest, -largest]), 'bfloat16')],
    [brain, brain, -brain],
  );
});

function roundTrip(x: Float32Array, format: (typeof formats)[number]): Float32Array {
  return new Float32Array(decodeValues(encodeValues(wordsOf(x), format), x.length, format, 0).slice().buffer);
}

test('known values', () => {
  const half = 2 ** -24;
  assert.equal(
    [
      ...roundTrip(
        new Float32Array([1 / 3, 0.1, half / 2, half * 0.51, half * 1.5, 2 ** -14, 1e-45]),
        'float16',
      ),
    ],
    [0.333251953125, 0.0999755859375, 0, half, half * 2, 2 ** -14, 0],
  );
  assert.equal([...halvesOf(encodeValues(wordsOf(new Float32Array([1, -2])), 'float16'))], [0x3c00, 0xc000]);
  assert.equal([...halvesOf(encodeValues(wordsOf(new Float32Array([1, -2])), 'bfloat16'))], [0x3f80, 0xc000]);
  assert.equal([...roundTrip(new Float32Array([1 / 3, 3.141592]), 'bfloat16')], [0.333984375, 3.140625]);
});

test('infinity and NaN of 16 bits are known, and refused in packets', () => {
  assert.is(floatOfHalf(0x7c00), Infinity);
  assert.is(floatOfHalf(0xfc00), -Infinity);
  assert.ok(Number.isNaN(floatOfHalf(0x7c01)) && Number.isNaN(floatOfHalf(0xffff)));
  assert.equal([...floatsOfBrain(new Uint16Array([0x7f80, 0xff80, 0x7fc0]))], [Infinity, -Infinity, NaN]);
  for (const [format, bad] of [
    ['float16', 0x7c00],
    ['float16', 0xfe00],
    ['bfloat16', 0x7f80],
    ['bfloat16', 0xffc0],
  ] as const) {
    const words = new Uint32Array([0x3c003c00, 0x3c00 | (bad << 16)]);
    refused(() => decodeValues(words, 4, format, 100), 'value 3 is NaN or infinite', 106);
    assert.not.throws(() => decodeValues(words.subarray(0, 1), 2, format, 100));
  }
  refused(
    () => decodeValues(new Uint32Array([0, 0xff800000]), 2, 'float32', 40),
    'value 1 is NaN or infinite',
    44,
  );
});

function refused(call: () => unknown, why: string, offset: number): void {
  assert.throws(
    call,
    (error: unknown) =>
      error instanceof PacketError && error.message.includes(why) && error.offset === offset,
  );
}

test('two values a word; the half that an odd count leaves is zero, and must be', () => {
  for (const format of formats)
    for (const [count, words] of [
      [0, 0],
      [1, 1],
      [2, 1],
      [3, 2],
    ]) {
      assert.is(valueWords(count, format), words);
      assert.is(valueWords(count, 'float32'), count);
      const encoded = encodeValues(wordsOf(new Float32Array(count).fill(-1.5)), format);
      assert.is(encoded.length, words);
      if (count % 2 === 0) continue;
      const halves = halvesOf(encoded);
      assert.is(halves[count], 0);
      halves[count] = 1;
      refused(
        () => decodeValues(new Uint32Array(halves.buffer), count, format, 40),
        'the unused half of the last value is not zero',
        40 + count * 2,
      );
    }
});

test('float32 passes as it is', () => {
  const x = wordsOf(input('finite', 100));
  assertWords(encodeValues(x, 'float32'), x, 'encoded');
  assertWords(decodeValues(x, 100, 'float32', 0), x, 'decoded');
});

test('words may lie anywhere in a packet', () => {
  const all = new Uint32Array([7, 0x3c003c00, 0xbc00, 9]);
  assert.equal(
    [...new Float32Array(decodeValues(all.subarray(1, 3), 3, 'float16', 0).slice().buffer)],
    [1, 1, -1],
  );
});

test.run();
