/** Whole runs of every system over a network that loses, doubles and delays, in its own time; restarts in mid run. */
import * as assert from 'uvu/assert';
import { systems } from '../reference/algorithms/systems.ts';
import { suite } from '../support/suite.ts';
import type { Faults } from './network.ts';
import { NAMES, play, STEPS, WORKERS } from './play.ts';
import { inOneProcess, memoryStore, modelOf, tested } from './runs.ts';

const test = suite('runs over a network of their own');

for (const { label, system, momentum } of systems) {
  const drifts = /liecSgd|cser/.test(label);

  test(`${label}: the same numbers as in one process`, async () => {
    const { network, checks, serve, join, refusals } = play(system, momentum);
    const server = await serve();
    const workers = [];
    for (const name of NAMES) workers.push(await join(name));
    const ends = await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    assert.equal(
      ends.slice(1),
      NAMES.map(() => ({ steps: STEPS })),
    );
    assert.equal(refusals, []);
    const expected = await inOneProcess(system, WORKERS, STEPS, momentum);
    workers.forEach(({ options }, rank) => assert.equal(options.model.parameters, expected[rank].parameters));
    if (!drifts) assert.equal(checks.model.parameters, expected[0].parameters);
  });

  for (const [what, faults] of [
    ['lost', { lost: 0.1, doubled: 0, delay: 20 }],
    ['doubled and out of order', { lost: 0, doubled: 0.4, delay: 400 }],
    ['lost, doubled and out of order', { lost: 0.15, doubled: 0.2, delay: 200 }],
  ] as readonly [string, Faults][])
    test(`${label}: messages ${what}`, async () => {
      const { network, checks, serve, join, refusals } = play(system, momentum, label.length);
      const server = await serve();
      network.faults = faults;
      network.packetBytes = 1100;
      const workers = [];
      for (const name of NAMES) workers.push(await join(name));
      await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
      assert.equal(refusals, []);
      assert.is(checks.rounds[checks.rounds.length - 1].step, STEPS - 1);
      // whoever has heard the end has the server's history, and where models do not drift its model
      const heard = workers.filter(({ position }) => position.chain === server.position.chain);
      assert.ok(faults.lost > 0 || heard.length === WORKERS, `${heard.length} have heard the end`);
      if (!drifts)
        for (const { options } of heard) assert.equal(options.model.parameters, checks.model.parameters);
    });
}

for (const [label, { system, momentum }] of Object.entries(tested))
  test(`${label}: the answer of the last round, lost to all, is asked for again`, async () => {
    const { network, checks, serve, join } = play(system, momentum);
    const server = await serve();
    let lost = 0;
    network.filter = ({ topic }) =>
      !(topic === 'fewbits/r/down' && server.position.step === STEPS && lost++ < WORKERS);
    const workers = [];
    for (const name of NAMES) workers.push(await join(name));
    const ends = await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    assert.ok(lost >= WORKERS);
    assert.equal(
      ends.slice(1),
      NAMES.map(() => ({ steps: STEPS })),
    );
    for (const { options, position } of workers) {
      assert.equal(position, server.position);
      assert.equal(options.model.parameters, checks.model.parameters);
    }
  });

for (const [label, { system, momentum }] of Object.entries(tested)) {
  test(`${label}: the broker restarts in mid round and has forgotten everything`, async () => {
    const { network, checks, serve, join } = play(system, momentum);
    const server = await serve({ steps: 20 });
    network.faults = { lost: 0, doubled: 0, delay: 40 };
    const workers = [await join('a'), await join('b'), await join('c')];
    const restart = network.sleep(300).then(() => network.restart(2500));
    await network.run(Promise.all([server.done, restart, ...workers.map(({ done }) => done)]));
    for (const { options } of workers) assert.equal(options.model.parameters, checks.model.parameters);
    const expected = await inOneProcess(system, WORKERS, 20, momentum);
    assert.equal(checks.model.parameters, expected[0].parameters, 'nobody was missing from any round');
  });

  for (const saveEvery of [1, 4])
    test(`${label}: the server restarts from the state of every ${saveEvery} steps`, async () => {
      const { network, checks, serve, join } = play(system, momentum);
      const store = memoryStore();
      let cut = (): void => {};
      const first = await serve({
        steps: 20,
        store,
        saveEvery,
        broker: network.open((given) => (cut = given)),
        onRound: (round) => {
          if (round.step === 10 && round.last) cut();
        },
      });
      void first;
      network.faults = { lost: 0, doubled: 0, delay: 10 };
      const workers = [await join('a'), await join('b'), await join('c')];
      await network.run(network.sleep(4000));
      // it was cut off when it had closed step 10, and knows it
      const { step } = first.position;
      assert.is(step, 11);
      const model = modelOf(momentum);
      const second = await serve({ steps: 20, store, saveEvery, model, onRound: () => {} });
      assert.is(second.position.step, saveEvery === 1 ? 11 : 8);
      await network.run(Promise.all([second.done, ...workers.map(({ done }) => done)]));
      for (const { options, position } of workers) {
        assert.is(position.chain, second.position.chain);
        assert.equal(options.model.parameters, model.parameters);
      }
      // with the state of each step nothing is undone: the numbers are those of a run without a restart
      const expected = await inOneProcess(system, WORKERS, 20, momentum);
      if (saveEvery === 1) assert.equal(model.parameters, expected[0].parameters);
      assert.is(checks.rounds.length, 0);
    });

  test(`${label}: stop and go on later, by the same name or others`, async () => {
    const { network, serve, join } = play(system, momentum);
    const store = memoryStore();
    const server = await serve({
      steps: 20,
      store,
      onRound: ({ step }) => (step === 7 ? stop() : undefined),
    });
    const stop = (): void => void server.stop();
    network.faults = { lost: 0, doubled: 0, delay: 10 };
    const workers = [await join('a'), await join('b'), await join('c')];
    await network.run(server.done);
    await network.run(workers[0].stop());
    const model = modelOf(momentum);
    const second = await serve({ steps: 20, store, model, onRound: () => {} });
    const d = await join('d');
    await network.run(Promise.all([second.done, d.done, workers[1].done, workers[2].done]));
    assert.is(second.position.step, 20);
    for (const { options } of [d, workers[1], workers[2]])
      assert.equal(options.model.parameters, model.parameters);
  });
}

test.run();
