/** LIEC-SGD against its simulation in float64: what is sent, directions, models, the server's error. */
import * as assert from 'uvu/assert';
import { liecSgd } from '../../ts/algorithms/liec-sgd.ts';
import { PacketError } from '../../ts/errors.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import type { Model } from '../../ts/algorithms/system.ts';
import { isScaledSign, isTopK, type Check } from '../reference/algorithms/compressed.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { simulateLiec } from '../reference/algorithms/liec-sgd.ts';
import { assertNear, combine, exactly, meanOf } from '../reference/algorithms/near.ts';
import { crewOf, decoded, device, directionsOf, floats, play } from '../reference/algorithms/play.ts';
import { readState } from '../reference/algorithms/states.ts';
import { rejects } from '../support/host.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('liecSgd against its simulation');

/** All models are the same, bit by bit. */
function requireEqual(given: readonly Model[], momentum: number, label: string): void {
  for (const { parameters, velocity } of given.slice(1)) {
    assertWords(parameters, given[0].parameters, label);
    if (momentum > 0) assertWords(velocity, given[0].velocity, `${label}, velocity`);
  }
}

for (const { label, compressor, isC } of [
  { label: 'scaledSign', compressor: undefined, isC: isScaledSign },
  { label: 'topK', compressor: topK({ k: 15 }), isC: isTopK(15) },
] satisfies { label: string; compressor: ReturnType<typeof topK> | undefined; isC: Check }[])
  for (const momentum of [0, 0.9])
    test(`${label}, momentum ${momentum}: packets, directions and models of 200 steps`, async () => {
      for (const [workers, n, averagePeriod] of [
        [2, 400, 32],
        [3, 301, 7],
        [8, 256, 50],
      ]) {
        const crew = crewOf(liecSgd({ compressor, averagePeriod }), n, workers);
        const trained = models(n, workers, momentum);
        const simulated = simulateLiec(n, trained);
        for (let step = 0; step < 200; step++) {
          const at = `${workers} workers, step ${step}`;
          const given = gradients(n, workers, step);
          const averages = (step + 1) % averagePeriod === 0;
          // workers ask for the model only where they average
          const played = await play(crew, given, averages ? trained : []);
          const [{ messages, inbox }] = played.rounds;
          if (averages) {
            simulated.averaged(given);
            assert.ok(played.outcomes.every(({ kind }) => kind === 'stepped'));
            // eta, and one vector, or two
            const size = 4 + (momentum > 0 ? 8 : 4) * n;
            for (const { bytes } of messages) assert.is(bytes.length, size);
            assert.equal([played.bytesUp, played.bytesDown], [workers * size, workers * size]);
            requireEqual(trained, momentum, at);
          } else {
            // 1. C of the gradient as it is
            const c = await decoded(messages.map(({ bytes }) => bytes));
            c.forEach((vector, rank) => isC(vector, exactly(given[rank]), `${at}, rank ${rank}`));
            // 2. C of the mean and the server's error
            const [q] = await decoded(inbox);
            isC(q, simulated.server(c), `${at}, server`);
            // 3. q + e_r
            const expected = simulated.compressed(given, c, q);
            const directions = directionsOf(played);
            directions.forEach((direction, r) => assertNear(direction, expected[r], `${at}, rank ${r}`));
            directions.forEach((direction, r) => descend(trained[r], direction));
          }
          if (!averages && step % 10 > 0) continue;
          trained.forEach(({ parameters, velocity }, r) => {
            assertNear(parameters, simulated.parameters[r], `${at}, model ${r}`);
            if (momentum > 0) assertNear(velocity, simulated.velocities[r], `${at}, velocity ${r}`);
          });
          const { error } = readState((await crew.server?.save()) ?? new Uint8Array()).vectors;
          assertNear(error, simulated.serverError, `${at}, server error`);
          if (averages) assert.ok(error.every((value) => value === 0));
        }
      }
    });

test.run();

const rules = suite('liecSgd by its definition');

rules('the models drift apart between averages, and are one after each', async () => {
  const crew = crewOf(liecSgd({ averagePeriod: 4 }), 100, 3);
  const trained = models(100, 3, 0.5);
  for (let step = 0; step < 12; step++) {
    const played = await play(crew, gradients(100, 3, step), trained);
    if (step % 4 < 3) {
      directionsOf(played).forEach((direction, r) => descend(trained[r], direction));
      assert.ok(trained[0].parameters.some((value, i) => value !== trained[1].parameters[i]));
    } else requireEqual(trained, 0.5, `step ${step}`);
  }
});

rules('averaging in each step is dense momentum SGD', async () => {
  const [n, workers] = [200, 3];
  for (const momentum of [0, 0.9]) {
    const crew = crewOf(liecSgd({ averagePeriod: 1 }), n, workers);
    const trained = models(n, workers, momentum);
    let parameters = exactly(trained[0].parameters);
    let velocity = exactly(trained[0].velocity);
    for (let step = 0; step < 50; step++) {
      const given = gradients(n, workers, step);
      await play(crew, given, trained);
      const mean = meanOf(given.map((gradient) => exactly(gradient)));
      // the second combination stands for the roundings of the workers' own steps, which are averaged
      velocity = combine([momentum, combine([1, velocity])], [1, mean]);
      parameters = combine([1, combine([1, parameters])], [-0.05, velocity]);
      assertNear(trained[workers - 1].parameters, parameters, `momentum ${momentum}, step ${step}`);
    }
  }
});

rules('the first average is at step averagePeriod - 1; 100 if left out', async () => {
  const crew = crewOf(liecSgd(), 10, 1);
  const trained = models(10, 1, 0);
  for (let step = 0; step < 200; step++) {
    const { outcomes } = await play(crew, gradients(10, 1, step), trained);
    assert.is(outcomes[0].kind, step === 99 || step === 199 ? 'stepped' : 'direction');
  }
});

rules('a step that averages wants the model, and says so', async () => {
  const worker = liecSgd({ averagePeriod: 2 }).worker(device, { n: 3, workers: 1, rank: 0 });
  const server = liecSgd({ averagePeriod: 2 }).server?.(device, { n: 3, workers: 1 });
  const x = new Float32Array([1, 2, 3]);
  const { bytes } = await worker.send(x);
  await worker.receive([(await server?.answer([bytes])) ?? bytes]);
  await rejects(worker.send(x), TypeError, '"model" expected in step 1');
  // and goes on once it has it
  const [model] = models(3, 1, 0, 0.5);
  const expected = model.parameters.map((value, i) => value - 0.5 * x[i]);
  const { bytes: ahead } = await worker.send(x, model);
  const [learningRate, ...next] = floats(ahead);
  assert.is(learningRate, 0.5);
  assertWords(new Float32Array(next), expected, 'ahead');
});

rules('the server adds its error to the step that all take, and to their momentum', async () => {
  const n = 2;
  for (const momentum of [0, 0.5]) {
    // c = (2, 2) and (2, -2); e = (1, -1) and (1, 1); p = (2, 0), q = (1, 1), E = (1, -1)
    const two = crewOf(liecSgd({ averagePeriod: 2 }), n, 2);
    const trained = models(n, 2, momentum, 0.25);
    for (const { parameters } of trained) parameters.set([1, 1]);
    const directions = directionsOf(await play(two, [new Float32Array([3, 1]), new Float32Array([3, -1])]));
    assert.equal(
      directions.map((direction) => [...direction]),
      [
        [2, 0],
        [2, 2],
      ],
    );
    directions.forEach((direction, r) => descend(trained[r], direction));
    await play(two, [new Float32Array(n), new Float32Array(n)], trained);
    // mean x = (0.5, 0.75), mean v = (2, 1)
    const u = [momentum * 2 + 1, momentum * 1 - 1];
    for (const { parameters, velocity } of trained) {
      assert.equal([...parameters], [0.5 - 0.25 * u[0], 0.75 - 0.25 * u[1]]);
      if (momentum > 0) assert.equal([...velocity], u);
    }
  }
});

rules(
  'an average without the momentum is refused where there is momentum, and the other way round',
  async () => {
    const n = 4;
    const accepted: string[] = [];
    for (const momentum of [0, 0.5]) {
      const crew = crewOf(liecSgd({ averagePeriod: 1 }), n, 1);
      const [model] = models(n, 1, momentum);
      await crew.workers[0].send(new Float32Array(n), model);
      const answer = new Uint8Array((1 + (momentum > 0 ? 1 : 2) * n) * 4);
      try {
        await crew.workers[0].receive([answer]);
        accepted.push(`momentum ${momentum}`);
      } catch (error) {
        if (!(error instanceof PacketError)) throw error;
      }
    }
    assert.equal(accepted, []);
  },
);

rules('wrong options are named', () => {
  assert.throws(
    () => liecSgd({ averagePeriod: 0 }),
    /"averagePeriod" expected an integer in 1\.\.4294967295, got 0/,
  );
  assert.throws(() => liecSgd({ averagePeriod: 1.5 }), /"averagePeriod"/);
  assert.throws(
    () => liecSgd({ period: 3 } as object),
    /liecSgd has no option "period"; it has compressor, averagePeriod/,
  );
});

rules.run();
