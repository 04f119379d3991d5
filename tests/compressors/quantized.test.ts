import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { quantized } from '../../ts/compressors/quantized.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { unpack } from '../reference/pack.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects } from '../support/host.ts';
import { FINITE, input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { symbolsIn } from '../support/symbols.ts';

eachCompressor('quantized', [
  ...[1, 3, 4, 8, 16].map((bits) => quantized({ bits })),
  quantized({ bits: 8, coding: 'packed' }),
]);

const test = suite('quantized by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

async function sent(bits: number, x: Float32Array): Promise<Float32Array> {
  return device.decompress(await device.compress(quantized({ bits }), x));
}

/** The gap between float32 of this size. */
function ulp(x: number): number {
  return 2 ** Math.max(Math.floor(Math.log2(Math.abs(x))) - 23, -149);
}

test('every element is within half a step of itself, and both ends are themselves', async () => {
  for (const kind of [...FINITE, 'huge'] as const)
    for (const n of [2, 3, 33, 2000])
      for (const bits of [1, 2, 3, 5, 8, 12, 16]) {
        const x = input(kind, n);
        const decoded = await sent(bits, x);
        const [low, high] = [Math.min(...x), Math.max(...x)];
        const most = 2 ** bits - 1;
        const step = (high - low) / most;
        // distance, factor and product are rounded, each by 2^-24 of at most 2^bits steps; then the level itself
        const slack = 3 * 2 ** -24 * most * step + ulp(Math.max(-low, high));
        x.forEach((value, i) => {
          const off = Math.abs(decoded[i] - value);
          assert.ok(off <= step / 2 + slack, `${kind} ${n}, ${bits} bits: ${value} became ${decoded[i]}`);
          if (value === low || value === high) assert.is(decoded[i] + 0, value + 0);
        });
      }
});

test('levels are evenly spaced, and each element goes to the nearest, half to even', async () => {
  const x = new Float32Array([0, 7, 0.4, 0.5, 0.6, 1.5, 2.5, 6.5, 3]);
  assert.equal([...(await sent(3, x))], [0, 7, 0, 0, 1, 2, 2, 6, 3]);
  const shifted = x.map((value) => value - 2);
  assert.equal([...(await sent(3, shifted))], [-2, 5, -2, -2, -1, 0, 0, 4, 1]);
  const { parameters, body, n } = readPacket(await device.compress(quantized({ bits: 3 }), shifted));
  assert.equal([...new Float32Array(parameters.slice(1).buffer)], [-2, 5]);
  assert.equal(unpack(body, n, 3), [0, 7, 0, 0, 1, 2, 2, 6, 3]);
});

test('a level m is (low (most - m) + high m) / most, rounded once', async () => {
  const x = input('normal', 5000);
  for (const bits of [1, 4, 11]) {
    const packet = await device.compress(quantized({ bits }), x);
    const read = readPacket(packet);
    const [low, high] = new Float32Array(read.parameters.slice(1).buffer);
    assert.equal([low, high], [Math.min(...x), Math.max(...x)]);
    const most = 2 ** bits - 1;
    const levels = symbolsIn(read, 3, read.body, bits).map((m) => (low * (most - m) + high * m) / most);
    assertWords(await device.decompress(packet), Float32Array.from(levels), `${bits} bits`);
  }
});

test('one element, and equal elements, come back exactly', async () => {
  for (const value of [0.3, -7, 3.4028234663852886e38, -1e-38, 1e-45, 0])
    for (const bits of [1, 8, 16])
      for (const n of [1, 5, 40]) {
        const x = new Float32Array(n).fill(value);
        assertWords(await sent(bits, x), x, `${value}, ${bits} bits`);
      }
  assertWords(await sent(4, new Float32Array([-0, 0, -0])), new Float32Array(3), 'zeros come back as +0');
});

test('a range beyond float32 stays finite and right', async () => {
  const large = 3e38;
  const x = new Float32Array([-large, large, 0, large / 2, -large / 2, 1]);
  for (const bits of [1, 2, 8, 16]) {
    const step = (2 * large) / (2 ** bits - 1);
    const decoded = await sent(bits, x);
    decoded.forEach((value, i) => assert.ok(Math.abs(value - x[i]) <= step * 0.502, `${value} for ${x[i]}`));
    assert.equal([...decoded.subarray(0, 2)], [...x.subarray(0, 2)]);
  }
});

test('codes are the same whatever power of two the data are times', async () => {
  const x = input('normal', 500);
  const codes = async (vector: Float32Array): Promise<number[]> =>
    unpack(readPacket(await device.compress(quantized({ bits: 9, coding: 'packed' }), vector)).body, 500, 9);
  const expected = await codes(x);
  for (const exponent of [-100, -40, -30, 37, 39, 100, 124])
    assert.equal(await codes(x.map((value) => value * 2 ** exponent)), expected, `2^${exponent}`);
});

test('packed it costs n bits times `bits` and 32 bytes, and never more', async () => {
  for (const n of [1, 31, 32, 33, 1000])
    for (const bits of [1, 3, 16]) {
      const packet = await device.compress(quantized({ bits, coding: 'packed' }), input('normal', n));
      assert.is(packet.length, 32 + 4 * Math.ceil((n * bits) / 32));
      assert.equal(Object.keys(inspect(packet).parameters), ['bits', 'low', 'high', 'coding']);
      const coded = await device.compress(quantized({ bits }), input('normal', n));
      assert.ok(coded.length <= packet.length);
    }
  const empty = await device.compress(quantized({ bits: 4 }), new Float32Array(0));
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
    const error = await rejects(device.compress(quantized({ bits: 4 }), x), NonFiniteError);
    assert.equal([error.count, error.first], [1, at]);
  }
});

test('wrong options are named', () => {
  const made = (options: unknown) => () => quantized(options as { bits: number });
  assert.throws(made({ bits: 0 }), /"bits" expected an integer in 1\.\.16, got 0/);
  assert.throws(made({ bits: 17 }), /"bits" expected an integer in 1\.\.16, got 17/);
  assert.throws(made({ bits: 2.5 }), /"bits"/);
  assert.throws(made(undefined), /"bits" expected an integer in 1\.\.16, got undefined/);
  assert.throws(made({ bits: 4, seed: 1 }), /quantized has no option "seed"; it has bits, coding/);
});

test('packets whose parts do not agree are refused', async () => {
  const packet = readPacket(await device.compress(quantized({ bits: 3 }), input('ascending', 50)));
  const [bits, low, high] = packet.parameters;
  const forged = (parameters: number[], body = packet.body): Promise<unknown> =>
    device.decompress(writePacket({ id: 8, n: 50, parameters, sections: [body] }));
  await rejects(forged([bits, low]), PacketError, '2 words of parameters, expected 3 or 4');
  await rejects(forged([0, low, high]), PacketError, '0 bits an element');
  await rejects(forged([17, low, high]), PacketError, '17 bits an element');
  await rejects(forged([4, low, high]), PacketError, 'but the body has');
  await rejects(forged([bits, high, low]), PacketError, 'levels from 24 to -25');
  await rejects(forged([bits, low, 0x7f800000]), PacketError, 'levels from -25 to Infinity');
  await rejects(forged([bits, 0x7fc00000, high]), PacketError, 'levels from NaN');
  const tail = packet.body.slice();
  tail[tail.length - 1] |= 2 ** 31;
  await rejects(forged([bits, low, high], tail), PacketError, 'beyond the first 150');
});

test.run();
