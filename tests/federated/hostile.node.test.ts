/** Bytes that are no messages of this round: each is refused by a PacketError or a StartError, and changes nothing. */
import * as assert from 'uvu/assert';
import { client } from '../../ts/federated/index.ts';
import { helloOf, setupOf } from '../../ts/federated/setup.ts';
import { digestOfModel, NO_DIGEST, opened, written, type Kind } from '../../ts/federated/wire.ts';
import { float32, PacketError, plan, StartError, topK } from '../../ts/index.ts';
import { crc32c } from '../../ts/packet/crc32c.ts';
import { device } from '../reference/algorithms/play.ts';
import { rejects } from '../support/host.ts';
import { words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { blocks, common, initial, joined, layout, N, openClient, openServer, trained } from './party.ts';

const test = suite('hostile messages of federated rounds');

const numbersOf = (weight: number): Uint8Array => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, weight, true);
  return new Uint8Array(view.buffer);
};

/** Heads that are sound again after a change of theirs. */
function sealed(message: Uint8Array, end: number): Uint8Array {
  new DataView(message.buffer).setUint32(4, crc32c(message.subarray(8, end)), true);
  return message;
}

test('damage anywhere is found: in updates, answers, welcomes and hellos', async () => {
  const to = openServer();
  const [member, other] = [await joined(to, 'a'), await joined(to, 'b')];
  const update = await member.update(trained(member, 0));
  const hello = member.hello();
  const welcome = await to.join('a', hello);
  await to.take('a', update);
  const own = await to.save();
  const fresh = openClient('a');
  const empty = await fresh.save();
  const draw = words(5);
  const damages = (message: Uint8Array): Uint8Array[] => {
    const all: Uint8Array[] = [];
    for (let i = 0; i < 300; i++) {
      const damaged = message.slice();
      damaged[i < 48 ? i % damaged.length : draw() % damaged.length] ^= 1 << (draw() % 8);
      all.push(damaged, message.slice(0, draw() % message.length));
    }
    return [...all, new Uint8Array(0), new Uint8Array([...message, 0, 0, 0, 0])];
  };
  const refused = async (call: Promise<unknown>): Promise<void> => {
    try {
      await call;
    } catch (error) {
      assert.ok(error instanceof PacketError || error instanceof StartError, String(error));
      return;
    }
    throw new Error('damage was taken');
  };
  for (const bytes of damages(update)) await refused(to.take('a', bytes));
  for (const bytes of damages(hello)) await refused(to.join('a', bytes));
  assert.equal(await to.save(), own);
  for (const bytes of damages(welcome)) await refused(fresh.start(bytes));
  assert.equal(await fresh.save(), empty);
  const answer = await to.close();
  const before = await other.save();
  for (const bytes of damages(answer)) await refused(other.apply(bytes));
  // the kinds of each other
  for (const bytes of [update, hello, welcome]) await refused(other.apply(bytes));
  for (const bytes of [answer, hello, welcome]) await refused(to.take('a', bytes));
  assert.equal(await other.save(), before);
  await other.apply(answer);
  assert.equal(other.model, to.model);
});

test('a contribution is the sender’s own, of the layout, the compressor, and finite', async () => {
  const to = openServer({ up: float32() });
  await joined(to, 'a', { up: float32() });
  const other = openClient('b', { up: float32() });
  await other.start(initial);
  const sound = await other.update(trained(other, 0));
  await rejects(to.take('a', sound), PacketError, 'an update of "b", from "a"');
  const made = (body: Uint8Array, weight = 1): Uint8Array =>
    written('update', { version: 1, ...to.at, text: 'a', numbers: numbersOf(weight), body });
  const state = await to.save();
  for (const weight of [0, -1, NaN, Infinity, 1e300, -0])
    await rejects(to.take('a', made(sound.slice(36), weight)), PacketError, `a weight of ${weight} from "a"`);
  await rejects(
    to.take('a', made(await device.compress(topK({ k: 3 }), initial))),
    PacketError,
    'expected float32',
  );
  await rejects(
    to.take('a', made(await device.compress(float32(), new Float32Array(3)))),
    PacketError,
    'n = 3; expected float32, n = 1300',
  );
  // a packet with an infinity and a sound CRC
  const packet = await device.compress(float32(), initial);
  packet.set(new Uint8Array(Float32Array.of(Infinity).buffer), packet.length - 12);
  new DataView(packet.buffer).setUint32(packet.length - 4, crc32c(packet.subarray(0, -4)), true);
  await rejects(to.take('a', made(packet)), PacketError);
  await rejects(to.take('a', made(new Uint8Array(0))), PacketError);
  assert.equal(await to.save(), state);
});

test('an answer whose step leads elsewhere is refused', async () => {
  const to = openServer();
  const member = await joined(to, 'a');
  await to.take('a', await member.update(trained(member, 0)));
  const at = to.at;
  const answer = await to.close();
  const state = await member.save();
  const numbers = answer.slice(24, 44);
  const body = await device.compress(blocks, initial);
  await rejects(
    member.apply(written('answer', { version: 1, ...at, numbers, body })),
    PacketError,
    'the model after the answer has digest',
  );
  // a count of contributions that passes the end
  const many = sealed(answer.slice(), 44);
  new DataView(many.buffer).setUint32(32, 2 ** 32 - 1, true);
  await rejects(member.apply(many), PacketError, 'passes the end');
  assert.equal(await member.save(), state);
  await member.apply(answer);
});

test('a welcome is for one member, and of the model that it names', async () => {
  const to = openServer();
  await rejects(
    openClient('b').start(await to.join('a')),
    PacketError,
    'a welcome of "a", expected one of "b"',
  );
  const body = await device.compress(float32(), initial);
  const given = { version: 1, round: 0, numbers: new Uint8Array(8), text: 'a', body };
  await rejects(
    openClient('a').start(written('welcome', { ...given, digest: NO_DIGEST })),
    PacketError,
    'has digest',
  );
  await openClient('a').start(written('welcome', { ...given, digest: digestOfModel(initial) }));
});

test('versions are agreed on where somebody joins; setups that differ are named', async () => {
  const to = openServer();
  const setup = setupOf('client', { device, ...common }, []);
  const hello = (least: number, most: number): Uint8Array => helloOf('a', setup, { least, most });
  for (const range of [
    [1, 1],
    [0, 7],
    [1, 2],
  ] as const)
    assert.equal(opened('welcome', await to.join('a', hello(range[0], range[1]))).round, 0);
  for (const [least, most, said] of [
    [2, 5, '2 to 5'],
    [0, 0, '0'],
    [3, 3, '3'],
  ] as const)
    await rejects(
      to.join('a', hello(least, most)),
      PacketError,
      `the hello of "a" speaks format versions ${said}; this release speaks 1`,
    );
  await rejects(to.join('b', hello(1, 1)), PacketError, 'the hello of "b" is one of "a"');
  const helloWith = (options: object): Uint8Array =>
    client({ device, ...common, id: 'c', ...options }).hello();
  await rejects(
    to.join('c', helloWith({ up: topK({ k: 3 }) })),
    PacketError,
    `has "up" topK, k = 3, values = float32, n = ${N}; expected blockTopK`,
  );
  await rejects(to.join('c', helloWith({ down: float32() })), PacketError, `has "down" float32, n = ${N}`);
  const renamed = { leaves: [{ name: 'kernel', offset: 0, length: N }] };
  await rejects(
    to.join('c', helloWith({ layout: renamed })),
    PacketError,
    'has "layout" "kernel" [1300]; expected "kernel" [100, 12], "bias" [100]',
  );
  const parts = [
    { match: 'bias', compressor: topK({ k: 3 }) },
    { match: '*', compressor: blocks },
  ];
  await rejects(
    to.join('c', helloWith({ up: plan(parts, layout) })),
    PacketError,
    'has "up" plan, parts = 2',
  );
  // another part is another plan
  const planned = openServer({ up: plan(parts, layout) });
  const changed = [{ match: 'bias', compressor: topK({ k: 4 }) }, parts[1]];
  await planned.join('c', helloWith({ up: plan(parts, layout) }));
  await rejects(planned.join('c', helloWith({ up: plan(changed, layout) })), PacketError, 'has "up" plan');
  assert.equal(to.members, ['a']);
});

test('hellos that are no JSON of a hello are refused; those of a layout with a thousand names fit', async () => {
  const to = openServer();
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '7',
    '{"id":"a"}',
    '{"id":3,"least":1,"most":1,"layout":"","up":"","down":""}',
  ])
    await rejects(
      to.join('a', written('hello', { version: 1, round: 0, digest: NO_DIGEST, text })),
      PacketError,
      'the text of a hello is none',
    );
  const notUtf8 = written('hello', { version: 1, round: 0, digest: NO_DIGEST, text: 'abcd' });
  notUtf8[24] = 0xff;
  await rejects(to.join('a', sealed(notUtf8, 28)), PacketError, 'the text is no UTF-8');
  for (const kind of ['hello', 'update'] as Kind[])
    assert.throws(
      () => opened(kind, sealed(Object.assign(openClient('a').hello(), { 8: 2 }), 24)),
      /format version 2; this release reads 1/,
    );
  const leaves = Array.from({ length: 1000 }, (_, i) => ({
    name: `layer ${i} ${'x'.repeat(100)}`,
    offset: i,
    length: 1,
  }));
  const many = { layout: { leaves }, up: float32(), down: float32() };
  const wide = openServer({ ...many, model: new Float32Array(1000) });
  const member = await joined(wide, 'a', many);
  assert.ok(member.hello().length < 2000);
  const last = [...leaves.slice(0, -1), { ...leaves[999], name: 'another' }];
  await rejects(
    wide.join('b', openClient('b', { ...many, layout: { leaves: last } }).hello()),
    PacketError,
    'has "layout"',
  );
});

test.run();
