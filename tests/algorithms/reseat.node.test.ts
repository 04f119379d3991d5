/**
 * Another seat, and another number of workers: what a machine keeps goes on, and what all have in common is the same.
 */
import * as assert from 'uvu/assert';
import { descend, exchange, type Model, type Worker } from '../../ts/algorithms/index.ts';
import { gradient } from '../reference/algorithms/gradients.ts';
import { crewOf, device, type Crew } from '../reference/algorithms/play.ts';
import { readState } from '../reference/algorithms/states.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('machines at another seat');

const N = 700;

const modelOf = (momentum: number): Model => ({
  parameters: new Float32Array(N).map((_, i) => Math.sin(i)),
  velocity: new Float32Array(N),
  learningRate: 0.01,
  momentum,
});

/** A step of all, whose models take its outcome; `first` where systems that take models are told theirs. */
async function step({ workers, server }: Crew, models: readonly Model[], number: number): Promise<void> {
  const vectors = workers.map((worker, rank) => {
    const noise = gradient(N, number, rank);
    const common = worker.parameters ?? models[rank].parameters;
    return worker.parameters === undefined ? noise : common.map((value, i) => value - 0.1 * noise[i]);
  });
  const { outcomes } = await exchange(workers, server, vectors, models);
  outcomes.forEach((outcome, rank) => {
    if (outcome.kind === 'direction') descend(models[rank], outcome.direction);
  });
}

const keptBy = async (machine: Pick<Worker, 'save'>): Promise<Record<string, Float32Array>> =>
  readState(await machine.save()).vectors;

for (const { label, system, momentum, conserves } of some(systems))
  test(`${label}: of three one leaves, and two come`, async () => {
    const { workers, server } = crewOf(system, N, 3);
    const models = workers.map(() => modelOf(momentum));
    for (let t = 0; t < 5; t++) await step({ workers, server }, models, t);
    const [a, , c] = workers;
    const kept = [await keptBy(a), await keptBy(c), server && (await keptBy(server))];
    a.reseat?.({ workers: 4, rank: 0 });
    c.reseat?.({ workers: 4, rank: 1 });
    server?.resize?.(4);
    assert.equal([await keptBy(a), await keptBy(c), server && (await keptBy(server))], kept);
    if (conserves)
      assert.ok(
        Object.values(kept[0] ?? {}).every((vector) => vector.length === 0 || vector.some((e) => e !== 0)),
      );
    assert.match(readState(await c.save()).of, /worker 1 of 4/);
    assert.equal(a.share(), c.share());
    const late = [2, 3].map((rank) => system.worker(device, { n: N, workers: 4, rank }));
    for (const worker of late) worker.adopt(a.share());
    const all = { workers: [a, c, ...late], server };
    const others = late.map(() => ({
      ...modelOf(momentum),
      parameters: models[0].parameters.slice(),
      velocity: models[0].velocity.slice(),
    }));
    const theirs = [models[0], models[2], ...others];
    for (let t = 5; t < 12; t++) {
      await step(all, theirs, t);
      for (const worker of all.workers) assert.equal(worker.share(), a.share(), `step ${t}`);
    }
    if (system.averagesModels !== true)
      for (const model of theirs) assert.equal(model.parameters, theirs[0].parameters);
    // one beyond all follows
    const [follower] = [system.worker(device, { n: N, workers: 4, rank: 4 })];
    follower.reseat?.({ workers: 2, rank: 2 });
    assert.throws(() => follower.reseat?.({ workers: 2, rank: 3 }), /"rank" expected an integer in 0..2/);
    assert.throws(() => follower.reseat?.({ workers: 0, rank: 0 }), /"workers" expected/);
    assert.match(readState(await follower.save()).of, /worker 2 of 2/);
  });

test('errors of gradients are multiplied, and what has been sent of them is taken off first', async () => {
  for (const { label, system, conserves } of some(systems)) {
    if (!conserves || system.takes === 'model') continue;
    const { workers, server } = crewOf(system, N, 2);
    const models = workers.map(() => modelOf(0));
    for (let t = 0; t < 3; t++) await step({ workers, server }, models, t);
    for (const machine of [workers[1], ...(server ? [server] : [])]) {
      const before = await keptBy(machine);
      await machine.scaleErrors?.(0.5);
      const after = await keptBy(machine);
      for (const [name, vector] of Object.entries(before))
        if (machine.scaleErrors !== undefined)
          assert.equal(
            after[name],
            vector.map((e) => 0.5 * e),
            label,
          );
      await machine.scaleErrors?.(1).catch(() => assert.unreachable());
      const refused = await machine.scaleErrors?.(NaN).catch((error: Error) => error);
      if (machine.scaleErrors !== undefined) assert.instance(refused, RangeError);
    }
    await step({ workers, server }, models, 3);
  }
});

test.run();
