/** States of federated ends in the middle of a round: what goes on from one sends the bytes that would have come. */
import * as assert from 'uvu/assert';
import { packState, unpackState, type State } from '../../ts/algorithms/state.ts';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { Device } from '../../ts/device.ts';
import type { Client, Server } from '../../ts/federated/index.ts';
import { flattenedLevels, PacketError } from '../../ts/index.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';
import { initial, joined, N, openClient, openServer, trained } from './party.ts';

const test = suite('states of federated rounds');

const IDS = ['a', 'b', 'c'];
const levels = flattenedLevels({ seed: 4, bits: 2, block: 256 });
const options = { up: levels, down: levels };
const ofServers = { momentum: 0.5, ...options };

/** Where a run is cut: before anything of a round, when some have sent, when all have, after the answer. */
const CUTS = ['start', 'some', 'all', 'answered'] as const;

/** All bytes of four rounds; at a cut of round 2 all ends go on as new ones from their states, on another device. */
async function bytesOf(cut: (typeof CUTS)[number] | undefined, other: Device): Promise<Uint8Array[]> {
  const sent: Uint8Array[] = [];
  let to: Server = openServer(ofServers);
  let members: Client[] = [];
  for (const id of IDS) members.push(await joined(to, id, options));
  const at = async (place: (typeof CUTS)[number], round: number): Promise<void> => {
    if (round !== 2 || place !== cut) return;
    const again = openServer({ ...ofServers, model: undefined }, other);
    await again.load(await to.save());
    assert.equal(await again.save(), await to.save());
    assert.equal([again.members, again.contributions, again.at], [to.members, to.contributions, to.at]);
    const others: Client[] = [];
    for (const member of members) {
      const next = openClient(member.id, options, other);
      await next.load(await member.save());
      assert.equal(await next.save(), await member.save());
      others.push(next);
    }
    [to, members] = [again, others];
  };
  for (let round = 0; round < 4; round++) {
    await at('start', round);
    for (const [i, member] of members.entries()) {
      if (i === 2) await at('some', round);
      const bytes = await members[i].update(trained(member, round));
      sent.push(bytes);
      await to.take(member.id, bytes);
    }
    await at('all', round);
    // c is left out of two rounds in a row
    const answer = await to.close(round === 1 || round === 2 ? { from: ['a', 'b'] } : {});
    sent.push(answer);
    await at('answered', round);
    for (const member of members) await member.apply(answer);
  }
  return sent;
}

test('loaded anywhere in a round, on wasm, all ends send the bytes that they send without', async () => {
  const wasm = new Device({ backend: 'wasm' }, { backend: await openWasm({ simd: true }), reasons: {} });
  const whole = await bytesOf(undefined, wasm);
  for (const cut of CUTS) {
    const parted = await bytesOf(cut, wasm);
    assert.equal(parted.length, whole.length);
    assert.is(
      whole.findIndex((bytes, i) => String(bytes) !== String(parted[i])),
      -1,
      cut,
    );
  }
  wasm.close();
});

test('a client that was never started, and a server that nobody joined, have states', async () => {
  const [one, two] = [openClient('a'), openClient('a')];
  await two.start(initial);
  await two.load(await one.save());
  assert.is(two.model, undefined);
  const [to, again] = [openServer(), openServer({ model: undefined })];
  await again.load(await to.save());
  assert.equal(again.model, initial);
});

test('a state is of one id, one end and one size, whole and sound: else it is refused, and nothing has changed', async () => {
  const to = openServer();
  const member = await joined(to, 'a');
  await to.take('a', await member.update(trained(member, 0)));
  const [ofServer, ofClient] = [await to.save(), await member.save()];
  const refuses = async (end: Client | Server, state: Uint8Array, text: string): Promise<void> => {
    const before = await end.save();
    await rejects(end.load(state), PacketError, text);
    assert.equal(await end.save(), before, text);
  };
  await refuses(
    openClient('b'),
    ofClient,
    'a state of federated client "a", 1300 elements, expected federated client "b"',
  );
  await refuses(member, ofServer, 'a state of federated server');
  await refuses(to, ofClient, 'expected federated server');
  await refuses(openServer({ momentum: 0.5 }), ofServer, '"velocity" has 0 elements, expected 1300');
  await refuses(openServer({ mostWeight: 0.5 }), ofServer, 'a weight of 1 from "a"');
  for (const [end, state] of [
    [to, ofServer],
    [member, ofClient],
  ] as const)
    for (let at = 0; at < state.length; at += 97) {
      const damaged = state.slice();
      damaged[at] ^= 1 << (at % 8);
      await refuses(end, damaged, '');
    }

  const changed = (bytes: Uint8Array, of: string, change: (state: State) => Partial<State>): Uint8Array => {
    const state = unpackState(bytes, of);
    return packState({ ...state, ...change(state) });
  };
  const [server, client] = [`federated server, ${N} elements`, `federated client "a", ${N} elements`];
  for (const [bytes, text] of [
    [changed(ofServer, server, () => ({ bytes: {} })), 'no list of members'],
    [
      changed(ofServer, server, () => ({ bytes: { members: new Uint8Array([123, 125]) } })),
      'no list of members',
    ],
    [
      changed(ofServer, server, ({ bytes }) => ({ bytes: { members: bytes!.members } })),
      'lacks a contribution',
    ],
    [changed(ofServer, server, () => ({ numbers: { step: -1 } })), '"step"'],
    [changed(ofServer, server, () => ({ numbers: { step: 3 } })), ''],
  ] as const)
    if (text === '') {
      // contributions are of another round than that state
      await rejects(to.load(bytes), Error, 'is against start');
    } else await refuses(to, bytes, text);
  for (const [bytes, text] of [
    [changed(ofClient, client, () => ({ bytes: {} })), 'no packet of the contribution'],
    [changed(ofClient, client, ({ bytes }) => ({ bytes: { ...bytes, packet: new Uint8Array(9) } })), ''],
    [changed(ofClient, client, ({ vectors }) => ({ vectors: { error: vectors.error } })), 'has 0 elements'],
  ] as const)
    await refuses(member, bytes, text);
});

test.run();
