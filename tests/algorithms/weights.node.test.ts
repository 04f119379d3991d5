/** Weights of messages: what a round's means are over, in every system that has them. */
import * as assert from 'uvu/assert';
import { exchange, type SendOptions } from '../../ts/algorithms/index.ts';
import { PacketError } from '../../ts/errors.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { assertNear, combine, exactly } from '../reference/algorithms/near.ts';
import { crewOf, decoded, device, directionsOf, keptOutcome, play } from '../reference/algorithms/play.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { carry, everything } from '../reference/algorithms/transport.ts';
import { parted, unweighted, weighted } from '../../ts/algorithms/weights.ts';
import { doubleSqueeze, liecSgd, memSgd, pSgd } from '../../ts/algorithms/index.ts';
import { scaledSign, topK } from '../../ts/index.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('weights');

/** Systems whose messages all count alike. */
const ALIKE = /^(exDyna|cltK|cser)/;

const N = 120;

for (const { label, system, momentum } of systems) {
  if (ALIKE.test(label)) {
    test(`${label}: a weight is refused, but for 1`, async () => {
      const worker = system.worker(device, { n: N, workers: 2, rank: 0 });
      const [gradient] = gradients(N, 1, 0);
      const state = await worker.save();
      await rejects(worker.send(gradient, { weight: 2 }), RangeError, '"weight" expected 1');
      assert.equal(await worker.save(), state);
      await worker.send(gradient, { weight: 1 });
      worker.free();
    });
    continue;
  }

  test(`${label}: with weights that are powers of two, alike, steps are those without`, async () => {
    const crews = [crewOf(system, N, 3), crewOf(system, N, 3)];
    const trained = crews.map(() => models(N, 3, momentum));
    for (let step = 0; step < 8; step++) {
      const given = gradients(N, 3, step);
      const ends = [];
      for (const [i, { workers, server }] of crews.entries()) {
        const options = trained[i].map((model): SendOptions => (i === 0 ? model : { ...model, weight: 8 }));
        const { outcomes } = await exchange(workers, server, given, options);
        outcomes.forEach((outcome, rank) => {
          if (outcome.kind === 'direction') descend(trained[i][rank], outcome.direction);
        });
        ends.push(outcomes.map(keptOutcome));
      }
      assert.equal(ends[1], ends[0], `step ${step}`);
      assert.equal(trained[1], trained[0], `step ${step}`);
    }
    for (const { workers, server } of crews) for (const one of [...workers, server]) one?.free();
  });

  test(`${label}: a worker that is not in the round has no weight in it`, async () => {
    // of two crews, one has a third worker of a great weight, which is late in each round
    const crews = [crewOf(system, N, 3), crewOf(system, N, 3)];
    const parties = crews.map((crew) => ({ ...crew, models: models(N, 3, momentum) }));
    for (let step = 0; step < 8; step++) {
      const given = gradients(N, 3, step);
      const ends = [];
      for (const [i, party] of parties.entries()) {
        const workers = party.workers.map((worker, rank) => ({
          ...worker,
          report: worker.report,
          send: (gradient: Float32Array, model?: SendOptions) =>
            worker.send(gradient, { ...model, weight: [3, 0.5, i === 0 ? 1e9 : 7][rank] }),
        }));
        const { outcomes, inboxes } = await carry({ ...party, workers }, given, [0, 1]);
        ends.push([outcomes, inboxes]);
      }
      assert.equal(ends[1], ends[0], `step ${step}`);
    }
    assert.equal(await everything(parties[1]), await everything(parties[0]));
  });
}

for (const [label, system] of [
  ['pSgd', pSgd()],
  ['memSgd', memSgd(topK({ ratio: 0.2 }))],
  ['doubleSqueeze', doubleSqueeze(scaledSign({ block: 40 }))],
] as const)
  test(`${label}: the server's mean is by weights, with its error`, async () => {
    const { workers, server } = crewOf(system, N, 3);
    const weights = [1, 5, 0.25];
    const share = weights.map((weight) => weight / 6.25);
    const options = weights.map((weight) => ({ weight }));
    let error = exactly(new Float32Array(N));
    for (let step = 0; step < 6; step++) {
      const played = await play({ workers, server }, gradients(N, 3, step), options);
      const [{ messages, inbox }] = played.rounds;
      const sent = await decoded(messages.map(({ bytes }) => unweighted(bytes).bytes));
      const p = combine(...sent.map((values, r) => [share[r], exactly(values)] as const), [1, error]);
      const [q] = await decoded(inbox);
      if (label === 'doubleSqueeze') {
        const expected = await device.decompress(
          await device.compress(scaledSign({ block: 40 }), Float32Array.from(p.value)),
        );
        q.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) <= 1e-4 * Math.abs(value), `${i}`));
        error = combine([1, p], [-1, exactly(q)]);
      } else assertNear(q, p, `step ${step}`);
      for (const direction of directionsOf(played)) assert.equal(direction, q);
    }
  });

test('liecSgd averages models by weights', async () => {
  const { workers, server } = crewOf(liecSgd({ averagePeriod: 1 }), N, 2);
  const trained = models(N, 2, 0, 0.5);
  const given = gradients(N, 2, 0);
  const ahead = trained.map(({ parameters }, r) =>
    parameters.map((value, i) => value - Math.fround(0.5 * given[r][i])),
  );
  await exchange(workers, server, given, [trained[0], { ...trained[1], weight: 3 }]);
  const mean = combine([0.25, exactly(ahead[0])], [0.75, exactly(ahead[1])]);
  for (const { parameters } of trained) assertNear(parameters, mean, 'the mean model');
});

test('a message of weight 1 is as it is; of another it is told apart, and damage is found', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5);
  assert.is(weighted(bytes, 1), bytes);
  assert.is(unweighted(bytes).bytes, bytes);
  for (const weight of [0.1, 7, 1e300, 5e-324]) {
    const message = weighted(bytes, weight);
    assert.is(message.length, 16 + bytes.length);
    assert.equal(unweighted(message), { bytes: message.subarray(16), weight });
    assert.equal(message.subarray(16), bytes);
    for (let at = 4; at < 16; at++) {
      const damaged = message.slice();
      damaged[at] ^= 0x10;
      assert.throws(
        () => unweighted(damaged),
        (error: unknown) => error instanceof PacketError,
      );
    }
    for (let length = 4; length < 16; length++)
      assert.throws(
        () => unweighted(message.subarray(0, length)),
        (error: unknown) => error instanceof PacketError,
      );
  }
  for (const weight of [0, -1, NaN, Infinity])
    assert.throws(
      () => unweighted(weighted(bytes, weight)),
      (error: unknown) => error instanceof PacketError,
    );
  assert.throws(
    () => parted([1, 2].map(() => weighted(bytes, 1.7e308))),
    (error: unknown) => error instanceof PacketError && /sum of the weights/.test(error.message),
  );
  assert.equal(parted([bytes, weighted(bytes, 2)]).weights, [1, 2]);
  assert.is(parted([bytes, bytes]).weights, undefined);
});

test.run();
