/**
 * Workers that are not as the run is: steps they leave out, settings and models that differ, waits, and servers that
 * stop.
 */
import * as assert from 'uvu/assert';
import { memSgd } from '../../ts/algorithms/baselines/mem-sgd.ts';
import { pSgd } from '../../ts/algorithms/baselines/p-sgd.ts';
import { exDyna } from '../../ts/algorithms/ex-dyna.ts';
import { liecSgd } from '../../ts/algorithms/liec-sgd.ts';
import type { Model, System } from '../../ts/algorithms/system.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import type { Listener } from '../../ts/runs/link.ts';
import type { ClosedRound, RunServer, ServeOptions } from '../../ts/runs/serve-options.ts';
import { serveRun } from '../../ts/runs/serve.ts';
import { SettingsError } from '../../ts/runs/settings.ts';
import type { JoinOptions, RunWorker } from '../../ts/runs/join-options.ts';
import { joinRun } from '../../ts/runs/worker.ts';
import { device } from '../reference/algorithms/play.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { suite } from '../support/suite.ts';
import { Network } from './network.ts';
import { gradientAt, memoryStore, modelOf } from './runs.ts';

const test = suite('workers that are not as the run is');

const DEADLINE = 5000;

interface Played {
  readonly network: Network;
  readonly rounds: ClosedRound[];
  readonly refusals: string[];
  readonly notes: string[];
  readonly model: Model;
  serve(this: void, more?: Partial<ServeOptions>): Promise<RunServer>;
  join(this: void, name: string, more?: Partial<JoinOptions>): Promise<RunWorker & { model: Model }>;
}

function play(system: System, momentum = 0): Played {
  const network = new Network();
  const [rounds, refusals, notes]: [ClosedRound[], string[], string[]] = [[], [], []];
  const common = { run: 'r', device, system, clock: network.clock };
  const model = modelOf(momentum);
  return {
    network,
    rounds,
    refusals,
    notes,
    model,
    serve: (more = {}) =>
      serveRun({
        ...common,
        broker: network.open(),
        model,
        workers: 3,
        steps: 12,
        deadline: DEADLINE,
        onRound: (round) => void rounds.push(round),
        onRefused: ({ name, reason }) => void refusals.push(`${name}: ${reason}`),
        onNote: (text) => void notes.push(text),
        ...more,
      }),
    async join(name, more = {}) {
      const options = {
        ...common,
        broker: network.open(),
        name,
        model: modelOf(momentum),
        gradient: gradientAt,
        ...more,
      };
      const worker = await joinRun(options);
      return Object.assign(worker, { model: options.model });
    },
  };
}

for (const { label, system, momentum } of systems)
  for (const [what, left] of [
    ['a gradient with infinity', (model: Model) => model.parameters.map((_, i) => (i === 3 ? Infinity : 1))],
    ['nothing', () => undefined],
  ] as const)
    test(`${label}: ${what} is a step that this worker leaves out, and nobody waits`, async () => {
      const { network, rounds, refusals, model, serve, join } = play(system, momentum);
      const server = await serve();
      const gradient: JoinOptions['gradient'] = (at, place) =>
        place.step === 4 || place.step === 7 ? left(at) : gradientAt(at, place);
      const passed: number[] = [];
      const workers = [
        await join('a'),
        await join('b'),
        await join('c', { gradient, onStep: (step) => step.passed && passed.push(step.step) }),
      ];
      const ends = await network.run(Promise.all(workers.map(({ done }) => done)));
      await network.run(server.done);
      assert.equal(ends, [{ steps: 12 }, { steps: 12 }, { steps: 12 }]);
      assert.equal(passed, [4, 7]);
      assert.equal(refusals, []);
      for (const round of rounds) {
        const without = round.step === 4 || round.step === 7;
        assert.equal(round.passed, without ? ['c'] : []);
        assert.equal([round.from.length, round.missed, round.stragglers], [without ? 2 : 3, [], []]);
        assert.ok(round.duration < 1000, `${round.duration} ms`);
      }
      if (!system.averagesModels)
        for (const worker of workers) assert.equal(worker.model.parameters, model.parameters);
    });

for (const [label, system] of [
  ['with a server', memSgd(topK({ ratio: 0.1 }))],
  ['among peers', exDyna({ density: 0.1 })],
  ['among peers, balanced', exDyna({ density: 0.1, balance: 'exact' })],
] as const) {
  test(`${label}: a step that all leave out changes nothing, and the next one is taken`, async () => {
    const { network, rounds, model, serve, join } = play(system);
    const server = await serve({ steps: 6 });
    const before: Float32Array[] = [];
    const gradient: JoinOptions['gradient'] = (at, place) => {
      before[place.step] ??= at.parameters.slice();
      return place.step === 2 ? null : gradientAt(at, place);
    };
    const workers = [];
    for (const name of ['a', 'b', 'c']) workers.push(await join(name, { gradient }));
    await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    assert.equal(rounds.find(({ step }) => step === 2)?.from, []);
    assert.equal(before[3], before[2]);
    assert.not.equal(before[4], before[3]);
    for (const worker of workers) assert.equal(worker.model.parameters, model.parameters);
    assert.ok(rounds.every(({ duration }) => duration < 1000));
  });

  test(`${label}: who leaves out ten steps in a row says so`, async () => {
    const { network, refusals, serve, join } = play(system);
    const server = await serve({ steps: 15 });
    const notes: string[] = [];
    const workers = [
      await join('a'),
      await join('b'),
      await join('c', {
        gradient: (at, place) => (place.step < 2 ? gradientAt(at, place) : at.parameters.map(() => NaN)),
        onNote: (text) => void notes.push(text),
      }),
    ];
    await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    assert.is(notes.length, 1);
    assert.match(notes[0], /left out 10 steps in a row: the input has 700 NaN/);
    assert.equal(refusals, [`c: ${notes[0]}`]);
  });

  for (const [what, more, words] of [
    [
      'learning rate',
      { model: { ...modelOf(0), learningRate: 0.01 } },
      /learning rate is 0.02, this worker's 0.01/,
    ],
    ['momentum', { model: { ...modelOf(0), momentum: 0.5 } }, /momentum is 0, this worker's 0.5/],
    [
      'option of the system',
      { system: label === 'with a server' ? memSgd(topK({ ratio: 0.2 })) : exDyna({ density: 0.2 }) },
      /options differ.*0x[0-9a-f]{8}, this worker's 0x[0-9a-f]{8}/,
    ],
    ['number of parameters', { model: modelOf(0, 701) }, /trains 700 numbers by \w+, this worker 701/],
  ] as const)
    test(`${label}: another ${what} is refused by name, with both values`, async () => {
      const { network, refusals, serve, join } = play(system);
      const server = await serve({ start: 2 });
      const workers = [await join('a'), await join('b')];
      const wrong = await join('c', more);
      const error = await network.run(wrong.done).then(
        () => assert.unreachable('it took part'),
        (reason: unknown) => reason as Error,
      );
      assert.instance(error, SettingsError);
      assert.match((error as Error).message, words);
      await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
      assert.equal(refusals, [`c: ${(error as Error).message}`]);
    });
}

test('another initial model is told of, and the run’s is loaded', async () => {
  const { network, refusals, model, serve, join } = play(memSgd(topK({ ratio: 0.1 })));
  const server = await serve({ workers: 1 });
  const other = modelOf(0);
  other.parameters[5] += 1;
  const worker = await join('a', { model: other });
  await network.run(Promise.all([server.done, worker.done]));
  assert.match(
    refusals.join(),
    /^a: the initial model differs: .*0x[0-9a-f]{8}, of this worker's 0x[0-9a-f]{8}/,
  );
  assert.equal(other.parameters, model.parameters);
});

for (const [label, system, momentum] of [
  ['with a server', memSgd(topK({ ratio: 0.1 })), 0],
  ['with momentum, whose velocity differs', pSgd(), 0.9],
  ['among peers', exDyna({ density: 0.1 }), 0],
  ['among peers, balanced', exDyna({ density: 0.1, balance: 'exact' }), 0],
  ['models that are averaged', liecSgd({ averagePeriod: 3, compressor: topK({ ratio: 0.1 }) }), 0],
] as const)
  test(`${label}: who has diverged is named and loads the model`, async () => {
    const { network, refusals, model, serve, join } = play(system, momentum);
    const server = await serve({ steps: 14, checkEvery: 4 });
    const workers: (RunWorker & { model: Model })[] = [];
    // a stray write into the model, in a step before one in which models are compared
    const gradient: JoinOptions['gradient'] = (at, place) => {
      if (place.step === 6) (momentum > 0 ? at.velocity : at.parameters)[7] += 0.5;
      return gradientAt(at, place);
    };
    for (const name of ['a', 'b']) workers.push(await join(name));
    workers.push(await join('c', { gradient }));
    await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    if (system.averagesModels) {
      // its model was the others' again in the next step that averages
      assert.equal(refusals, []);
    } else {
      assert.is(refusals.length, 1, refusals.join('; '));
      assert.match(refusals[0], /^c: the model after step 7 differs: the run's checksum is 0x/);
      for (const worker of workers) assert.equal(worker.model.parameters, model.parameters);
    }
  });

test('models that differ in the last step are loaded before the worker leaves', async () => {
  const { network, refusals, model, serve, join } = play(pSgd());
  const server = await serve({ workers: 1, steps: 4, checkEvery: 4 });
  const worker = await join('a', {
    gradient: (at, place) => {
      if (place.step === 3) at.parameters[0] += 1;
      return gradientAt(at, place);
    },
  });
  await network.run(Promise.all([server.done, worker.done]));
  assert.is(refusals.length, 1);
  assert.equal(worker.model.parameters, model.parameters);
});

test('checkEvery 0 compares nothing', async () => {
  const { network, refusals, serve, join } = play(pSgd());
  const server = await serve({ workers: 1, checkEvery: 0, steps: 40 });
  const worker = await join('a', {
    gradient: (at, place) => {
      if (place.step === 3) at.parameters[0] += 1;
      return gradientAt(at, place);
    },
  });
  await network.run(Promise.all([server.done, worker.done]));
  assert.equal(refusals, []);
});

test('waits that last are told of: by the server, by a worker without a server and by one without a seat', async () => {
  const { network, notes, serve, join } = play(pSgd());
  const told: string[] = [];
  const onNote = (text: string): void => void told.push(text);
  const early = await join('early', { onNote, deadline: 2000 });
  await network.run(network.sleep(5000));
  assert.is(told.length, 2);
  assert.match(told[0], /^has waited \d.* for a server of the run r/);
  const server = await serve();
  await network.run(network.sleep(DEADLINE * 2 + 1500));
  assert.is(notes.length, 2);
  assert.match(
    notes[0],
    /^has waited 5.* for 2 more of the workers that step 0 needs: here are early, heard were early$/,
  );
  await network.run(Promise.all([early.stop(), server.stop()]));
});

test('a server whose broker is gone says so, though each attempt to reach it fails anew', async () => {
  const { network, notes, serve } = play(pSgd());
  const broker = network.open();
  let listener: Listener | undefined;
  const server = await serve({
    broker: async (will) => {
      const link = await broker(will);
      return {
        ...link,
        publish: () => new Promise(() => {}),
        listen(given) {
          listener = given;
          link.listen(given);
        },
      };
    },
  });
  for (let i = 0; i < 50; i++) {
    listener?.down?.();
    await network.run(network.sleep(250));
  }
  assert.is(notes.length, 2);
  assert.match(notes[0], /^has waited 5.* for the broker, which cannot be reached$/);
  assert.match(notes[1], /^has waited 1\d.* for the broker, which cannot be reached$/);
  await network.run(server.stop());
});

test('a worker that computes for long stops at once', async () => {
  const { network, serve, join } = play(pSgd());
  const server = await serve({ workers: 1 });
  const worker = await join('a', { gradient: () => new Promise(() => {}) });
  await network.run(network.sleep(500));
  await network.run(worker.stop());
  await network.run(server.stop());
});

test('a server stops though the broker takes nothing, with its state saved', async () => {
  const { network, serve, join } = play(pSgd());
  const store = memoryStore();
  let isStuck = false;
  const broker = network.open();
  const server = await serve({
    store,
    workers: 1,
    steps: 1000,
    broker: async (will) => {
      const link = await broker(will);
      return {
        ...link,
        publish: (topic, payload, retain) =>
          isStuck ? new Promise(() => {}) : link.publish(topic, payload, retain),
      };
    },
  });
  network.faults = { lost: 0, doubled: 0, delay: 20 };
  const worker = await join('a');
  await network.run(network.sleep(1000));
  isStuck = true;
  const before = network.clock.now();
  await network.run(server.stop());
  assert.ok(network.clock.now() - before < 4000);
  assert.ok(store.writes.length > 2);
  await network.run(worker.stop());
});

test('a state that cannot be written is an error before anybody joins', async () => {
  const { serve } = play(pSgd());
  let isOpened = false;
  const error = await serve({
    store: {
      read: async () => undefined,
      write: async () => {
        throw new Error('read-only');
      },
    },
    broker: async () => {
      isOpened = true;
      throw new Error('opened');
    },
  }).catch((reason: unknown) => reason as Error);
  assert.match((error as Error).message, /read-only/);
  assert.not(isOpened);
});

test.run();
