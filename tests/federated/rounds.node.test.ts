/** Federated rounds by their definition: means by weights, order, members that come and go, error memory. */
import * as assert from 'uvu/assert';
import { fedAvg, sparseLoCo } from '../../ts/algorithms/index.ts';
import type { Client } from '../../ts/federated/index.ts';
import { float32, PacketError, randomK, StartError, topK } from '../../ts/index.ts';
import { device } from '../reference/algorithms/play.ts';
import { readState } from '../reference/algorithms/states.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';
import { blocks, errorOf, initial, joined, N, openServer, trained } from './party.ts';

const test = suite('federated rounds');

/** Which of four members a round is made of. */
const FROM = [[0, 1, 2, 3], [1, 3], [2], [0, 1, 2, 3], [0, 2, 3]];
/** In the order of ranks. */
const IDS = ['alice', 'bob', 'carol', 'Ω'];

for (const [label, system, options, decay] of [
  ['fedAvg', fedAvg({ server: float32() }), { up: float32(), down: float32() }, 0],
  ['sparseLoCo', sparseLoCo({ compressor: blocks, server: blocks }), {}, 0.95],
  [
    'sparseLoCo by senders, clipped',
    sparseLoCo({ compressor: blocks, server: blocks, average: 'senders', clip: 'median' }),
    { average: 'senders', clip: 'median' },
    0.95,
  ],
] as const)
  test(`rounds of ${label} come to the models and errors of its workers`, async () => {
    const { average, clip, ...compressors } = { average: 'all', clip: undefined, ...options } as const;
    const to = openServer({ ...compressors, average, clip });
    const members: Client[] = [];
    for (const id of IDS) members.push(await joined(to, id, { ...compressors, decay }));
    const workers = IDS.map((_, rank) => system.worker(device, { n: N, workers: 4, rank }));
    const other = system.server!(device, { n: N, workers: 4 });
    for (let round = 0; round < 10; round++) {
      const from = FROM[round % FROM.length];
      const messages: Uint8Array[] = [];
      for (const [rank, member] of members.entries()) {
        const local = trained(member, round);
        const weight = rank + 1;
        const sent = await workers[rank].send(local, { weight, parameters: initial.slice() });
        if (from.includes(rank)) messages.push(sent.bytes.slice());
        const bytes = await member.update(local, { weight });
        if (from.includes(rank)) await to.take(member.id, bytes);
      }
      const answer = await to.close();
      const inbox = [await other.answer(messages, from)];
      for (const [rank, member] of members.entries()) {
        await workers[rank].receive(inbox, from);
        const { used, contributions, model } = await member.apply(answer);
        assert.is(used, from.includes(rank));
        assert.is(contributions, from.length);
        assert.equal(model, workers[rank].parameters, `round ${round}`);
        assert.equal(model, to.model);
        assert.equal(member.at, to.at);
        assert.equal(await errorOf(member), readState(await workers[rank].save()).vectors.error);
      }
    }
    for (const machine of [...members, ...workers, to, other]) machine.free();
  });

test('the order of arrival changes no bit, nor does who joined first', async () => {
  const ids = ['b', 'a', 'Z', 'ä', '10', '9', '😀'];
  const play = async (order: readonly string[]): Promise<Uint8Array[]> => {
    const to = openServer({ momentum: 0.5 });
    const members: Client[] = [];
    for (const id of order) members.push(await joined(to, id));
    const answers: Uint8Array[] = [];
    for (let round = 0; round < 3; round++) {
      for (const [i, member] of members.entries()) {
        const weight = 1 + 0.1 * ids.indexOf(member.id);
        const bytes = await member.update(trained(member, round), { weight });
        await to.take(member.id, bytes);
        // twice is once
        if (i === 1) await to.take(member.id, bytes);
      }
      answers.push(await to.close());
      for (const member of members) await member.apply(answers[round]);
    }
    assert.equal(to.members, [...ids].sort());
    [to, ...members].forEach((one) => one.free());
    return answers;
  };
  const first = await play(ids);
  for (const order of [[...ids].reverse(), [3, 0, 6, 1, 5, 2, 4].map((i) => ids[i])])
    assert.equal(await play(order), first);
});

test('sums go by ascending id, where the order shows in the result', async () => {
  const options = { up: float32(), down: float32() };
  for (const [ids, mean] of [
    [{ a: 2 ** 60, b: 1, c: -(2 ** 60) }, 0],
    [{ a: 2 ** 60, b: -(2 ** 60), c: 1 }, Math.fround(1 / 3)],
  ] as const)
    for (const order of ['abc', 'cba', 'bca', 'acb']) {
      const to = openServer({ ...options, model: new Float32Array(N) });
      for (const id of order as Iterable<keyof typeof ids>) {
        const member = await joined(to, id, options);
        await to.take(id, await member.update(new Float32Array(N).fill(-ids[id])));
      }
      await to.close();
      assert.ok(
        to.model.every((value) => value === 0 - mean),
        `${order}: ${to.model[0]}, expected ${-mean}`,
      );
    }
});

test('contributions that arrive at once are those that arrive one by one', async () => {
  const answers: Uint8Array[] = [];
  for (const together of [false, true]) {
    const to = openServer();
    const members = await Promise.all(IDS.map((id) => joined(to, id)));
    const all = await Promise.all(members.map((member) => member.update(trained(member, 0))));
    const takes = all.map((bytes, i) => () => to.take(IDS[i], bytes));
    if (together) {
      const closing = Promise.all(takes.map((take) => take())).then(() => to.close());
      // one that comes while the round is closed is of a round that is over
      answers.push(await closing);
      await rejects(to.take(IDS[0], all[0]), StartError);
    } else {
      for (const take of takes) await take();
      answers.push(await to.close());
    }
  }
  assert.equal(answers[1], answers[0]);
});

test('nothing is lost: what all have sent and keep is what they have trained', async () => {
  const to = openServer({ down: float32(), up: topK({ ratio: 0.05 }) });
  const options = { down: float32(), up: topK({ ratio: 0.05 }) };
  const members: Client[] = [];
  for (const id of IDS) members.push(await joined(to, id, options));
  const sums = IDS.map(() => ({ deltas: new Float64Array(N), used: new Float64Array(N) }));
  for (let round = 0; round < 12; round++) {
    const sent: Uint8Array[] = [];
    for (const [rank, member] of members.entries()) {
      const local = trained(member, round);
      (member.model as Float32Array).forEach((theta, i) => {
        sums[rank].deltas[i] += Math.fround(theta - local[i]);
      });
      sent.push(await member.update(local));
      await to.take(member.id, sent[rank]);
    }
    const from = FROM[round % FROM.length].map((rank) => IDS[rank]);
    const answer = await to.close({ from });
    for (const [rank, member] of members.entries()) {
      const { used } = await member.apply(answer);
      assert.is(used, from.includes(IDS[rank]));
      if (!used) continue;
      const packet = sent[rank].subarray(32 + Math.ceil(Buffer.byteLength(IDS[rank]) / 4) * 4);
      (await device.decompress(packet)).forEach((value, i) => (sums[rank].used[i] += value));
    }
  }
  for (const [rank, member] of members.entries()) {
    const error = await errorOf(member);
    assert.ok(error.some((value) => value !== 0));
    error.forEach((value, i) => {
      const { deltas, used } = sums[rank];
      assert.ok(Math.abs(deltas[i] - used[i] - value) < 12 * 2 ** -23 * 40, `${IDS[rank]}, element ${i}`);
    });
  }
});

test('weights are bounded, and count', async () => {
  const options = { up: float32(), down: float32() };
  const to = openServer({ ...options, mostWeight: 3 });
  const [a, b] = [await joined(to, 'a', options), await joined(to, 'b', options)];
  await rejects(
    to.take('a', await a.update(trained(a, 0), { weight: 3.5 })),
    PacketError,
    'a weight of 3.5 from "a", expected above 0 and at most 3, "mostWeight"',
  );
  await rejects(a.update(trained(a, 0), { weight: 0 }), RangeError, '"weight" expected');
  await rejects(a.update(trained(a, 0), { weight: Infinity }), RangeError, '"weight" expected');
  const locals = [trained(a, 0), trained(b, 0)];
  await to.take('a', await a.update(locals[0], { weight: 3 }));
  await to.take('b', await b.update(locals[1]));
  const { model } = await a.apply(await to.close());
  initial.forEach((theta, i) => {
    const [d, e] = locals.map((local) => Math.fround(theta - local[i]));
    assert.is(model[i], Math.fround(theta - Math.fround((3 * d + e) / 4)), `element ${i}`);
  });
  // 1 where nothing is said
  await rejects(
    openServer({ mostWeight: undefined }).take('a', new Uint8Array(3)),
    RangeError,
    'it has to join first',
  );
});

test('draws differ from member to member and from round to round', async () => {
  const options = { up: randomK({ k: 10, seed: 3 }) };
  const to = openServer(options);
  const [a, b] = [await joined(to, 'a', options), await joined(to, 'b', options)];
  const local = new Float32Array(N);
  const bodies: string[] = [];
  for (let round = 0; round < 2; round++) {
    for (const member of [a, b]) {
      const bytes = await member.update(local);
      await to.take(member.id, bytes);
      bodies.push(String(bytes.slice(36)));
    }
    const answer = await to.close();
    for (const member of [a, b]) await member.apply(answer);
  }
  assert.is(new Set(bodies).size, 4);
});

test('vectors of no elements and of one have rounds', async () => {
  for (const length of [0, 1]) {
    const options = {
      layout: { leaves: [{ name: 'x', offset: 0, length }] },
      up: float32(),
      down: float32(),
    };
    const to = openServer({ ...options, model: new Float32Array(length) });
    const member = await joined(to, 'a', options);
    await to.take('a', await member.update(new Float32Array(length).fill(2)));
    const { model } = await member.apply(await to.close());
    assert.equal([...model], length === 0 ? [] : [2]);
  }
});

test.run();
