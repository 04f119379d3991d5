import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { blockTopK, type BlockOptions } from '../../ts/compressors/block-top-k.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { floatOf } from '../../ts/kernels/float-bits.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { decodeValues, encodeValues } from '../../ts/packet/values.ts';
import { wordsOf } from '../../ts/kernels/scope.ts';
import * as reference from '../reference/blocks.ts';
import { levelsOf } from '../reference/levels.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects } from '../support/host.ts';
import { FINITE, input, some, words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

eachCompressor('blockTopK', [
  blockTopK(),
  blockTopK({ block: 64, k: 10, bits: 1 }),
  blockTopK({ block: 64, k: 1 }),
  blockTopK({ block: 256, k: 256, bits: 2 }),
  blockTopK({ block: 1024, k: 20, values: 'bfloat16' }),
]);

const test = suite('blockTopK by its definition');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

async function through(compressor: Compressor, x: Float32Array): Promise<Float32Array> {
  return device.decompress(await device.compress(compressor, x));
}

/** What the definition decodes x to, its levels from tests/reference/blocks.ts. */
function expected(x: Float32Array, { block = 4096, k = 64, bits = 2, values }: BlockOptions): Float32Array {
  const y = new Float32Array(x.length);
  const kept = reference.blockTopK(x, block, k);
  if (values !== undefined) {
    const words = wordsOf(Float32Array.from(kept, (i) => x[i]));
    const sent = decodeValues(encodeValues(words, values), kept.length, values, 0);
    kept.forEach((i, m) => (y[i] = floatOf(sent[m])));
    return y;
  }
  for (let first = 0; first < x.length; first += block) {
    const own = kept.filter((i) => i >= first && i < first + block);
    const { low, high, codes } = levelsOf(
      [...own].map((i) => x[i]),
      bits,
    );
    own.forEach((i, m) => {
      const level = floatOf((codes[m] & 2 ? high : low) << 16);
      y[i] = (codes[m] & 1 ? -level : level) + 0; // zeros are +0
    });
  }
  return y;
}

test('a known answer', async () => {
  const x = new Float32Array([3, -1, 0.5, -4, 2, 0, 0.25, -2]);
  const packet = await device.compress(blockTopK({ block: 64, k: 32 }), x);
  const { parameters, sections } = inspect(packet);
  assert.equal(parameters, { kept: 4, coding: 'bitmap', block: 64, k: 32, bits: 2 });
  assert.equal(
    sections.map(({ name, bytes }) => [name, bytes]),
    [
      ['bitmap', 4],
      ['levels', 4],
      ['codes', 4],
    ],
  );
  // levels 2 and 3.5, codes 2, 3, 0, 1
  assert.equal([...readPacket(packet).body], [0b10011001, 0x40604000, 0b01001110]);
  assert.equal([...(await device.decompress(packet))], [3.5, 0, 0, -3.5, 2, 0, 0, -2]);
});

test('what it decodes to is as defined, with tails, ties, zeros and equal elements', async () => {
  const settings: BlockOptions[] = [
    { block: 64, k: 3 },
    { block: 64, k: 20, bits: 1 },
    { block: 128, k: 128 },
    { block: 4096 },
    { block: 64, k: 5, values: 'float32' },
    { block: 64, k: 5, values: 'float16' },
  ];
  const tails = some(Array.from({ length: 64 }, (_, i) => 128 + i)); // a last block of 0 to 63
  for (const kind of [...FINITE, 'huge'] as const)
    for (const n of [...some([1, 2, 63, 64, 65, 5000]), ...tails])
      for (const options of settings) {
        const x = input(kind, n);
        const found = wordsOf(await through(blockTopK(options), x));
        assert.equal(found, wordsOf(expected(x, options)), `${kind} ${n} ${JSON.stringify(options)}`);
      }
});

test('equal elements decode to themselves as far as 8 bits hold them; a block of zeros to zeros', async () => {
  const x = new Float32Array(300).fill(-0.75, 0, 128).fill(0, 128, 256).fill(2, 256);
  const y = await through(blockTopK({ block: 128, k: 4 }), x);
  const kept = [...y.keys()].filter((i) => y[i] !== 0);
  // 44 elements are left in the last block: one is kept
  assert.equal(kept, [0, 1, 2, 3, 256]);
  assert.equal(
    kept.map((i) => y[i]),
    [-0.75, -0.75, -0.75, -0.75, 2],
  );
  assert.not.ok(wordsOf(y).some((word) => word === 0x80000000));
  assert.equal(readPacket(await device.compress(blockTopK({ block: 128, k: 4 }), x)).parameters[0], 9);
});

/** n numbers by a function of a source of uniform ones in 0..1, none of them 0. */
function drawn(n: number, seed: number, draw: (uniform: () => number) => number): Float32Array {
  const next = words(seed);
  return Float32Array.from({ length: n }, () => draw(() => ((next() >>> 8) + 0.5) / 2 ** 24));
}

/** Two independent normal numbers (G. E. P. Box and M. E. Muller, 1958). */
function normals(uniform: () => number): [number, number] {
  const [radius, angle] = [Math.sqrt(-2 * Math.log(uniform())), 2 * Math.PI * uniform()];
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

test('at most 0.162 bits an element at the default, and the error of normal and heavy-tailed vectors', async () => {
  const n = 2 ** 20;
  const normal = drawn(n, 1, (uniform) => normals(uniform)[0]);
  // a normal number over the root of a mean of three squares
  const student = drawn(n, 2, (uniform) => {
    const [[a, b], [c, d]] = [normals(uniform), normals(uniform)];
    return a / Math.sqrt((b * b + c * c + d * d) / 3);
  });
  for (const [x, error, within] of [
    [normal, 0.881, 0.001],
    // of one vector of so heavy a tail the error is off by some hundredths
    [student, 0.657, 0.02],
  ] as const) {
    const packet = await device.compress(blockTopK(), x);
    assert.ok((packet.length * 8) / n <= 0.162, `${(packet.length * 8) / n} bits`);
    const y = await device.decompress(packet);
    let [lost, all] = [0, 0];
    for (let i = 0; i < n; i++) {
      lost += (x[i] - y[i]) ** 2;
      all += x[i] ** 2;
    }
    assert.ok(Math.abs(lost / all - error) < within, `${lost / all} of ${error}`);
  }
});

test('with error feedback what packets leave out is sent later', async () => {
  const n = 1000;
  const [error, sum] = [new Float32Array(n), new Float64Array(n)];
  const x = input('normal', n);
  for (let step = 0; step < 50; step++) {
    const packet = await device.compress(blockTopK({ block: 256, k: 16 }), x, { error });
    (await device.decompress(packet)).forEach((value, i) => (sum[i] += value));
  }
  for (let i = 0; i < n; i++) assert.ok(Math.abs(sum[i] + error[i] - 50 * x[i]) < 1e-3, `element ${i}`);
});

test('a mean of packets, and one added at its elements alone', async () => {
  const n = 5000;
  const packets = await Promise.all(
    [1, 2, 3].map((seed) => device.compress(blockTopK({ block: 512, k: 40 }), input('normal', n, seed))),
  );
  const each = await Promise.all(packets.map((packet) => device.decompress(packet)));
  const mean = await device.mean(packets);
  for (let i = 0; i < n; i++)
    assert.ok(Math.abs(mean[i] - (each[0][i] + each[1][i] + each[2][i]) / 3) < 1e-6, `element ${i}`);
  const into = new Float32Array(n).fill(-0);
  await device.decompress(packets[0], { into, accumulate: 2 });
  for (let i = 0; i < n; i++) assert.ok(Object.is(into[i], each[0][i] === 0 ? -0 : 2 * each[0][i]), `${i}`);
});

test('refuses NaN and infinity, however it sends what is kept', async () => {
  const x = input('normal', 1000);
  x[100] = NaN;
  x[900] = -Infinity;
  for (const options of [{}, { bits: 1 }, { values: 'float16' }, { block: 64, k: 1 }] as BlockOptions[]) {
    const error = await rejects(device.compress(blockTopK(options), x), NonFiniteError);
    assert.equal([error.count, error.first], [2, 100]);
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
  const x = input('normal', 150);
  // a bitmap of 5 words, 3 words of levels, 3 of codes: 20, 20 and 6 elements
  const packet = await device.compress(blockTopK({ block: 64, k: 20 }), x);
  const last = readPacket(packet).body.length - 1;
  assert.is(last, 10);
  const refused: [RegExp, (parts: { parameters: number[]; body: Uint32Array }) => void][] = [
    [/45 elements are kept, expected 46/, ({ parameters }) => (parameters[0] = 45)],
    [/blocks of 96, expected a power of two in 64\.\.4096/, ({ parameters }) => (parameters[4] = 96)],
    [/blocks of 32/, ({ parameters }) => (parameters[4] = 32)],
    [/blocks of 8192/, ({ parameters }) => (parameters[4] = 8192)],
    [/k = 0 of blocks of 64/, ({ parameters }) => (parameters[5] = 0)],
    [/k = 65 of blocks of 64/, ({ parameters }) => (parameters[5] = 65)],
    [/3 bits a kept element/, ({ parameters }) => (parameters[6] = 3)],
    [/a format of values, float16, beside codes/, ({ parameters }) => (parameters[7] = 2)],
    [/unknown format 3/, ({ parameters }) => (parameters[7] = 3)],
    [/sections of \d+ bytes/, ({ parameters }) => (parameters[6] = 1)],
    [/7 words of parameters, expected 8/, ({ parameters }) => parameters.pop()],
    [/block 0 has another number of kept elements than 20/, ({ body }) => moved(body, 0, 64)],
    [/block 2 has another number of kept elements than 6/, ({ body }) => moved(body, 128, 64)],
    [/the low level of pair 1 is above its high one/, ({ body }) => (body[6] = 0x3f804000)],
    [/level 3 is negative/, ({ body }) => (body[6] |= 0x80000000)],
    [/level 0 is negative/, ({ body }) => (body[5] |= 0x8000)],
    [/value 5 is NaN or infinite/, ({ body }) => (body[7] = 0x7f803f80)],
    [/the bits beyond the first 92 are not zero/, ({ body }) => (body[10] |= 2 ** 28)],
    [/the bitmap has 45 ones, expected 46/, ({ body }) => cleared(body)],
  ];
  for (const [reason, change] of refused) {
    const error = await rejects(device.decompress(changed(packet, change)), PacketError);
    assert.match(error.message, reason);
  }
  // as it is, it is sound
  assert.is((await device.decompress(changed(packet, () => {}))).length, 150);
  const one = await device.compress(blockTopK({ block: 64, k: 20, bits: 1 }), x);
  const halves = changed(one, ({ body }) => (body[6] |= 0x3f800000));
  assert.match((await rejects(device.decompress(halves), PacketError)).message, /the unused half/);
});

/** Moves a one of the bitmap from the block of element `from` to that of element `to`. */
function moved(body: Uint32Array, from: number, to: number): void {
  const has = (i: number): boolean => ((body[i >> 5] >>> (i & 31)) & 1) === 1;
  while (!has(from)) from++;
  while (has(to)) to++;
  body[from >> 5] ^= 1 << (from & 31);
  body[to >> 5] ^= 1 << (to & 31);
}

/** Takes one of the ones away. */
function cleared(body: Uint32Array): void {
  const at = body.findIndex((word) => word !== 0);
  body[at] &= body[at] - 1;
}

test('wrong options are named', () => {
  const make = blockTopK as (options: object) => Compressor;
  assert.throws(() => make({ block: 100 }), /"block" expected a power of two in 64\.\.4096, got 100/);
  assert.throws(() => make({ block: 8192 }), /"block" expected an integer in 64\.\.4096, got 8192/);
  assert.throws(() => make({ block: 64, k: 65 }), /"k" expected an integer in 1\.\.64, got 65/);
  assert.throws(() => make({ bits: 3 }), /"bits" expected an integer in 1\.\.2, got 3/);
  assert.throws(
    () => make({ bits: 2, values: 'float16' }),
    /blockTopK expected "bits" or "values", got bits 2 and values "float16"/,
  );
  assert.throws(() => make({ ratio: 0.1 }), /blockTopK has no option "ratio"; it has block, k, bits, values/);
});

test.run();
