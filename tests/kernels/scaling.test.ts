import * as assert from 'uvu/assert';
import { bitsOf, floatOf, MAGNITUDE } from '../../ts/kernels/float-bits.ts';
import { exponentFor, isExponent, scaled, scalingBy, tinyFor } from '../../ts/kernels/scaling.ts';
import * as reference from '../reference/scaling.ts';
import { words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('scaling');

/** The float32 before the power of two 2^exponent, in the lowest binade of subnormals none. */
const before = (exponent: number): number => floatOf(bitsOf(2 ** exponent) - 1);

test('vectors with their largest from 2^-27 to below 2^40 are taken as they are', () => {
  assert.is(exponentFor(0), 0);
  for (let e = -27; e < 40; e++) {
    assert.is(exponentFor(bitsOf(2 ** e)), 0);
    assert.is(exponentFor(bitsOf(before(e + 1))), 0);
  }
});

test('others so that their largest is from 1 to below 2, as far as -126..96 reaches', () => {
  for (let e = -149; e < 128; e++) {
    if (e >= -27 && e < 40) continue;
    const expected = Math.max(-126, Math.min(96, -e));
    assert.is(exponentFor(bitsOf(2 ** e)), expected, `2^${e}`);
    if (e > -149) assert.is(exponentFor(bitsOf(before(e + 1))), expected, `below 2^${e + 1}`);
  }
  assert.is(exponentFor(bitsOf(before(128))), -126);
});

test('the powers are those that kernels are defined for', () => {
  for (let e = -149; e < 128; e++) {
    const found = exponentFor(bitsOf(2 ** e));
    assert.ok(found === 0 || (found >= -126 && found <= -40) || (found >= 28 && found <= 96), `2^${e}`);
    assert.ok(isExponent(found));
  }
  assert.equal([-127, -126, 96, 97].map(isExponent), [false, true, true, false]);
});

test('the tiny key is that of 2^least before scaling, or of the least normal number', () => {
  assert.is(tinyFor(-102, 0), bitsOf(2 ** -102));
  assert.is(tinyFor(-102, -126), bitsOf(2 ** 24));
  assert.is(tinyFor(-102, 96), bitsOf(2 ** -126));
  assert.is(tinyFor(-51, 60), bitsOf(2 ** -111));
});

/** Edges of float32, and of what scaling flushes or holds. */
const EDGES = [0, 2 ** -149, 2 ** -127, 2 ** -126, 2 ** -86, 1, 1.5, 2 ** 30, 2 ** 98, 2 ** 126, 2 ** 127];

function* samples(): Generator<{ value: number; power: number }> {
  const next = words(3);
  const random = Array.from({ length: 2000 }, () => floatOf(next())).filter(Number.isFinite);
  const edges = EDGES.flatMap((x) => [x, floatOf(bitsOf(x) + 1), floatOf(Math.max(bitsOf(x) - 1, 0))]);
  for (const power of reference.POWERS)
    for (const x of [...edges, before(128), ...random]) for (const value of [x, -x]) yield { value, power };
}

test('scaled is the exact product, +0 below 2^-126, at most 2^126', () => {
  for (const { value, power } of samples()) {
    const found = scaled(bitsOf(value), power);
    assert.ok(Object.is(found, reference.scaled(value, power)), `${value} * ${power}: ${found}`);
  }
});

/** `scaled` as a shader has it: no subnormal is read or made as a float. */
function scaledByKeys(bits: number, power: number): number {
  const { subnormal, tiny, cap } = scalingBy(power);
  const key = bits & MAGNITUDE;
  if (key < tiny) return 0;
  const normal = key >= bitsOf(2 ** -126) ? floatOf(key) * power : key * subnormal;
  const magnitude = key >= cap ? 2 ** 126 : normal;
  return bits >>> 31 === 0 ? magnitude : -magnitude;
}

test('what a shader is given makes it the same number', () => {
  for (const { value, power } of samples()) {
    const found = scaledByKeys(bitsOf(value), power);
    assert.ok(Object.is(found, reference.scaled(value, power)), `${value} * ${power}: ${found}`);
  }
});

test('scaled at its edges', () => {
  assert.ok(Object.is(scaled(bitsOf(-0), 1), 0));
  assert.ok(Object.is(scaled(bitsOf(-(2 ** -127)), 1), 0));
  assert.is(scaled(bitsOf(2 ** -149), 2 ** 96), 2 ** -53);
  assert.is(scaled(bitsOf(-(2 ** 100)), 2 ** 28), -(2 ** 126));
  assert.is(scaled(bitsOf(before(128)), 2 ** -126), (2 - 2 ** -23) * 2);
});

test.run();
