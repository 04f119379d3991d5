/** Kept values as codes, in the packets of topK, threshold and randomizedTopK; blockTopK has tests of its own. */
import * as assert from 'uvu/assert';
import { doubleSqueeze } from '../../ts/algorithms/index.ts';
import { openJs } from '../../ts/backends/js/index.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import type { KeptFormat } from '../../ts/compressors/count.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { inspect, randomizedTopK, randomK, threshold, topK } from '../../ts/index.ts';
import { floatOf, MAGNITUDE } from '../../ts/kernels/float-bits.ts';
import { wordsOf } from '../../ts/kernels/scope.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { levelsOf } from '../reference/levels.ts';
import { eachBackend } from '../support/backends.ts';
import { rejects } from '../support/host.ts';
import { FINITE, input, some } from '../support/inputs.ts';
import { shapes } from '../support/levels.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const FORMS = ['sign', 'levels'] as const;
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

/** What the elements that a packet of float32 has stand for in a few bits. */
function expected(whole: Float32Array, places: readonly number[], form: KeptFormat): Float32Array {
  const y = new Float32Array(whole.length);
  if (places.length === 0) return y;
  const { low, high, codes } = levelsOf(
    places.map((i) => whole[i]),
    form === 'sign' ? 1 : 2,
  );
  places.forEach((i, m) => {
    const level = floatOf((codes[m] & 2 ? high : low) << 16);
    y[i] = (codes[m] & 1 ? -level : level) + 0; // zeros are +0
  });
  return y;
}

eachBackend('values of few bits', (test, open) => {
  test('long lists, coded where they lie: the packets, vectors and errors of js', async () => {
    const own = new Device({ backend: 'js' }, { backend: await open(), reasons: {} });
    const x = input('heavy', 70_000);
    for (const values of FORMS)
      for (const compressor of [
        topK({ ratio: 0.2, values }),
        topK({ ratio: 1, values }),
        threshold({ t: 0.5, values }),
        threshold({ t: 0, values }),
      ]) {
        const label = `${compressor.name} ${values}`;
        const [error, jsError] = [x.map((value) => value / 3), x.map((value) => value / 3)];
        const packet = await own.compress(compressor, x, { error });
        assert.equal(packet, await device.compress(compressor, x, { error: jsError }), label);
        assertWords(error, jsError, `${label}: error`);
        const [y, z] = [x.slice(), x.slice()];
        await own.decompress(packet, { into: y, accumulate: 0.3 });
        await device.decompress(packet, { into: z, accumulate: 0.3 });
        assertWords(y, z, `${label}: added`);
        assertWords(await own.mean([packet, packet]), await device.mean([packet, packet]), `${label}: mean`);
        await rejects(own.compress(compressor, spoilt(x)), NonFiniteError);
      }
  });
});

/** A vector with a NaN in it. */
function spoilt(x: Float32Array): Float32Array {
  return x.with(1234, NaN);
}

const test = suite('values of few bits by their definition');

test('a known answer', async () => {
  const x = new Float32Array([3, -1, 0.5, -4, 2, 0, 0.25, -2]);
  const levels = await device.compress(topK({ k: 4, values: 'levels' }), x);
  assert.equal(inspect(levels).parameters, { k: 4, coding: 'bitmap', values: 'levels' });
  // levels 2 and 3.5, codes 2, 3, 0, 1
  assert.equal([...readPacket(levels).body], [0b10011001, 0x40604000, 0b01001110]);
  assert.equal([...(await device.decompress(levels))], [3.5, 0, 0, -3.5, 2, 0, 0, -2]);
  const sign = await device.compress(topK({ k: 4, values: 'sign' }), x);
  assert.equal([...readPacket(sign).body], [0b10011001, 0x4030, 0b1010]);
  assert.equal([...(await device.decompress(sign))], [2.75, 0, 0, -2.75, 2.75, 0, 0, -2.75]);
});

test('what it decodes to is as defined: k = 1, ties, zeros, subnormals, sizes that are scaled', async () => {
  const vectors = [
    ...FINITE.flatMap((kind) => some([1, 2, 3, 33, 1025]).map((n) => input(kind, n))),
    ...some([...shapes(1500)]).map(({ values }) => values),
  ];
  for (const x of vectors)
    for (const values of FORMS) {
      const n = x.length;
      for (const make of [
        (form: KeptFormat): Compressor => topK({ k: 1, values: form }),
        (form: KeptFormat): Compressor => topK({ ratio: 0.4, values: form }),
        (form: KeptFormat): Compressor => topK({ k: n, values: form }),
        (form: KeptFormat): Compressor => threshold({ t: 0.75, values: form }),
        (form: KeptFormat): Compressor => randomizedTopK({ ratio: 0.5, alpha: 0.3, seed: 3, values: form }),
      ]) {
        const packet = await device.compress(make(values), x);
        const whole = await device.compress(make('float32'), x);
        // the same list
        assert.is(inspect(packet).parameters.k, inspect(whole).parameters.k);
        const places = await placesOf(whole);
        const y = wordsOf(await device.decompress(packet));
        assertWords(
          new Float32Array(y.buffer),
          expected(x, places, values),
          `${make(values).name} ${values} ${n}`,
        );
        assert.not.ok(y.some((word) => word === 0x80000000 || (word & MAGNITUDE) >= 0x7f800000));
      }
    }
});

/** The indices of the elements that a packet lists, zeros among them. */
async function placesOf(packet: Uint8Array): Promise<number[]> {
  const { id, n, parameters, body } = readPacket(packet);
  const { k } = inspect(packet).parameters as { k: number };
  // the list with ones for values
  const ones = new Uint32Array(k).fill(0x3f800000);
  const sections = [body.slice(0, body.length - k), ones];
  const y = await device.decompress(writePacket({ id, n, parameters: [...parameters], sections }));
  return [...y.keys()].filter((i) => y[i] === 1);
}

test('a threshold that keeps nothing, and an empty vector', async () => {
  for (const values of FORMS) {
    const none = await device.compress(threshold({ t: 9, values }), new Float32Array(5));
    assert.equal(inspect(none).parameters, { k: 0, coding: 'rice', values });
    assert.is(readPacket(none).body.length, 0);
    assert.equal([...(await device.decompress(none))], [0, 0, 0, 0, 0]);
    for (const compressor of [topK({ k: 1, values }), threshold({ t: 0, values })]) {
      const empty = await device.compress(compressor, new Float32Array(0));
      assert.is((await device.decompress(empty)).length, 0);
    }
  }
});

test('a packet takes one bit or two a value beside its list', async () => {
  const x = input('normal', 100_000);
  const bytes = async (values: KeptFormat): Promise<number> =>
    (await device.compress(topK({ k: 1000, values }), x)).length;
  const list = (await bytes('float32')) - 4000;
  assert.is(await bytes('sign'), list + 4 + 128);
  assert.is(await bytes('levels'), list + 4 + 252);
});

test('with error feedback what few bits leave out is sent later', async () => {
  const n = 1000;
  for (const values of FORMS) {
    const [error, sum] = [new Float32Array(n), new Float64Array(n)];
    const x = input('normal', n);
    for (let step = 0; step < 50; step++) {
      const packet = await device.compress(topK({ ratio: 0.1, values }), x, { error });
      (await device.decompress(packet)).forEach((value, i) => (sum[i] += value));
    }
    for (let i = 0; i < n; i++) assert.ok(Math.abs(sum[i] + error[i] - 50 * x[i]) < 1e-3, `element ${i}`);
  }
});

test('sparse ternary compression is doubleSqueeze over it: three numbers each way', async () => {
  const n = 200;
  const system = doubleSqueeze(topK({ ratio: 0.1, values: 'sign' }));
  const server = system.server!(device, { n, workers: 2 });
  const messages: Uint8Array[] = [];
  for (const rank of [0, 1]) {
    const worker = system.worker(device, { n, rank, workers: 2 });
    messages.push((await worker.send(input('normal', n, rank + 1))).bytes);
  }
  for (const message of [...messages, await server.answer(messages)]) {
    const y = await device.decompress(message);
    const kept = y.filter((value) => value !== 0);
    assert.is(kept.length, 20);
    assert.is(new Set(kept.map(Math.abs)).size, 1);
  }
});

/** A packet with some of its parts changed, its frame made anew. */
function changed(
  packet: Uint8Array,
  change: (parts: { parameters: number[]; body: Uint32Array }) => void,
): Uint8Array {
  const { id, n, parameters, body } = readPacket(packet);
  const parts = { parameters: [...parameters], body: body.slice() };
  change(parts);
  return writePacket({ id, n, parameters: parts.parameters, sections: [parts.body] });
}

test('hostile packets are refused, and why is said', async () => {
  const x = input('normal', 96);
  // a bitmap of 3 words, a word of levels, codes
  const levels = await device.compress(topK({ k: 40, values: 'levels' }), x);
  const sign = await device.compress(topK({ k: 40, values: 'sign' }), x);
  const refused: [Uint8Array, RegExp, (parts: { parameters: number[]; body: Uint32Array }) => void][] = [
    [levels, /unknown format 5 of the values/, ({ parameters }) => (parameters[4] = 5)],
    [levels, /sections of \d+ bytes/, ({ parameters }) => (parameters[4] = 3)],
    [sign, /sections of \d+ bytes/, ({ parameters }) => (parameters[4] = 4)],
    [levels, /the low level of pair 0 is above its high one/, ({ body }) => (body[3] = 0x3f804000)],
    [levels, /level 1 is negative/, ({ body }) => (body[3] |= 0x80000000)],
    [sign, /level 0 is negative/, ({ body }) => (body[3] |= 0x8000)],
    [levels, /value 0 is NaN or infinite/, ({ body }) => (body[3] |= 0x7f80)],
    [sign, /the unused half of the last value is not zero/, ({ body }) => (body[3] |= 0x3f800000)],
    [levels, /the bits beyond the first 80 are not zero/, ({ body }) => (body[6] |= 2 ** 16)],
    [sign, /the bits beyond the first 40 are not zero/, ({ body }) => (body[5] |= 2 ** 8)],
  ];
  for (const [packet, reason, change] of refused) {
    const error = await rejects(device.decompress(changed(packet, change)), PacketError);
    assert.match(error.message, reason);
  }
  assert.is((await device.decompress(changed(levels, () => {}))).length, 96);
});

test('randomK sends values whole', () => {
  assert.throws(
    () => randomK({ k: 1, seed: 1, values: 'sign' as 'float32' }),
    /"values" expected one of float32, bfloat16, float16, got "sign"/,
  );
});

test.run();
