/** Runs of local steps: workers train copies by momentum SGD, messages have weights, and some are refused. */
import * as assert from 'uvu/assert';
import { exchange, sparseLoCo, trainLocally, type Model } from '../../ts/algorithms/index.ts';
import { blockTopK, scaledSign } from '../../ts/index.ts';
import type { At, Gradient } from '../../ts/runs/join-options.ts';
import { crewOf } from '../reference/algorithms/play.ts';
import { suite } from '../support/suite.ts';
import { NAMES, play, STEPS, WORKERS } from './play.ts';
import { gradientAt, memoryStore, modelOf, N } from './runs.ts';

const test = suite('runs of local steps');

const H = 3;
const MOMENTUM = 0.9;
const WEIGHTS = [1, 3, 0.5];

const compressor = blockTopK({ block: 128, k: 12 });
const systems = {
  'among peers': sparseLoCo({ compressor, momentum: 0.5 }),
  'with a server': sparseLoCo({ compressor, server: scaledSign() }),
};

/** H steps on a worker's own batches. */
function trained(model: Model, at: At): Promise<Float32Array> {
  return trainLocally(model, H, (local, h) => gradientAt(local, { ...at, step: at.step * H + h }));
}

const weight = ({ rank }: At): number => WEIGHTS[rank];

for (const [label, system] of Object.entries(systems)) {
  test(`${label}: the same numbers as in one process, by weights`, async () => {
    const { network, serve, join, refusals } = play(system, MOMENTUM);
    const server = await serve({ mostWeight: 3 });
    const workers = [];
    for (const name of NAMES) workers.push(await join(name, { gradient: trained, weight }));
    await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    assert.equal(refusals, []);
    const crew = crewOf(system, N, WORKERS);
    const models = NAMES.map(() => modelOf(MOMENTUM));
    for (let step = 0; step < STEPS; step++) {
      const locals: Float32Array[] = [];
      for (const [rank, model] of models.entries())
        locals.push(await trained(model, { step, rank, workers: WORKERS }));
      const options = models.map((model, rank) => ({ ...model, weight: WEIGHTS[rank] }));
      await exchange(crew.workers, crew.server, locals, options);
    }
    workers.forEach(({ options }, rank) => assert.equal(options.model, models[rank]));
  });

  test(`${label}: a worker that claims more than the server allows is refused, and the others go on`, async () => {
    const { network, checks, serve, join, refusals } = play(system, MOMENTUM);
    const server = await serve({ mostWeight: 3, start: 2, deadline: 300 });
    const workers = [];
    for (const name of NAMES)
      workers.push(await join(name, { gradient: trained, weight: name === 'b' ? 3.5 : 3 }));
    await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    assert.ok(refusals.length > 0);
    for (const refusal of refusals)
      assert.is(refusal, 'b: a message of weight 3.5, and the run allows 3 at most');
    for (const { from } of checks.rounds)
      assert.equal(
        from.map(({ name }) => name),
        ['a', 'c'],
      );
    for (const { options } of workers)
      assert.equal(options.model.parameters, workers[0].options.model.parameters);
  });

  test(`${label}: who comes late, who is cut off, and a server that starts again: one model`, async () => {
    const { network, serve, join, refusals } = play(system, MOMENTUM);
    const store = memoryStore();
    const onRound = (): void => {};
    const first = await serve({ store, steps: 30, start: 2, quorum: 1, deadline: 200, onRound });
    network.faults = { lost: 0, doubled: 0, delay: 30 };
    const workers = [await join('a', { gradient: trained }), await join('b', { gradient: trained })];
    const happens = (async () => {
      await network.sleep(400);
      workers.push(await join('c', { gradient: trained }));
      await network.sleep(400);
      workers[1].cut();
      await network.sleep(100);
      await first.stop();
      assert.ok(first.position.step > 2 && first.position.step < 30, `${first.position.step}`);
      const second = await serve({ store, steps: 30, quorum: 1, deadline: 200, onRound });
      await second.done;
      return second;
    })();
    // who is cut off does not come back
    const [second] = await network.run(Promise.all([happens, workers[0].done]));
    await network.run(workers[2].done);
    assert.is(second.position.step, 30);
    assert.equal(refusals, []);
    const [{ options: one }, ...others] = workers.filter(
      ({ position }) => position.chain === second.position.chain,
    );
    assert.ok(others.length > 0);
    for (const { options } of others) assert.equal(options.model.parameters, one.model.parameters);
  });
}

test('a worker whose local gradients are not finite leaves the round out, and trains on as it was', async () => {
  const { network, checks, serve, join } = play(systems['among peers'], MOMENTUM);
  const server = await serve();
  const broken = (model: Model, at: At): Promise<Gradient> =>
    trainLocally(model, H, (local, h) =>
      at.step === 4 && h === 1 ? local.parameters.map(() => NaN) : gradientAt(local, at),
    );
  const workers = [];
  for (const name of NAMES) workers.push(await join(name, { gradient: name === 'a' ? broken : trained }));
  await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
  checks.rounds.forEach(({ from, passed, step }) => {
    assert.equal(passed, step === 4 ? ['a'] : []);
    assert.is(from.length, step === 4 ? 2 : 3);
  });
  assert.ok(workers[0].options.model.velocity.every(Number.isFinite));
  for (const { options } of workers)
    assert.equal(options.model.parameters, workers[1].options.model.parameters);
});

test.run();
