/** Runs whose seats follow the workers: who comes, who leaves, who comes back with what it kept and who has lost it. */
import * as assert from 'uvu/assert';
import {
  cltK,
  diLoCo,
  localTrainer,
  liecSgd,
  sparseLoCo,
  type OnDevice,
  type System,
} from '../../ts/algorithms/index.ts';
import { blockTopK, scaledSign } from '../../ts/index.ts';
import type { At, JoinOptions } from '../../ts/runs/join-options.ts';
import type { Listener, OpenLink } from '../../ts/runs/link.ts';
import { some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { SOUND } from './network.ts';
import { play, type Played } from './play.ts';
import { gradientAt, memoryStore, tested } from './runs.ts';

const test = suite('runs whose workers come and go');

const compressor = blockTopK({ block: 128, k: 12 });
const systems: Readonly<Record<string, { readonly system: System; readonly momentum: number }>> = {
  ...tested,
  'local steps among peers': { system: sparseLoCo({ compressor, momentum: 0.5 }), momentum: 0 },
  'local steps with a server': { system: sparseLoCo({ compressor, server: scaledSign() }), momentum: 0 },
  'one who selects for all': { system: cltK({ ratio: 0.05 }), momentum: 0.9 },
  'models that are averaged': {
    system: liecSgd({ compressor: scaledSign(), averagePeriod: 4 }),
    momentum: 0.9,
  },
};

/** Rounds that take time, so that there is some to come and go in. */
const SLOW = { lost: 0, doubled: 0, delay: 30 };
const BAD = { lost: 0.03, doubled: 0.05, delay: 30 };

/** A link that can be broken and mended, as that of a process which lives on. */
function breakable(
  { network }: Played,
  name: string,
): { readonly broker: OpenLink; break(this: void): void; mend(this: void): void } {
  let listener: Listener | undefined;
  let isBroken = false;
  const open = network.open();
  return {
    async broker(will) {
      const link = await open(will);
      return {
        ...link,
        publish: async (...message) => (isBroken ? undefined : link.publish(...message)),
        subscribe: async (filters) => (isBroken ? undefined : link.subscribe(filters)),
        listen: (given) => {
          listener = given;
          link.listen({ ...given, message: (...one) => (isBroken ? undefined : given.message(...one)) });
        },
      };
    },
    break() {
      isBroken = true;
      network.publish(`fewbits/r/here/${name}`, new Uint8Array(0), true);
      listener?.down?.();
    },
    mend() {
      isBroken = false;
      listener?.up();
    },
  };
}

/** A system that notes the machines which are made for a worker, and the seats that these are given. */
function noted(system: System): {
  readonly system: System;
  readonly machines: OnDevice[];
  readonly ranks: number[];
} {
  const machines: OnDevice[] = [];
  const ranks: number[] = [];
  const worker = ((...args: Parameters<System['worker']>) => {
    const machine = system.worker(...args);
    // a worker tries its system alone before it joins
    if (args[1].workers === 1) return machine;
    machines.push(machine);
    ranks.push(args[1].rank);
    const reseat = machine.reseat?.bind(machine);
    return Object.assign(machine, {
      reseat(place: { workers: number; rank: number }) {
        ranks.push(place.rank);
        reseat?.(place);
      },
    });
  }) as System['worker'];
  return { system: { ...system, worker }, machines, ranks };
}

for (const [label, { system, momentum }] of some(Object.entries(systems)))
  for (const [how, faults] of [
    ['', SLOW],
    [', over a bad network', BAD],
  ] as const)
    test(`${label}${how}: seats follow the workers, and models are equal`, async () => {
      const played = play(system, momentum);
      const { network, checks, serve, join } = played;
      const server = await serve({
        workers: { least: 2, most: 5 },
        steps: 110,
        deadline: 400,
        heartbeat: 200,
      });
      network.faults = faults;
      const a = await join('a');
      const b = await join('b');
      const spied = noted(system);
      const link = breakable(played, 'd');
      const happens = (async () => {
        await network.sleep(600);
        const c = await join('c');
        const d = await join('d', { system: spied.system, broker: link.broker });
        const e = await join('e');
        await network.sleep(1000);
        const all = server.members.length;
        c.cut();
        void c.stop();
        link.break();
        await network.sleep(900);
        const few = server.members.length;
        link.mend();
        await network.sleep(300);
        const back = await join('c');
        return { d, e, back, all, few };
      })();
      await network.run(Promise.all([server.done, happens, a.done, b.done]));
      const { d, e, back, all, few } = await happens;
      await network.run(Promise.all([d.done, e.done, back.done]));
      // where presence is lost on the way it takes longer
      if (faults === SLOW) assert.equal([all, few], [5, 3]);
      const seats = checks.rounds.map((round) => round.seats);
      assert.is(seats[0], 2, 'the least at first');
      assert.ok(seats.includes(5) && (faults === BAD || seats.includes(3)), seats.join());
      assert.is(Math.max(...seats), 5);
      for (const { from, seats: most } of checks.rounds)
        assert.ok(from.length <= most && from.every(({ rank }) => rank < most));
      const last = checks.rounds.slice(-20).flatMap(({ from }) => from.map(({ name }) => name));
      assert.equal([...new Set(last)].toSorted(), ['a', 'b', 'c', 'd', 'e']);
      // one process, one machine, so that what it keeps goes on
      assert.is(spied.machines.length, 1);
      assert.ok(spied.ranks.length > 1, spied.ranks.join());
      for (const { options, position } of [a, b, d, e, back]) {
        assert.is(position.chain, server.position.chain);
        if (system.averagesModels !== true) assert.equal(options.model.parameters, checks.model.parameters);
      }
    });

test('with fewer than the least nothing goes on, and with the most nobody else is let in', async () => {
  const { system, momentum } = tested['with a server'];
  const { network, checks, serve, join } = play(system, momentum);
  const notes: string[] = [];
  const server = await serve({ workers: { least: 2, most: 3 }, steps: 40, deadline: 300 });
  network.faults = SLOW;
  const a = await join('a');
  await network.run(network.sleep(2000));
  assert.is(server.position.step, 0);
  const onNote = (text: string): void => void notes.push(text);
  const others = [await join('b', { onNote }), await join('c', { onNote })];
  await network.run(network.sleep(200));
  others.push(await join('d', { onNote }));
  const leaves = network.sleep(400).then(() => others[0].stop());
  await network.run(Promise.all([server.done, leaves, ...[a, others[1], others[2]].map(({ done }) => done)]));
  assert.ok(
    notes.some((note) => /all 2 seats are taken; you get one when this step ends/.test(note)),
    notes.join(),
  );
  assert.ok(
    notes.some((note) => /all 3 seats are taken; you get the next one that is free/.test(note)),
    notes.join(),
  );
  const sizes = checks.rounds.map(({ from }) => from.length);
  assert.ok(Math.min(...sizes) >= 2 && Math.max(...sizes) === 3, sizes.join());
  for (const { options } of [a, others[1], others[2]])
    assert.equal(options.model.parameters, checks.model.parameters);
});

test('means are over those who remain, by their weights', async () => {
  const system = diLoCo({ momentum: 0, rate: 1 });
  const { network, checks, serve, join } = play(system, 0);
  const ends: Record<string, number> = { a: 1, b: 5, c: 100 };
  const weights: Record<string, number> = { a: 1, b: 3, c: 4 };
  const server = await serve({ workers: { least: 2 }, start: 3, mostWeight: 4, steps: 30, deadline: 300 });
  network.faults = SLOW;
  const of = (name: string): Partial<JoinOptions> => ({
    gradient: ({ parameters }) => parameters.map(() => ends[name]),
    weight: weights[name],
  });
  const workers = [await join('a', of('a')), await join('b', of('b')), await join('c', of('c'))];
  const means: number[] = [];
  const leaves = network.sleep(400).then(() => workers[2].stop());
  workers[0].done.catch(() => {});
  const seen = network.sleep(300).then(() => means.push(workers[0].options.model.parameters[0]));
  await network.run(Promise.all([server.done, leaves, seen, workers[0].done, workers[1].done]));
  assert.is(means[0], (1 + 5 * 3 + 100 * 4) / 8);
  assert.is(checks.model.parameters[0], (1 + 5 * 3) / 4);
  assert.is(checks.rounds[checks.rounds.length - 1].seats, 2);
});

test('fragments, whose local models go on: workers come and go, and models are equal', async () => {
  const system = sparseLoCo({ compressor, fragments: 3, momentum: 0.5 });
  const { network, checks, serve, join, refusals } = play(system, 0.9);
  const server = await serve({ workers: { least: 2, most: 4 }, steps: 40, deadline: 300, checkEvery: 1 });
  network.faults = SLOW;
  const of = (): Partial<JoinOptions> => {
    let at: At;
    const train = localTrainer({
      fragments: 3,
      delay: 1,
      gradient: (local, step) => gradientAt(local, { ...at, step }),
    });
    return {
      gradient(model, given) {
        at = given;
        return train(model, 2, given.step);
      },
    };
  };
  const [a, b] = [await join('a', of()), await join('b', of())];
  const happens = (async () => {
    await network.sleep(400);
    const c = await join('c', of());
    await network.sleep(400);
    await b.stop();
    return c;
  })();
  await network.run(Promise.all([server.done, happens, a.done]));
  const c = await happens;
  await network.run(c.done);
  assert.equal(refusals, []);
  assert.ok(checks.rounds.some(({ seats }) => seats === 3));
  for (const { options } of [a, c]) assert.equal(options.model.parameters, checks.model.parameters);
});

test('a server that starts again goes on with the seats that there were, and with another range', async () => {
  const { system, momentum } = tested['among peers'];
  const { network, serve, join } = play(system, momentum);
  const store = memoryStore();
  const onRound = (): void => {};
  const first = await serve({ workers: { least: 1, most: 4 }, store, steps: 50, deadline: 300, onRound });
  network.faults = SLOW;
  const workers = [await join('a'), await join('b'), await join('c')];
  const happens = (async () => {
    await network.sleep(500);
    await first.stop();
    const second = await serve({ workers: { least: 2, most: 9 }, store, steps: 50, deadline: 300, onRound });
    const began = second.members.length;
    await network.sleep(300);
    const late = await join('d');
    await second.done;
    return { second, late, began };
  })();
  await network.run(Promise.all([happens, ...workers.map(({ done }) => done)]));
  const { second, late, began } = await happens;
  assert.is(began, 3);
  for (const { options, position } of [...workers, late]) {
    assert.is(position.chain, second.position.chain);
    assert.equal(options.model.parameters, workers[0].options.model.parameters);
  }
});

test('a system that keeps its number of workers is refused where they come and go', async () => {
  const { system } = tested['with a server'];
  const { serve, network } = play(system, 0);
  network.faults = SOUND;
  const fixed: System = {
    ...system,
    worker: ((...args: Parameters<System['worker']>) =>
      Object.assign(system.worker(...args), { reseat: undefined })) as System['worker'],
  };
  const refused = await serve({ system: fixed, workers: { least: 1, most: 2 } }).catch(
    (error: Error) => error,
  );
  assert.ok(refused instanceof TypeError && /cannot go on with another/.test(refused.message));
  for (const workers of [{ least: 0 }, { least: 3, most: 2 }, { most: 2 }, { least: 1, most: 65_535 }])
    assert.ok(
      (await serve({ workers: workers as { least: number } }).catch((error: Error) => error)) instanceof
        Error,
    );
});

test.run();
