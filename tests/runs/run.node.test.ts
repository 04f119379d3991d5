/** Whole runs of every system over a network that loses, doubles and delays, in its own time. */
import * as assert from 'uvu/assert';
import { memSgd } from '../../ts/algorithms/baselines/mem-sgd.ts';
import { exDyna } from '../../ts/algorithms/ex-dyna.ts';
import type { System } from '../../ts/algorithms/system.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import type { RunMessage } from '../../ts/runs/wire/head.ts';
import type { Listener, OpenLink } from '../../ts/runs/link.ts';
import { partsOf } from '../../ts/runs/wire/parts.ts';
import { crc32 } from '../../ts/packet/crc32.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { suite } from '../support/suite.ts';
import type { Faults } from './network.ts';
import { play, STEPS, WORKERS } from './play.ts';
import { gradientAt, inOneProcess, memoryStore, modelOf } from './runs.ts';

const test = suite('runs over a network of their own');

const NAMES = ['a', 'b', 'c'];

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

const some: readonly { label: string; system: System; momentum: number }[] = [
  { label: 'with a server', system: memSgd(topK({ ratio: 0.1 })), momentum: 0.9 },
  { label: 'among peers', system: exDyna({ density: 0.1 }), momentum: 0 },
];

/** A system whose workers note what they send and what they are told of it. */
function noted(system: System): {
  readonly system: System;
  readonly sent: number[];
  readonly used: (boolean | undefined)[];
  readonly taken: (boolean | undefined)[];
} {
  const sent: number[] = [];
  const [used, taken]: (boolean | undefined)[][] = [[], []];
  const worker: System['worker'] = (on, seat) => {
    const machine = system.worker(on, seat);
    return {
      ...machine,
      async send(gradient, model) {
        const message = await machine.send(gradient, model);
        sent.push(crc32(message.bytes));
        return message;
      },
      receive(inbox, from, isUsed) {
        used.push(isUsed);
        return machine.receive(inbox, from, isUsed);
      },
      adopt(shared, isTaken) {
        taken.push(isTaken);
        machine.adopt(shared, isTaken);
      },
    };
  };
  return { system: { ...system, worker }, sent, used, taken };
}

for (const [what, late] of [
  ['a message of an earlier life that came before this one is dropped', false],
  ['a message of an earlier life that comes late counts, and the worker is told that its own does not', true],
] as const)
  test(what, async () => {
    const killedIn = 3;
    const { network, checks, serve, join, refusals } = play(memSgd(topK({ ratio: 0.1 })), 0);
    const server = await serve({ steps: 6 });
    let first: Uint8Array | undefined;
    let comes = (): void => {};
    const again = new Promise<void>((resolve) => (comes = resolve));
    network.filter = ({ topic, payload }) => {
      if (topic !== 'fewbits/r/up/c' || server.position.step !== killedIn || first !== undefined) return true;
      first = payload;
      network.clock.after(100, () => {
        c.cut();
        void c.stop();
      });
      network.clock.after(300, comes);
      return !late;
    };
    const b = await join('b');
    const a = await join('a', {
      // keeps the round open until the second life is there
      gradient: async (model, at) => {
        if (at.step === killedIn) await network.sleep(2000);
        return gradientAt(model, at);
      },
    });
    const c = await join('c');
    const spied = noted(memSgd(topK({ ratio: 0.1 })));
    const second = again.then(() =>
      join('c', {
        system: spied.system,
        gradient: (model, at) => {
          if (late && at.step === killedIn) network.publish('fewbits/r/up/c', first as Uint8Array);
          // of another batch, so that its message is another
          return gradientAt(model, { ...at, rank: 7 });
        },
      }),
    );
    await network.run(Promise.all([server.done, a.done, b.done, second.then(({ done }) => done)]));
    const rank = checks.rounds[0].from.find(({ name }) => name === 'c')?.rank ?? -1;
    const counted = checks.rounds
      .filter(({ step }) => step >= killedIn)
      .map(({ from }) => from.find(({ name }) => name === 'c')?.crc);
    // before, it followed the steps that it had missed
    const sent = spied.sent.slice(-3);
    const [missed, used] = [spied.used.slice(0, -3), spied.used.slice(-3)];
    assert.not(missed.includes(true));
    assert.equal(counted.slice(1), sent.slice(1));
    assert.is(counted[0] === sent[0], !late);
    assert.equal(used, [!late, true, true]);
    assert.equal(refusals, late ? [`c: another message of rank ${rank} in step ${killedIn}, round 0`] : []);
    assert.equal((await second).options.model.parameters, checks.model.parameters);
  });

for (const counts of [true, false])
  test(`a worker that has fallen far behind is told that what it sent last ${counts ? 'counted' : 'did not count'}`, async () => {
    const [steps, deafIn] = [80, 3]; // the answers of 64 rounds are kept
    const { network, checks, serve, join } = play(memSgd(topK({ ratio: 0.1 })), 0);
    const server = await serve({ steps });
    let deaf = false;
    const open = network.open();
    const broker: OpenLink = async (will) => {
      const link = await open(will);
      const listen = (listener: Listener): void =>
        link.listen({
          ...listener,
          message: (...delivery) => (deaf ? undefined : listener.message(...delivery)),
        });
      return { ...link, listen };
    };
    network.filter = ({ topic }) => {
      if (topic !== 'fewbits/r/up/c' || server.position.step !== deafIn) return true;
      deaf = true;
      return counts;
    };
    const spied = noted(memSgd(topK({ ratio: 0.1 })));
    const [a, b] = [await join('a'), await join('b')];
    const c = await join('c', { broker, system: spied.system });
    // rounds that take time
    network.faults = { lost: 0, doubled: 0, delay: 30 };
    const hears = (async () => {
      while (server.position.step < steps - 10) await network.sleep(100);
      deaf = false;
    })();
    await network.run(Promise.all([server.done, hears, a.done, b.done, c.done]));
    assert.equal(spied.taken, [counts]);
    const names = checks.rounds.map(({ from }) => from.map(({ name }) => name).join(''));
    assert.is(names[deafIn].includes('c'), counts);
    assert.not(names[deafIn + 1].includes('c'));
    assert.ok(names[steps - 1].includes('c'));
    assert.equal(c.options.model.parameters, checks.model.parameters);
  });

for (const { label, system, momentum } of some)
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

for (const { label, system, momentum } of some) {
  test(`${label}: a worker that is killed, and comes back under its name`, async () => {
    const { network, checks, serve, join } = play(system, momentum);
    const server = await serve({ steps: 30 });
    const [a, b] = [await join('a'), await join('b')];
    const c = await join('c', {
      gradient: async (model, at) => {
        if (at.step === 4) {
          c.cut();
          void c.stop();
        }
        return gradientAt(model, at);
      },
    });
    const back = network.sleep(200).then(() => join('c', { gradient: gradientAt }));
    void network.sleep(0);
    // slow gradients, so that there is time to come back
    network.faults = { lost: 0, doubled: 0, delay: 30 };
    await network.run(Promise.all([server.done, a.done, b.done, back.then(({ done }) => done)]));
    const { options, position } = await back;
    assert.is(position.chain, server.position.chain);
    assert.equal(options.model.parameters, checks.model.parameters);
    assert.equal(a.options.model.parameters, checks.model.parameters);
    const names = checks.rounds
      .filter(({ last }) => last)
      .map(({ from }) => from.map(({ name }) => name).join(''));
    assert.ok(names.includes('ab'), 'rounds without it');
    assert.is(names[29], 'abc', 'and with it again');
    assert.equal(
      checks.rounds
        .filter(({ duration }) => duration >= 5000)
        .map(({ step, round, duration, from }) => [step, round, duration, from.length]),
      [],
    );
  });

  test(`${label}: a worker that joins late loads the state`, async () => {
    const { network, checks, serve, join } = play(system, momentum);
    const server = await serve({ steps: 30, start: 2 });
    network.faults = { lost: 0, doubled: 0, delay: 30 };
    const [a, b] = [await join('a'), await join('b')];
    const late = network.sleep(500).then(() => join('c'));
    await network.run(Promise.all([server.done, a.done, b.done, late.then(({ done }) => done)]));
    const { options } = await late;
    assert.equal(options.model.parameters, checks.model.parameters);
    const counts = checks.rounds.map(({ from }) => from.length);
    assert.is(counts[0], 2);
    assert.is(counts[counts.length - 1], 3);
  });

  test(`${label}: one that is slower than the deadline holds nobody up for long, and follows`, async () => {
    const { network, checks, serve, join } = play(system, momentum);
    const server = await serve({ start: 2 });
    const [a, b] = [await join('a'), await join('b')];
    let computed = 0;
    const slow = await join('c', {
      gradient: async (model, at) => {
        computed++;
        await network.sleep(at.step < 6 ? 7000 : 1);
        return gradientAt(model, at);
      },
    });
    await network.run(Promise.all([server.done, a.done, b.done, slow.done]));
    assert.ok(computed >= 1);
    assert.equal(slow.options.model.parameters, checks.model.parameters);
    const waited = checks.rounds.filter(({ duration }) => duration >= 5000);
    assert.is(waited.length, 2, 'in two steps, then it was not waited for');
    assert.ok(checks.rounds.some(({ stragglers }) => stragglers.join() === 'c'));
  });

  test(`${label}: garbage and another run's packets are refused and named`, async () => {
    const { network, checks, serve, join, refusals } = play(system, momentum);
    const server = await serve({ steps: 30 });
    network.faults = { lost: 0, doubled: 0, delay: 10 };
    const notes: string[] = [];
    const workers = [
      await join('a', { onNote: (text) => notes.push(text) }),
      await join('b'),
      await join('c'),
    ];
    const up = label === 'among peers' ? 'fewbits/r/peer/' : 'fewbits/r/up/';
    let last: Uint8Array | undefined;
    network.filter = ({ topic, payload }) => {
      if (topic === `${up}a`) last ??= payload.slice();
      return true;
    };
    const spoil = network.sleep(100).then(() => {
      const { step, round, chain } = server.position;
      const route = label === 'among peers' ? 'gather' : 'server';
      const rank = server.members.find(({ name }) => name === 'a')?.rank ?? -1;
      const head = { kind: route, rank, run: 12345, step, round, chain } as const;
      const say = (topic: string, message: RunMessage): void =>
        network.publish(topic, partsOf(message, 4000)[0]);
      network.publish(
        `${up}a`,
        new TextEncoder().encode('what is this that I am sending to you, my dear server?'),
      );
      network.publish(`${up}a`, new Uint8Array(3));
      say(`${up}b`, { ...head, bytes: new Uint8Array(40) });
      say(`${up}nobody`, { ...head, bytes: new Uint8Array(40) });
      if (last !== undefined) network.publish(`${up}b`, last);
    });
    await network.run(Promise.all([server.done, spoil, ...workers.map(({ done }) => done)]));
    for (const expected of [
      'a: version 119 of the head, expected 1',
      'a: 3 bytes, fewer than a head has',
      'b: a message of another run',
      'nobody: a message of another run',
    ])
      assert.ok(refusals.includes(expected), `${expected}: ${refusals.join('; ')}`);
    assert.ok(refusals.some((one) => /^b: a message of rank \d, whose seat is \d$/.test(one)));
    assert.ok(notes.includes('version 119 of the head, expected 1'));
    for (const { options } of workers) assert.equal(options.model.parameters, checks.model.parameters);
    assert.ok(
      checks.rounds.every(({ from }) => from.length === 3),
      'all rounds are whole',
    );
  });

  test(`${label}: well wrapped messages that are no packets are refused when they count`, async () => {
    const { network, checks, serve, join, refusals } = play(system, momentum);
    const server = await serve();
    // what b sends in step 3 is replaced by bytes that are no packet, in a sound message
    let replaced = 0;
    const workers = [await join('a'), await join('b'), await join('c')];
    const route = label === 'among peers' ? 'gather' : 'server';
    const topic = label === 'among peers' ? 'fewbits/r/peer/b' : 'fewbits/r/up/b';
    const { readHead } = await import('../../ts/runs/wire/head.ts');
    network.filter = (delivery) => {
      const head = delivery.topic === topic ? readHead(delivery.payload) : '';
      if (typeof head === 'string' || head.step !== 3 || head.kind !== route || replaced > 0) return true;
      replaced++;
      const spoiled = partsOf({ ...head, bytes: new Uint8Array(64).fill(7) }, 4000)[0];
      network.publish(topic, spoiled);
      return false;
    };
    await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    assert.is(replaced, 1);
    assert.is(refusals.filter((one) => one.startsWith('b: ')).length, 1, refusals.join('; '));
    for (const { options } of workers) assert.equal(options.model.parameters, checks.model.parameters);
  });

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

test('one who finds no seat gets the next that is free', async () => {
  const { network, serve, join } = play(some[0].system, 0);
  const notes: string[] = [];
  const server = await serve({ steps: 40 });
  network.faults = { lost: 0, doubled: 0, delay: 20 };
  const workers = [await join('a'), await join('b'), await join('c')];
  await network.run(network.sleep(100));
  const d = await join('d', { onNote: (text) => notes.push(text) });
  const rank = server.members.find(({ name }) => name === 'b')?.rank;
  const leave = network.sleep(300).then(() => workers[1].stop());
  await network.run(Promise.all([server.done, leave, workers[0].done, workers[2].done, d.done]));
  assert.match(notes[0], /all 3 seats are taken/);
  assert.is(server.members.find(({ name }) => name === 'd')?.rank, rank);
  assert.ok((await d.done).steps > 3);
});

test('two workers of one name: the later one goes on, the other is told', async () => {
  const { network, serve, join } = play(some[0].system, 0);
  const server = await serve({ steps: 12 });
  network.faults = { lost: 0, doubled: 0, delay: 20 };
  const [a, b, c] = [await join('a'), await join('b'), await join('c')];
  const other = network.sleep(150).then(() => join('c'));
  let told = '';
  c.done.catch((error: Error) => (told = error.message));
  await network.run(Promise.all([server.done, a.done, b.done, other.then(({ done }) => done)]));
  assert.match(told, /another worker has taken the name c/);
});

test('a worker of another system is told, and so is one of another size', async () => {
  const { network, serve, join } = play(some[0].system, 0);
  const server = await serve();
  const wrong = await join('x', { system: some[1].system });
  await network.run(wrong.done).then(
    () => assert.unreachable('it took part'),
    (error: Error) => assert.match(error.message, /trains 700 numbers by memSgd, this worker 700 by exDyna/),
  );
  void server;
});

test('options are checked before anything is opened', async () => {
  const { serve } = play(some[0].system, 0);
  for (const [more, words] of [
    [{ run: 'a/b' }, /"run" expected 1 to 64/],
    [{ workers: 0 }, /"workers" expected an integer in 1/],
    [{ quorum: 4 }, /"quorum" expected an integer in 1..3/],
    [{ deadline: 0 }, /"deadline" expected a number above 0/],
    [{ steps: 0 }, /"steps"/],
  ] as const)
    await serve(more).then(
      () => assert.unreachable(JSON.stringify(more)),
      (error: Error) => assert.match(error.message, words),
    );
});

test.run();
