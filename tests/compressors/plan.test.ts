/** Plans: one packet of parts, each as its own compressor makes it, on every backend, with all that a device does. */
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { Device } from '../../ts/device.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { flattenedOneBit, inspect, plan, randomK, scaledSign, topK } from '../../ts/index.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { goldenLayout, goldenPlan, type PlanName } from '../../ts/verify/golden-plans.ts';
import { compensated } from '../reference/accumulate.ts';
import { eachBackend } from '../support/backends.ts';
import { eachCompressor } from '../support/compressors.ts';
import { rejects, throws } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const NAMES: readonly PlanName[] = ['network', 'draws', 'together'];

eachCompressor(
  'plan',
  NAMES.map((name) => (n: number) => goldenPlan(name, n)),
);

const js = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });
/** No multiple of 64, at which a GPU binds parts where they lie. */
const N = 20_011;

eachBackend('what a device does with plans', (test, open, over) => {
  const deviceOf = async (): Promise<Device> =>
    new Device({ backend: 'js' }, { backend: await open(), reasons: {} });
  const names = over === 'webgpu in windows' ? NAMES.slice(0, 1) : NAMES;

  for (const name of names)
    test(`${name}: error feedback, into vectors of the device and arrays, added, and their mean`, async () => {
      const device = await deviceOf();
      const compressor = goldenPlan(name, N);
      const [x, error] = [input('normal', N), input('heavy', N, 2)];
      const p = compensated(x, error, 0.5);
      const expected = await js.compress(compressor, p, { step: 4, stream: 3 });
      const decoded = await js.decompress(expected);
      const left = Float32Array.from(p, (value, i) => value - decoded[i]);
      const kept = error.slice();
      const packet = await device.compress(compressor, x, { step: 4, stream: 3, error: kept, decay: 0.5 });
      assert.equal(packet, expected);
      assertWords(kept, left, 'error');
      const [vector, residual] = [device.vector(N), device.vector(N)];
      await residual.write(error);
      const again = await device.compress(compressor, x, { step: 4, stream: 3, error: residual, decay: 0.5 });
      assert.equal(again, expected);
      assertWords(await residual.read(), left, 'error on the device');
      await device.decompress(packet, { into: vector });
      assertWords(await vector.read(), decoded, 'a vector of the device');
      const sum = await js.decompress(packet, { into: p.slice(), accumulate: 0.3 });
      assertWords(await device.decompress(packet, { into: p.slice(), accumulate: 0.3 }), sum, 'a sum');
      await vector.write(p);
      await device.decompress(packet, { into: vector, accumulate: 0.3 });
      assertWords(await vector.read(), sum, 'a sum on the device');
      const other = await js.compress(compressor, x, { step: 5 });
      const whole = await js.compress(topK({ ratio: 0.2 }), x);
      for (const packets of [
        [packet, other],
        [packet, whole, other],
      ]) {
        const mean = new Float32Array(N);
        for (const each of packets) await js.decompress(each, { into: mean, accumulate: 1 / packets.length });
        assertWords(await device.mean(packets), mean, `a mean of ${packets.length}`);
        await device.mean(packets, { into: vector });
        assertWords(await vector.read(), mean, `a mean of ${packets.length} on the device`);
      }
      vector.free();
      residual.free();
    });

  test('NaN and infinity are counted over all parts, and what was kept stays', async () => {
    const device = await deviceOf();
    const x = input('normal', N);
    for (const at of [11_000, 4_100, N - 1]) x[at] = NaN;
    const [error, before] = [input('normal', N), input('normal', N)];
    for (const name of names) {
      const compressor = goldenPlan(name, N);
      for (const options of [{}, { error }]) {
        const refused = await rejects(device.compress(compressor, x, options), NonFiniteError);
        assert.equal([refused.count, refused.first], [3, 4_100]);
      }
    }
    assertWords(error, before, 'the error');
  });
});

const test = suite('plan by its definition');

test('each part is what its own compressor makes of its elements', async () => {
  const x = input('heavy', N);
  for (const name of NAMES) {
    const compressor = goldenPlan(name, N);
    const packet = await js.compress(compressor, x, { step: 9, stream: 70_000 });
    const { body } = readPacket(packet);
    const { parts } = inspect(packet);
    assert.is(parts!.length, compressor.parts!.length);
    let at = 3 * parts!.length;
    for (const [i, part] of compressor.parts!.entries()) {
      const stream = (70_000 + i * 0x9e3779b9) % 2 ** 32;
      const own = x.slice(part.first, part.first + part.n);
      const alone = readPacket(await js.compress(part.compressor, own, { step: 9, stream }));
      const words = alone.parameters.length + alone.body.length;
      assert.equal(
        [...body.subarray(3 * i, 3 * i + 3)],
        [part.n, alone.id + alone.parameters.length * 65536, alone.body.length],
      );
      assert.equal([...body.subarray(at, at + words)], [...alone.parameters, ...alone.body], `part ${i}`);
      at += words;
      const seen = parts![i];
      assert.equal([seen.first, seen.n, seen.compressor], [part.first, part.n, part.compressor.name]);
      assert.is(seen.bytes, 4 * (words + 3));
    }
    assert.is(at, body.length);
  }
});

test('the offsets that inspect gives are those of the whole packet', async () => {
  const packet = await js.compress(goldenPlan('network', 1000), input('normal', 1000));
  const { parts, sections } = inspect(packet);
  const [first] = parts!;
  assert.equal([first.compressor, first.first, first.sections.at(-1)!.name], ['topK', 0, 'values']);
  const { offset, bytes } = first.sections.at(-1)!;
  const values = new Float32Array(packet.slice(offset, offset + bytes).buffer);
  const y = await js.decompress(packet);
  assert.equal(
    [...values],
    [...y.slice(0, first.n)].filter((value) => value !== 0),
  );
  assert.equal(
    sections.map(({ name }) => name),
    ['parts', ...parts!.map((_, i) => `part ${i}`)],
  );
  assert.is(sections[1].offset + sections[1].bytes, offset + bytes);
});

test('parts of one seed draw differently, whatever the stream', async () => {
  const leaves = [0, 1, 2, 3].map((i) => ({ name: `w${i}`, offset: 1000 * i, length: 1000 }));
  const x = new Float32Array(4000).map((_, i) => 1 + (i % 1000));
  for (const compressor of [randomK({ ratio: 0.1, seed: 7 }), flattenedOneBit({ seed: 7 })]) {
    const each = plan([{ match: '*', compressor }], { leaves }, { small: false });
    const drawn = new Set<string>();
    for (const stream of [0, 1, 2 ** 32 - 1]) {
      const y = await js.decompress(await js.compress(each, x, { stream }));
      for (let i = 0; i < 4; i++) drawn.add(y.slice(1000 * i, 1000 * (i + 1)).join());
    }
    assert.is(drawn.size, 12, compressor.name);
  }
});

test('a plan of one part, and one of none', async () => {
  const one = plan([{ match: 'w', compressor: scaledSign() }], {
    leaves: [{ name: 'w', offset: 0, length: 500 }],
  });
  const x = input('normal', 500);
  const [packet, alone] = [await js.compress(one, x), await js.compress(scaledSign(), x)];
  assert.is(packet.length, alone.length + 4 * 4);
  assertWords(await js.decompress(packet), await js.decompress(alone), 'one part');
  const none = plan([], { leaves: [] });
  assert.is((await js.decompress(await js.compress(none, new Float32Array(0)))).length, 0);
});

test('of a vector of another length it says which it expects, and it is the same without waiting', async () => {
  const compressor = goldenPlan('network', N);
  throws(() => compressor.parameters!(N - 1), RangeError, `"x.length" expected an integer in ${N}..${N}`);
  await rejects(js.compress(compressor, new Float32Array(7)), RangeError, `${N}..${N}, got 7`);
  const x = input('normal', N);
  const packet = js.compressSync(compressor, x);
  assert.equal(packet, await js.compress(compressor, x));
  assertWords(js.decompressSync(packet), await js.decompress(packet), 'without waiting');
});

test('it is immutable, and says how each tensor is sent', () => {
  const compressor: Compressor = plan(
    [
      { match: /kernel/, compressor: topK({ k: 3 }) },
      { match: '*', compressor: scaledSign({ block: 64 }), together: true },
    ],
    goldenLayout(1000),
    { tiny: 5 },
  );
  assert.ok(
    Object.isFrozen(compressor) && Object.isFrozen(compressor.parts) && Object.isFrozen(compressor.options),
  );
  assert.is(
    JSON.stringify(compressor.options),
    '{"rules":[{"match":"/kernel/","compressor":"topK","options":{"k":3},"together":false},' +
      '{"match":"*","compressor":"scaledSign","options":{"block":64},"together":true}],"tiny":5}',
  );
});

/** A plan's packet with some of its words changed, its frame made anew. */
function changed(packet: Uint8Array, change: (body: Uint32Array, parameters: number[]) => void): Uint8Array {
  const { id, n, parameters, body } = readPacket(packet);
  const [words, own] = [body.slice(), [...parameters]];
  change(words, own);
  return writePacket({ id, n, parameters: own, sections: [words] });
}

test('hostile packets are refused, and why and where is said', async () => {
  // 200 elements by topK, 100 as they are, 700 of signs: rows at byte 20, 32 and 44, parameters from 56 on
  const layout = [200, 100, 700].map((length, i) => ({ name: `${i}`, offset: [0, 200, 300][i], length }));
  const rules = [
    { match: '0', compressor: topK({ k: 20 }) },
    { match: '2', compressor: scaledSign() },
  ];
  const packet = await js.compress(plan(rules, { leaves: layout }), input('normal', 1000));
  const refused: [string, (body: Uint32Array, parameters: number[]) => void][] = [
    ['4 parts of 1000 elements, expected 3', (_, own) => own.push(4)],
    ['0 parts of 1000 elements (at byte 16)', (_, own) => (own[0] = 0)],
    ['65536 parts of 1000 elements (at byte 16)', (_, own) => (own[0] = 65_536)],
    ['a table of 999 parts, but the body has', (_, own) => (own[0] = 999)],
    ['part 0 has 0 elements of the 1000 that are left (at byte 20)', (body) => (body[0] = 0)],
    ['part 1 has 4294967295 elements of the 800 that are left (at byte 32)', (body) => (body[3] = -1)],
    ['the parts have 999 elements, expected 1000', (body) => (body[6] = 699)],
    ['part 2 has bits set that mean nothing (at byte 48)', (body) => (body[7] |= 256)],
    ['part 1 is a plan itself (at byte 36)', (body) => (body[4] = 15)],
    ['part 1: unknown compressor 77 (at byte 36)', (body) => (body[4] = 77)],
    ['part 2 passes the end of the packet (at byte 52)', (body) => (body[8] = 2 ** 32 - 1)],
    ['part 2 passes the end of the packet (at byte 52)', (body) => (body[7] |= 0xffff0000)],
    ['bytes with their table, but the body has', (body) => body[8]--],
    ['part 0: unknown coding 9 of the index list (at byte 60)', (body) => (body[10] = 9)],
    ['part 0: k = 201 of n = 200 elements (at byte 56)', (body) => (body[9] = 201)],
    ['part 2: scale 0 is negative, NaN or infinite', (body) => (body[body.length - 23] = 2 ** 31)],
    ['part 2: the bits beyond the first 700 are not zero', (body) => (body[body.length - 1] |= 2 ** 28)],
    ['part 1: value 0 is NaN or infinite', (body) => (body[body.length - 124] = 0x7f800000)],
  ];
  for (const [reason, change] of refused) {
    const error = await rejects(js.decompress(changed(packet, change)), PacketError);
    if (reason.startsWith('4 parts')) assert.match(error.message, '2 words of parameters, expected 1');
    else assert.ok(error.message.includes(reason), `${error.message}, not ${reason}`);
  }
  // as it is, it is sound
  assert.is((await js.decompress(changed(packet, () => {}))).length, 1000);
});

test.run();
