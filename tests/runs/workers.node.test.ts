/** Workers that come late, fall behind, are killed and come back, and the seats that they take. */
import * as assert from 'uvu/assert';
import { memSgd } from '../../ts/algorithms/baselines/mem-sgd.ts';
import type { System } from '../../ts/algorithms/system.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { crc32 } from '../../ts/packet/crc32.ts';
import type { Listener, OpenLink } from '../../ts/runs/link.ts';
import { suite } from '../support/suite.ts';
import { play } from './play.ts';
import { gradientAt, tested } from './runs.ts';

const test = suite('workers of a run, coming and going');

/** A system whose workers note what they send and what they are told of it. */
function noted(system: System): {
  readonly system: System;
  readonly sent: number[];
  readonly used: (boolean | undefined)[];
  readonly taken: (boolean | undefined)[];
} {
  const sent: number[] = [];
  const [used, taken]: (boolean | undefined)[][] = [[], []];
  const worker: System['worker'] = (on, seat, into) => {
    const machine = system.worker(on, seat, into);
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

for (const [label, { system, momentum }] of Object.entries(tested)) {
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
}

test('one who finds no seat gets the next that is free', async () => {
  const { network, serve, join } = play(tested['with a server'].system, 0);
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
  const { network, serve, join } = play(tested['with a server'].system, 0);
  const server = await serve({ steps: 12 });
  network.faults = { lost: 0, doubled: 0, delay: 20 };
  const [a, b, c] = [await join('a'), await join('b'), await join('c')];
  const other = network.sleep(150).then(() => join('c'));
  let told = '';
  c.done.catch((error: Error) => (told = error.message));
  await network.run(Promise.all([server.done, a.done, b.done, other.then(({ done }) => done)]));
  assert.match(told, /another worker has taken the name c/);
});

test.run();
