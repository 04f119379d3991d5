/** Servers that take messages before all are here: the same answers, whatever came early, or came to nothing. */
import * as assert from 'uvu/assert';
import { openJs } from '../../ts/backends/js/index.ts';
import { Device, openDevice } from '../../ts/device.ts';
import { PacketError } from '../../ts/errors.ts';
import { pSgd } from '../../ts/algorithms/index.ts';
import type { Server } from '../../ts/algorithms/system.ts';
import { readPacket, writePacket } from '../../ts/packet/packet.ts';
import { gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf } from '../reference/algorithms/play.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { suite } from '../support/suite.ts';

const test = suite('messages that a server takes early');

/** More than a tile of the wasm backend, and no multiple of anything. */
const [N, WORKERS] = [17_001, 5];
const ALL = Array.from({ length: WORKERS }, (_, rank) => rank);

/** Whether bytes are the same, without a listing of those that are not: packets are long. */
const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** What a promise rejects with. */
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

/** What may happen between the first message and the answer, and whose messages that is of. */
interface Happening {
  readonly name: string;
  readonly from?: readonly number[];
  readonly early: (server: Server, messages: readonly Uint8Array[]) => Promise<unknown>;
}

const happenings: readonly Happening[] = [
  {
    name: 'one after the other',
    async early(server, messages) {
      for (let count = 1; count < WORKERS; count++) await server.take!(messages.slice(0, count), WORKERS);
    },
  },
  { name: 'some at a time', early: (server, messages) => server.take!(messages.slice(0, 3), WORKERS) },
  { name: 'none', early: (server) => server.take!([], WORKERS) },
  { name: 'all', early: (server, messages) => server.take!(messages, WORKERS) },
  {
    name: 'fewer than were expected',
    from: [0, 1, 3],
    early: (server, messages) => server.take!(messages.slice(0, 2), WORKERS),
  },
  {
    name: 'a first one that is out again',
    from: [1, 2, 3, 4],
    early: (server, messages) => server.take!(messages.slice(0, 2), WORKERS - 1),
  },
  {
    name: 'another number, then the right one',
    async early(server, messages) {
      await server.take!(messages.slice(0, 3), WORKERS - 1);
      await server.take!(messages.slice(0, 2), WORKERS);
    },
  },
  {
    name: 'another message of a rank',
    async early(server, messages) {
      await server.take!([messages[0], messages[4]], WORKERS);
      await server.take!(messages.slice(0, 3), WORKERS);
    },
  },
  {
    name: 'damaged ones',
    async early(server, messages) {
      await server.take!(messages.slice(0, 2), WORKERS);
      const flipped = messages[2].slice();
      flipped[flipped.length >> 1] ^= 4;
      for (const bad of [flipped, messages[2].subarray(4), new Uint8Array(64), new Uint8Array(0)]) {
        assert.instance(await failure(server.take!([...messages.slice(0, 2), bad], WORKERS)), PacketError);
      }
      await server.take!(messages.slice(0, 3), WORKERS);
    },
  },
  {
    name: 'an answer that is taken back',
    async early(server, messages) {
      await server.take!(messages.slice(0, 2), WORKERS);
      await server.answer(messages);
      server.takeBack();
      await server.take!(messages.slice(0, 4), WORKERS);
    },
  },
  {
    name: 'a state in the middle',
    async early(server, messages) {
      await server.take!(messages.slice(0, 3), WORKERS);
      await server.load(await server.save());
    },
  },
];

// the server of local steps has all packets together: its sums are one walk
const served = systems.filter(({ system }) => system.server !== undefined && system.takes !== 'model');

const devices = {
  js: async (): Promise<Device> => new Device({ backend: 'js' }, { backend: openJs(), reasons: {} }),
  wasm: () => openDevice({ backend: 'wasm' }),
};

for (const [backend, open] of Object.entries(devices))
  for (const { label, system, momentum } of served)
    test(`${label}, ${backend}: answers are the same`, async () => {
      const device = await open();
      const [crew, other] = [
        crewOf(system, N, WORKERS, device),
        system.server!(device, { n: N, workers: WORKERS }),
      ];
      assert.ok('take' in other);
      const trained = models(N, WORKERS, momentum);
      for (const [step, { name, from = ALL, early }] of happenings.entries()) {
        const given = gradients(N, WORKERS, step);
        const sent: Uint8Array[] = [];
        for (const [rank, worker] of crew.workers.entries())
          sent.push((await worker.send(given[rank], trained[rank])).bytes);
        const used = from.map((rank) => sent[rank]);
        await early(other, from === ALL ? sent : used);
        const [answer, same] = [await crew.server!.answer(used, from), await other.answer(used, from)];
        assert.ok(isSame(same, answer), name);
        for (const worker of crew.workers) await worker.receive([answer], from);
      }
      device.close();
    });

test('NaN in a packet that comes early is refused, and not in the sum', async () => {
  const device = await openDevice({ backend: 'wasm' });
  const { workers, server } = crewOf(pSgd(), N, WORKERS, device);
  const other = pSgd().server!(device, { n: N, workers: WORKERS });
  const given = gradients(N, WORKERS, 0);
  const sent: Uint8Array[] = [];
  for (const [rank, worker] of workers.entries()) sent.push((await worker.send(given[rank])).bytes);
  const { id, n, parameters, body } = readPacket(sent[1]);
  const words = body.slice();
  words[7] = 0x7fc00000;
  const bad = writePacket({ id, n, parameters: [...parameters], sections: [words] });
  assert.instance(await failure(other.take!([sent[0], bad], WORKERS)), PacketError);
  await other.take!(sent.slice(0, 3), WORKERS);
  assert.ok(isSame(await other.answer(sent), await server!.answer(sent)));
  device.close();
});

test('arrays that have other bytes in the next step are added anew', async () => {
  const on = await devices.js();
  const { workers, server } = crewOf(pSgd(), N, WORKERS, on);
  const other = pSgd().server!(on, { n: N, workers: WORKERS });
  const sent: Uint8Array[] = workers.map(() => new Uint8Array(0));
  for (const step of [0, 1]) {
    for (const [rank, worker] of workers.entries()) {
      const { bytes } = await worker.send(gradients(N, WORKERS, step)[rank]);
      if (step === 0) sent[rank] = bytes;
      else sent[rank].set(bytes);
    }
    await other.take!(sent.slice(0, 3), WORKERS);
    const [answer, copies] = [await other.answer(sent), sent.map((bytes) => bytes.slice())];
    assert.ok(isSame(answer, await server!.answer(copies)), `step ${step}`);
    for (const worker of workers) await worker.receive([answer]);
  }
});

test('numbers of messages that cannot be are refused', async () => {
  const server = pSgd().server!(await devices.js(), { n: 4, workers: 2 });
  for (const [count, of] of [
    [0, 0],
    [1, 3],
    [2, 1],
  ]) {
    const messages = Array.from({ length: count }, () => new Uint8Array(4));
    assert.instance(await failure(server.take!(messages, of)), RangeError, `${count} of ${of}`);
  }
});

test.run();
