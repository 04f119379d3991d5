/** What a server decides for each step, and what workers make of it. */
import * as assert from 'uvu/assert';
import {
  descend,
  exchange,
  memSgd,
  sparseLoCo,
  trainLocally,
  type System,
} from '../../ts/algorithms/index.ts';
import { blockTopK, topK } from '../../ts/index.ts';
import type { At } from '../../ts/runs/join-options.ts';
import { SettingsError } from '../../ts/runs/settings.ts';
import { requireStepSettings, type Decided, type StepSettings } from '../../ts/runs/step-settings.ts';
import { crewOf } from '../reference/algorithms/play.ts';
import { suite } from '../support/suite.ts';
import { NAMES, play, STEPS, WORKERS } from './play.ts';
import { gradientAt, memoryStore, modelOf, N, tested } from './runs.ts';

const test = suite('settings that a server sends with steps');

const onRound = (): void => {};
const SLOW = { lost: 0, doubled: 0, delay: 30 };

/** A schedule whose rate, momentum and compressor change. */
const scheduleOf =
  (errors: 'kept' | 'rescaled') =>
  (step: number): StepSettings => ({
    learningRate: step < 4 ? 0.02 : 0.02 / (step - 2),
    momentum: step < 2 ? 0 : 0.5,
    compressor: { name: 'topK', ratio: step < 6 ? 0.1 : 0.05 },
    errors,
  });

const made = ({ compressor = topK({ ratio: 0.5 }) }: Decided): System => memSgd(compressor);

/** The same in one process. */
async function expectedOf(schedule: (step: number) => StepSettings): Promise<Float32Array> {
  let crew = crewOf(made({ compressor: topK({ ratio: 0.1 }) }), N, WORKERS);
  const models = NAMES.map(() => modelOf(0));
  let rate = 0.02;
  for (let step = 0; step < STEPS; step++) {
    const { learningRate = 0, momentum = 0, errors } = schedule(step);
    if (step === 6) {
      const next = crewOf(made({ compressor: topK({ ratio: 0.05 }) }), N, WORKERS);
      for (const [r, worker] of crew.workers.entries()) await next.workers[r].load(await worker.save());
      await next.server?.load((await crew.server?.save()) as Uint8Array);
      crew = next;
    }
    if (errors === 'rescaled' && rate !== learningRate)
      for (const machine of [...crew.workers, crew.server]) await machine?.scaleErrors?.(rate / learningRate);
    rate = learningRate;
    // where momentum begins, velocity is zero
    if (step === 2) for (const { velocity } of models) velocity.fill(0);
    const given = models.map((model, rank) =>
      gradientAt({ ...model, learningRate }, { step, rank, workers: WORKERS }),
    );
    const { outcomes } = await exchange(crew.workers, crew.server, given, models);
    outcomes.forEach((outcome, rank) => {
      if (outcome.kind === 'direction')
        descend({ ...models[rank], learningRate, momentum }, outcome.direction);
    });
  }
  return models[0].parameters;
}

for (const errors of ['kept', 'rescaled'] as const)
  test(`learning rate, momentum and compressor change; errors are ${errors}`, async () => {
    const settings = scheduleOf(errors);
    const { network, serve, join, refusals } = play(memSgd(topK({ ratio: 0.1 })), 0);
    const server = await serve({ system: made, settings, onRound, checkEvery: 1 });
    const workers = [];
    // what they were started with is not asked for
    const model = (): ReturnType<typeof modelOf> => ({ ...modelOf(0), learningRate: 7, momentum: 0.3 });
    const rates = new Set<number>();
    for (const name of NAMES)
      workers.push(
        await join(name, {
          system: made,
          model: model(),
          gradient: (given, at) => {
            rates.add(given.learningRate);
            return gradientAt(given, at);
          },
        }),
      );
    await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    assert.equal(refusals, []);
    const expected = await expectedOf(settings);
    for (const { options } of workers) assert.equal(options.model.parameters, expected);
    assert.is(rates.size, 1 + 6);
  });

test('the two ways with errors differ', async () => {
  assert.not.equal(await expectedOf(scheduleOf('kept')), await expectedOf(scheduleOf('rescaled')));
});

test('who comes late, and a server that starts again: the settings of the step', async () => {
  const settings = scheduleOf('rescaled');
  const { network, serve, join, refusals } = play(memSgd(topK({ ratio: 0.1 })), 0);
  const store = memoryStore();
  const common = { system: made, settings, onRound, checkEvery: 1, store, steps: 60, deadline: 200 };
  const first = await serve({ ...common, workers: { least: 1, most: 4 } });
  network.faults = SLOW;
  const workers = [await join('a', { system: made }), await join('b', { system: made })];
  const happens = (async () => {
    await network.sleep(500);
    workers.push(await join('c', { system: made }));
    await network.sleep(300);
    await first.stop();
    assert.ok(first.position.step > 8 && first.position.step < 50, `${first.position.step}`);
    const second = await serve({ ...common, workers: { least: 1, most: 4 } });
    await network.sleep(200);
    workers.push(await join('d', { system: made }));
    await second.done;
    return second;
  })();
  const second = await network.run(happens);
  await network.run(Promise.all(workers.map(({ done }) => done)));
  assert.equal(refusals, []);
  for (const { options, position } of workers) {
    assert.is(position.chain, second.position.chain);
    assert.equal(options.model.parameters, workers[0].options.model.parameters);
  }
});

test('local steps: as many as the server says, and a weaker compressor later', async () => {
  const system = ({ compressor = blockTopK({ block: 128, k: 12 }) }: Decided): System =>
    sparseLoCo({ compressor, momentum: 0.5 });
  const { network, serve, join } = play(system({ compressor: undefined }), 0);
  const settings = (step: number): StepSettings => ({
    localSteps: step < 5 ? 4 : 2,
    compressor: { name: 'blockTopK', block: 128, k: step < 5 ? 12 : 6 },
  });
  const seen: (number | undefined)[] = [];
  const sizes: number[] = [];
  const server = await serve({
    system,
    settings,
    onRound: ({ from }) => void sizes.push(from[0].bytes.length),
    checkEvery: 1,
  });
  const workers = [];
  for (const name of NAMES)
    workers.push(
      await join(name, {
        system,
        gradient: (model, at: At) => {
          if (name === 'a') seen[at.step] = at.localSteps;
          return trainLocally(model, at.localSteps ?? 1, (local) => gradientAt(local, at));
        },
      }),
    );
  await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
  assert.equal(
    seen,
    Array.from({ length: STEPS }, (_, step) => settings(step).localSteps),
  );
  assert.ok(Math.max(...sizes.slice(5)) < Math.min(...sizes.slice(0, 5)), sizes.join());
  for (const { options } of workers)
    assert.equal(options.model.parameters, workers[0].options.model.parameters);
});

test('a worker that cannot run what the server says ends, and both sides are told what', async () => {
  const { network, serve, join, refusals } = play(memSgd(topK({ ratio: 0.1 })), 0);
  const settings = (step: number): StepSettings =>
    step < 3 ? {} : { compressor: { name: 'topK', ratio: 0.05 } };
  const server = await serve({ system: made, settings, onRound, start: 2, deadline: 300 });
  const system = memSgd(topK({ ratio: 0.5 }));
  const fixed = await join('fixed', { system });
  const notes: string[] = [];
  const others = [
    await join('a', { system: made, onNote: (text) => notes.push(text) }),
    await join('b', { system: made }),
  ];
  const refused = await network.run(fixed.done.catch((error: Error) => error));
  assert.instance(refused, SettingsError);
  assert.match(
    (refused as Error).message,
    /settings of the run r in step 3: "compressor": the system memSgd is made/,
  );
  await network.run(Promise.all([server.done, ...others.map(({ done }) => done)]));
  assert.ok(
    refusals.some((refusal) => /^fixed: .*"compressor"/.test(refusal)),
    refusals.join(),
  );
});

test('what settings can not be is refused by name, at the server and on the wire', async () => {
  const wrong: [unknown, RegExp][] = [
    [{ learningRate: -1 }, /"learningRate"/],
    [{ learningRate: 'fast' }, /"learningRate"/],
    [{ momentum: 1 }, /"momentum"/],
    [{ localSteps: 0 }, /"localSteps"/],
    [{ localSteps: 1e300 }, /"localSteps"/],
    [{ errors: 'doubled' }, /"errors"/],
    [{ compressor: 'topK' }, /"compressor"/],
    [{ compressor: null }, /"compressor"/],
    [{ compressor: { name: 'constructor' } }, /"compressor.name" expected one of topK/],
    [{ compressor: { name: '__proto__' } }, /"compressor.name"/],
    [{ compressor: { name: 'topK', ratio: 2 } }, /"ratio"/],
    [{ compressor: { name: 'topK', ratio: 0.1, sparsity: 1 } }, /sparsity/],
    [{ sparsity: 0.1 }, /sparsity/],
    [null, /expected an object/],
    [[], /expected an object/],
  ];
  for (const [settings, said] of wrong) {
    assert.throws(() => requireStepSettings(settings as StepSettings), said);
    const { serve } = play(tested['with a server'].system, 0);
    const refused = await serve({ settings: settings as StepSettings }).catch((error: Error) => error);
    assert.ok(refused instanceof TypeError || refused instanceof RangeError);
    assert.match(refused.message, said);
  }
  // what the system cannot do with it
  const { serve } = play(tested['with a server'].system, 0);
  for (const [settings, said] of [
    [{ localSteps: 3 }, /"localSteps": the system memSgd takes gradients/],
    [{ compressor: { name: 'topK', ratio: 0.1 } }, /"compressor": the system memSgd is made already/],
  ] as [StepSettings, RegExp][]) {
    const refused = await serve({ settings }).catch((error: Error) => error);
    assert.match((refused as Error).message, said);
  }
});

test.run();
