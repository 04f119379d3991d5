/** Federated ends on different backends: the same messages and models, and contributions that lie on the device. */
import * as assert from 'uvu/assert';
import type { Client } from '../../ts/federated/index.ts';
import { flattenedOneBit, qsgd, randomK, topK, type Device } from '../../ts/index.ts';
import { deviceOn } from '../support/gpu.ts';
import { suite } from '../support/suite.ts';
import { blocks, N, openClient, openServer, trained } from './party.ts';

const test = suite('federated rounds over mixed backends');

const devices: Device[] = [];

test.before(async () => {
  for (const backend of ['js', 'wasm', 'webgpu'] as const) devices.push(await deviceOn(backend));
});

test.after(() => devices.forEach((device) => device.close()));

const pairs = [
  ['blocks', blocks, blocks],
  [
    'flattened signs, drawn elements',
    flattenedOneBit({ seed: 3, block: 256 }),
    randomK({ ratio: 0.1, seed: 2 }),
  ],
  ['kept values of two bits, levels', topK({ ratio: 0.05, values: 'levels' }), qsgd({ levels: 7, seed: 2 })],
] as const;

for (const [label, up, down] of pairs)
  test(`${label}: messages, models and states are the same bits everywhere`, async () => {
    const servers = devices.map((device) => openServer({ up, down, momentum: 0.9 }, device));
    const crews = devices.map((device) => ['a', 'b', 'c'].map((id) => openClient(id, { up, down }, device)));
    const places = devices.map((device) => device.vector(N));
    for (const [d, to] of servers.entries())
      for (const member of crews[d]) await member.start(await to.join(member.id, member.hello()));
    for (let round = 0; round < 4; round++) {
      const sent: Uint8Array[][] = [];
      for (const [d, crew] of crews.entries()) {
        const own: Uint8Array[] = [];
        for (const member of crew) {
          // from memory, and from the device
          const local = trained(member, round);
          if (member.id === 'b') await places[d].write(local);
          own.push(await member.update(member.id === 'b' ? places[d] : local, { weight: round + 1 }));
        }
        sent.push(own);
      }
      for (const other of sent.slice(1)) assert.equal(other, sent[0], `round ${round}`);
      const answers: Uint8Array[] = [];
      for (const [d, to] of servers.entries()) {
        // from clients on other devices
        for (const [i, { id }] of crews[d].entries()) await to.take(id, sent[(d + i) % sent.length][i]);
        answers.push(await to.close(round === 2 ? { from: ['a', 'c'] } : {}));
      }
      for (const other of answers.slice(1)) assert.equal(other, answers[0], `round ${round}`);
      const states = async (ends: readonly Pick<Client, 'save'>[]): Promise<Uint8Array[]> => {
        const all: Uint8Array[] = [];
        for (const end of ends) all.push(await end.save());
        return all;
      };
      for (const [d, crew] of crews.entries())
        for (const member of crew) {
          await member.apply(answers[(d + 1) % answers.length]);
          assert.equal(member.model, servers[0].model);
        }
      const first = await states([...crews[0], servers[0]]);
      for (const [d, crew] of crews.entries()) assert.equal(await states([...crew, servers[d]]), first);
    }
    for (const end of [...servers, ...crews.flat(), ...places]) end.free();
    assert.equal(
      devices.map(({ vectors }) => vectors),
      devices.map(() => 0),
    );
  });

test.run();
