/** Runs over real brokers: the numbers of one process, in parts, described, split, within the limit of the broker. */
import * as assert from 'uvu/assert';
import { splitLearning } from '../../ts/algorithms/split-learning.ts';
import { maskEncoded } from '../../ts/compressors/mask-encoded.ts';
import { mqttBroker } from '../../ts/mqtt/connection.ts';
import { describeRun } from '../../ts/runs/describe.ts';
import { joinSplit } from '../../ts/runs/split/client.ts';
import { serveSplit } from '../../ts/runs/split/server.ts';
import { device } from '../reference/algorithms/play.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { NAMES, WORKERS } from '../runs/play.ts';
import { inOneProcess, memoryStore, modelOf, tested } from '../runs/runs.ts';
import { input } from '../support/inputs.ts';
import { sleep } from './brokers.ts';
import { overBrokers } from './over-brokers.ts';

overBrokers('runs', (test, kind) => {
  for (const { label, system, momentum } of systems)
    test(`${label}: the numbers of one process`, async ({ play }) => {
      const { serve, join, models, refusals } = play({ system, momentum });
      const server = await serve();
      // one after the other, so that ranks are known
      const workers = [];
      for (const name of NAMES) {
        workers.push(await join(name));
        while (!server.members.some((member) => member.name === name)) await sleep(5);
      }
      await Promise.all([server.done, ...workers.map(({ done }) => done)]);
      const expected = await inOneProcess(system, WORKERS, 12, momentum);
      NAMES.forEach((name, rank) => assert.equal(models.get(name)?.parameters, expected[rank].parameters));
      assert.equal(refusals, []);
    });

  test('parts below the limit that a client asks for, put together again', async ({ broker, play }) => {
    const { serve, join, checks, models } = play(tested['with a server']);
    const small = mqttBroker({ url: broker.url, packetBytes: 1024, inFlight: 3 });
    const server = await serve({ broker: small });
    const workers = [];
    for (const name of NAMES) workers.push(await join(name, { broker: small }));
    await Promise.all([server.done, ...workers.map(({ done }) => done)]);
    for (const model of models.values()) assert.equal(model.parameters, checks.model.parameters);
  });

  test('what a run is can be asked for, and states go to a store', async ({ broker, play }) => {
    const { run, serve, join } = play(tested['with a server'], false);
    const store = memoryStore();
    const server = await serve({ about: { task: 'x' }, store, saveEvery: 5 });
    const described = await describeRun(mqttBroker({ url: broker.url }), run);
    assert.equal(described.about, { task: 'x' });
    assert.equal([described.system, described.workers, described.ended], ['memSgd', 3, false]);
    const workers = [];
    for (const name of NAMES) workers.push(await join(name));
    await Promise.all([server.done, ...workers.map(({ done }) => done)]);
    // the start, steps 5 and 10, and the end
    assert.is(store.writes.length, 4);
  });

  test('split learning: features up, their gradient down', async ({ broker }) => {
    const system = splitLearning({ up: maskEncoded({ ratio: 0.1, bits: 2 }) }, 'MS');
    const model = modelOf(0, 300);
    const common = { broker: mqttBroker({ url: broker.url }), run: 'split', device, system };
    const server = await serveSplit({
      ...common,
      model,
      clients: 2,
      batches: 10,
      finish: async (_, { features, note }) => ({
        atCut: features.map((value) => value + note[0]),
        gradient: features,
      }),
    });
    const client = await joinSplit({ ...common, name: 'a' });
    const [one, other] = [system.client(device), system.server(device)];
    for (let step = 0; step < 10; step++) {
      const features = input('normal', 300, step + 1).map(Math.abs);
      const got = await client.exchange(features, new Uint8Array([step]));
      const seen = await other.receive(await one.send(features));
      assert.equal(
        got,
        seen.map((value) => value + step),
      );
    }
    assert.is(await client.exchange(new Float32Array(300)), undefined, 'the run has ended');
    await client.stop();
    await server.done;
  });

  if (kind === 'Mosquitto')
    test(
      'the limit that the broker says in its CONNACK',
      async ({ broker, play }) => {
        const link = await mqttBroker({ url: broker.url })('fewbits/x/here/x');
        assert.is(link.room('a'.repeat(10)), 2000 - 10 - 10);
        await link.close();
        const { serve, join, checks, models } = play(tested['with a server']);
        const server = await serve();
        const workers = [];
        for (const name of NAMES) workers.push(await join(name));
        await Promise.all([server.done, ...workers.map(({ done }) => done)]);
        for (const model of models.values()) assert.equal(model.parameters, checks.model.parameters);
      },
      ['max_packet_size 2000'],
    );
});
