/** What ts/algorithms/system.ts says of every system. */
import * as assert from 'uvu/assert';
import { exchange } from '../../ts/algorithms/exchange.ts';
import type { Model } from '../../ts/algorithms/system.ts';
import type { Vector } from '../../ts/algorithms/vectors.ts';
import { openDevice, type DeviceVector } from '../../ts/index.ts';
import { isDeviceVector } from '../../ts/kernels/device-vector.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf, device, directionsOf, play, vectorIn } from '../reference/algorithms/play.ts';
import { restOf } from '../reference/algorithms/rest.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('every system');

for (const { label, system, momentum } of systems) {
  test(`${label}: vectors of 0, 1, 2 and 33 elements, 1, 2 and 5 workers`, async () => {
    for (const n of [33, 2, 1, 0])
      for (const workers of [1, 2, 5]) {
        const crew = crewOf(system, n, workers);
        const trained = models(n, workers, momentum);
        for (let step = 0; step < 8; step++) {
          const { outcomes } = await play(crew, gradients(n, workers, step), trained);
          for (const [rank, outcome] of outcomes.entries()) {
            const at = `n ${n}, ${workers} workers, step ${step}`;
            if (outcome.kind === 'direction') {
              assert.is(outcome.direction.length, n, at);
              descend(trained[rank], outcome.direction);
            }
            assert.ok(trained[rank].parameters.every(Number.isFinite), at);
            for (const [name, value] of Object.entries(crew.workers[rank].report) as [string, number][])
              if (n > 0)
                assert.ok(
                  value >= 0 && (value <= 1 || !/density|union/.test(name)),
                  `${at}: ${name} ${value}`,
                );
          }
        }
      }
  });

  test(`${label}: send leaves the gradient as it is, and reads it before it resolves`, async () => {
    const [one, two] = [0, 1].map(() => crewOf(system, 100, 2));
    const [left, right] = [0, 1].map(() => models(100, 2, momentum));
    for (let step = 0; step < 8; step++) {
      const given = gradients(100, 2, step);
      const spoiled = gradients(100, 2, step);
      // the same gradients, overwritten as soon as each was sent
      const spoiling = one.workers.map((worker, rank) => ({
        send: async (gradient: Vector, model?: Model) => {
          const message = await worker.send(gradient, model);
          assert.equal(gradient, given[rank]);
          spoiled[rank].fill(NaN);
          return message;
        },
        receive: (inbox: readonly Uint8Array[]) => worker.receive(inbox),
        ...restOf(worker),
      }));
      const { outcomes } = await play({ ...one, workers: spoiling }, spoiled, left);
      const expected = await play(two, given, right);
      assert.equal(outcomes, expected.outcomes, `step ${step}`);
      for (const [at, trained] of [
        [outcomes, left],
        [expected.outcomes, right],
      ] as const)
        at.forEach((outcome, rank) => {
          if (outcome.kind === 'direction') descend(trained[rank], outcome.direction);
        });
      assert.equal(left, right);
    }
  });

  test(`${label}: messages stay as they are when the machines go on`, async () => {
    const crew = crewOf(system, 100, 2);
    const trained = models(100, 2, momentum);
    const kept: { bytes: Uint8Array; copy: Uint8Array }[] = [];
    const keeping = crew.workers.map((worker) => ({
      send: async (...args: Parameters<typeof worker.send>) => {
        const message = await worker.send(...args);
        kept.push({ bytes: message.bytes, copy: message.bytes.slice() });
        return message;
      },
      receive: async (inbox: readonly Uint8Array[]) => {
        kept.push(...inbox.map((bytes) => ({ bytes, copy: bytes.slice() })));
        return worker.receive(inbox);
      },
      ...restOf(worker),
    }));
    for (let step = 0; step < 8; step++)
      await play({ ...crew, workers: keeping }, gradients(100, 2, step), trained);
    for (const { bytes, copy } of kept) assert.equal(bytes, copy);
  });
}

test('directions go where a worker was told: to an array, to a part of one, to a vector of the device, to a part of it', async () => {
  for (const on of [device, await openDevice({ backend: 'wasm' })]) {
    for (const { label, system, momentum } of systems) {
      const n = 200;
      const seat = { n, workers: 1, rank: 0 };
      const whole = new Float32Array(n + 9).fill(7);
      const vector = on.vector(n + 9);
      await vector.write(whole);
      const places = [new Float32Array(n), whole.subarray(4, n + 4), on.vector(n), vector.slice(5, n + 5)];
      const workers = [
        system.worker(on, seat),
        ...places.map((into) => system.worker<Vector>(on, seat, into)),
      ];
      const servers = workers.map(() => system.server?.(on, seat));
      for (let step = 0; step < 8; step++) {
        const [given] = gradients(n, 1, step);
        const outcomes: unknown[] = [];
        for (const [i, worker] of workers.entries()) {
          const [model] = models(n, 1, momentum);
          const {
            outcomes: [outcome],
          } = await exchange([worker], servers[i], [given], [model]);
          const direction = vectorIn(outcome);
          if (direction === undefined) {
            outcomes.push(model);
            continue;
          }
          if (i > 0) assert.is(direction, places[i - 1], label);
          outcomes.push(
            isDeviceVector(direction) ? await direction.read() : Float32Array.from(direction as Float32Array),
          );
        }
        for (const other of outcomes.slice(1)) assert.equal(other, outcomes[0], `${label}, step ${step}`);
      }
      for (const around of [whole, await vector.read()])
        assert.is(around.filter((value) => value === 7).length, 9, `${label}: what is around a part stays`);
      for (const one of [...workers, ...servers, vector, places[2] as DeviceVector]) one?.free();
    }
    assert.is(on === device ? 0 : on.vectors, 0);
    if (on !== device) on.close();
  }
});

test('workers whose models do not drift all get the same direction, in memory of their own', async () => {
  for (const { label, system } of systems.filter(({ label }) => !/liecSgd|cser/.test(label))) {
    const crew = crewOf(system, 200, 3);
    for (let step = 0; step < 3; step++) {
      const [first, ...others] = directionsOf(await play(crew, gradients(200, 3, step)));
      for (const other of others) {
        assert.equal(other, first, label);
        assert.is.not(other.buffer, first.buffer, label);
      }
    }
  }
});

test('a system says whether it wants models', async () => {
  for (const { label, system } of systems) {
    const crew = crewOf(system, 50, 2);
    let wants = false;
    for (let step = 0; step < 8 && !wants; step++)
      try {
        const { outcomes } = await play(crew, gradients(50, 2, step));
        assert.ok(
          outcomes.every((outcome) => vectorIn(outcome) !== undefined),
          label,
        );
      } catch (error) {
        if (!(error instanceof TypeError && error.message.startsWith('"model" expected'))) throw error;
        wants = true;
      }
    assert.is(system.averagesModels ?? false, wants, label);
  }
});

test('receive rejects, and does not throw, where the inbox is wrong', async () => {
  for (const { label, system } of systems) {
    const worker = system.worker(device, { n: 50, workers: 2, rank: 0 });
    const { route } = await worker.send(gradients(50, 1, 0)[0]);
    if (route !== 'gather')
      await rejects(
        worker.receive([new Uint8Array(4), new Uint8Array(4)]),
        RangeError,
        '"inbox.length" expected an integer in 1..1, got 2',
      );
    let promise: Promise<unknown> | undefined;
    assert.not.throws(() => {
      promise = worker.receive([]);
    }, `${label} threw`);
    await promise?.then(
      () => assert.unreachable(`${label} accepted it`),
      () => {},
    );
  }
});

test.run();
