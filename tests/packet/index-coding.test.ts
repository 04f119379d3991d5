import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { PacketError } from '../../ts/errors.ts';
import { decodeBitmap, decodeRice, encodeIndices, type CodedIndices } from '../../ts/packet/index-coding.ts';
import { words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('index coding');
const isPacketError = (error: unknown): boolean => error instanceof PacketError;

function decode(coded: CodedIndices, k: number, n: number): Uint32Array {
  return coded.coding === 'bitmap' ? decodeBitmap(coded.bitmap, k, n, 0) : decodeRice(coded, k, n, 0);
}

function bitsOf(coded: CodedIndices): number {
  const parts = coded.coding === 'bitmap' ? [coded.bitmap] : [coded.head, coded.low, coded.unary];
  return parts.reduce((bits, part) => bits + part.length * 32, 0);
}

/** Each index below n with a chance of `density`. */
function randomIndices(n: number, density: number, seed: number): Uint32Array {
  const next = words(seed);
  return Uint32Array.from({ length: n }, (_, i) => i).filter(() => next() < density * 2 ** 32);
}

/** log2 of n over k, by Stirling's series. */
function log2Choose(n: number, k: number): number {
  const lnFactorial = (m: number): number =>
    m < 2 ? 0 : m * Math.log(m) - m + 0.5 * Math.log(2 * Math.PI * m) + 1 / (12 * m);
  return (lnFactorial(n) - lnFactorial(k) - lnFactorial(n - k)) / Math.LN2;
}

test('any ascending list comes back', () => {
  const lists = fc
    .record({
      gaps: fc.array(fc.oneof(fc.nat(3), fc.nat(200), fc.nat(2 ** 20)), { maxLength: 400 }),
      tail: fc.nat(1000),
    })
    .map(({ gaps, tail }) => {
      let last = -1;
      const indices = Uint32Array.from(gaps, (gap) => (last += gap + 1));
      return { indices, n: last + 1 + tail };
    });
  fc.assert(
    fc.property(lists, ({ indices, n }) => {
      assert.equal(decode(encodeIndices(indices, n), indices.length, n), indices);
    }),
    { numRuns: 1000, seed: 1 },
  );
});

test('the edges of the range', () => {
  for (const list of [[0], [2 ** 32 - 2], [0, 2 ** 32 - 2], [2 ** 31, 2 ** 31 + 1], []]) {
    const indices = new Uint32Array(list);
    assert.equal(decode(encodeIndices(indices, 2 ** 32 - 1), list.length, 2 ** 32 - 1), indices);
  }
});

test('within 5 % of log2 C(n, k) for random places at 0.1 to 10 %', () => {
  const n = 2_000_000;
  for (const density of [0.001, 0.003, 0.01, 0.03, 0.1]) {
    const indices = randomIndices(n, density, 7);
    const bound = log2Choose(n, indices.length);
    const bits = bitsOf(encodeIndices(indices, n));
    assert.ok(
      bits <= bound * 1.05,
      `${density}: ${bits} bits, ${((bits / bound - 1) * 100).toFixed(2)} % over`,
    );
  }
});

test('never longer than a bitmap, and a bitmap where that is shorter', () => {
  for (const density of [0.3, 0.5, 0.9, 1]) {
    const indices = randomIndices(10_000, density, 3);
    assert.ok(bitsOf(encodeIndices(indices, 10_000)) <= 313 * 32);
  }
  assert.is(encodeIndices(randomIndices(10_000, 0.5, 3), 10_000).coding, 'bitmap');
  assert.is(
    encodeIndices(
      Uint32Array.from({ length: 128 }, (_, i) => i),
      10_000,
    ).coding,
    'rice',
  );
});

test('parts that do not agree are refused', () => {
  const indices = randomIndices(5000, 0.02, 5);
  const k = indices.length;
  const coded = encodeIndices(indices, 5000);
  if (coded.coding !== 'rice') return assert.unreachable('expected Rice codes');
  const { head, low, unary, unaryBits } = coded;
  const refused = (
    list: { head: Uint32Array; low: Uint32Array; unary: Uint32Array },
    n: number,
    bits: number,
    why: string,
  ): void =>
    assert.throws(
      () => decodeRice({ ...list, unaryBits: bits }, k, n, 0),
      (error: unknown) => error instanceof PacketError && error.message.includes(why),
    );
  refused({ head, low, unary }, indices[k - 1], unaryBits, 'but n is');
  refused({ head, low, unary }, 5000, unaryBits - 1, 'passes the end');
  refused({ head, low, unary }, 5000, unaryBits + 1, 'shorter than its sections');
  refused({ head, low: low.slice(1), unary }, 5000, unaryBits, 'passes the end');
  refused({ head, low, unary: new Uint32Array(unary.length) }, 5000, unaryBits, 'too few ones');
  refused({ head, low, unary: unary.map(() => 0xffffffff) }, 5000, unaryBits, 'longer than its gaps');
  assert.throws(() => decodeBitmap(new Uint32Array([7]), 2, 32, 0), isPacketError);
  assert.throws(() => decodeBitmap(new Uint32Array([7]), 4, 32, 0), isPacketError);
  assert.throws(() => decodeBitmap(new Uint32Array([8]), 1, 3, 0), isPacketError);
});

test.run();
