/** Local steps against their definition, and what the papers' names promise. */
import * as assert from 'uvu/assert';
import {
  diLoCo,
  exchange,
  fedAvg,
  localSteps,
  pSgd,
  sparseLoCo,
  type LocalOptions,
  type SendOptions,
  type System,
} from '../../ts/algorithms/index.ts';
import { unweighted } from '../../ts/algorithms/weights.ts';
import { PacketError } from '../../ts/errors.ts';
import { blockTopK, float32, inspect, qsgd, randomK, scaledSign, type Compressor } from '../../ts/index.ts';
import { crc32 } from '../../ts/packet/crc32.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import {
  accumulated,
  lost,
  stepped,
  update,
  type Decoded,
  type LocalSettings,
  type Shared,
} from '../reference/algorithms/local-steps.ts';
import { crewOf, decoded, device, play } from '../reference/algorithms/play.ts';
import { readState } from '../reference/algorithms/states.ts';
import { used } from '../reference/algorithms/transport.ts';
import { input } from '../support/inputs.ts';
import { rejects } from '../support/host.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('localSteps');

/** Models trained from a common one: it less a drifting, heavy-tailed change of each worker's. */
function trained(theta: Float32Array, workers: number, round: number): Float32Array[] {
  return gradients(theta.length, workers, round).map((change) =>
    theta.map((value, i) => value - 0.01 * change[i]),
  );
}

const blocks = blockTopK({ block: 64, k: 6 });

/** Systems, what they compress with, and their settings in numbers. */
const cases: readonly (readonly [string, System, Compressor, LocalSettings])[] = [
  ['sparseLoCo', sparseLoCo(), blockTopK(), { decay: 0.95, rate: 1, momentum: 0 }],
  ['diLoCo', diLoCo(), float32(), { decay: 0, rate: 0.7, momentum: 0.9 }],
  ['fedAvg', fedAvg(), float32(), { decay: 0, rate: 1, momentum: 0 }],
  ...(
    [
      [blocks, { decay: 0.9, rate: 0.5, momentum: 0.6, average: 'senders' }],
      [blocks, { decay: 1, rate: 1, momentum: 0, average: 'senders', clip: 'median' }],
      [scaledSign({ block: 100 }), { decay: 0.3, rate: 0.8, momentum: 0, clip: 'median' }],
      [randomK({ ratio: 0.1, seed: 3 }), { decay: 1, rate: 1.5, momentum: 0.2, average: 'senders' }],
      [qsgd({ levels: 4, seed: 2 }), { decay: 0, rate: 1, momentum: 0.9, clip: 'median' }],
    ] satisfies [Compressor, LocalOptions & LocalSettings][]
  ).map(
    ([compressor, settings]) =>
      [
        `${compressor.name}, ${JSON.stringify(settings)}`,
        localSteps({ compressor, ...settings }),
        compressor,
        settings,
      ] as const,
  ),
];

/** Which elements a packet carries: of those that say a number, where they decode to something. */
const carriedBy = (packet: Uint8Array, values: Float32Array): Decoded =>
  /TopK|randomK/.test(inspect(packet).compressor) ? { values, carries: (i) => values[i] !== 0 } : { values };

/** Whose packets a round is made of. */
const FROM = [[0, 1, 2], [0, 2], [0, 1, 2], [1]];
const WEIGHTS = [1, 3, 0.25];

for (const [label, system, compressor, settings] of cases)
  test(`${label}: packets, errors and models of 12 rounds are those of the definition, to the bit`, async () => {
    for (const n of [150, 1, 4500]) {
      const crew = crewOf(system, n, 3);
      const initial = input('normal', n, 5);
      let shared: Shared = { theta: initial, m: new Float32Array(settings.momentum > 0 ? n : 0) };
      let errors: Float32Array[] = crew.workers.map(() => new Float32Array(n));
      for (let round = 0; round < 12; round++) {
        const at = `n ${n}, round ${round}`;
        const from = FROM[round % FROM.length];
        const locals = trained(shared.theta, 3, round);
        const messages = [];
        for (const [rank, worker] of crew.workers.entries())
          messages.push(
            await worker.send(locals[rank], {
              weight: WEIGHTS[rank],
              ...(round === 0 && { parameters: initial.slice() }),
            }),
          );
        const accs = locals.map((local, r) => accumulated(errors[r], shared.theta, local, settings.decay));
        const packets: Uint8Array[] = [];
        for (const [r, acc] of accs.entries())
          packets.push(await device.compress(compressor, acc, { step: round, stream: r }));
        assert.equal(
          messages.map(({ bytes }) => unweighted(bytes).bytes),
          packets,
          at,
        );
        const values = await decoded(packets);
        const here = from.map((rank) => carriedBy(packets[rank], values[rank]));
        const weights = from.map((rank) => WEIGHTS[rank]);
        const u = update(here, weights, settings);
        shared = stepped(shared, u, settings);
        errors = accs.map((acc, r) => (from.includes(r) ? lost(acc, values[r]) : acc));
        const inbox = used(messages, from).map(({ bytes }) => bytes);
        for (const [rank, worker] of crew.workers.entries()) {
          const outcome = await worker.receive(inbox, from);
          if (outcome.kind !== 'stepped' || outcome.parameters === undefined)
            return assert.unreachable(`${at}: ${outcome.kind}`);
          assertWords(outcome.parameters, shared.theta, at);
          const { vectors } = readState(await worker.save());
          assert.equal(vectors.error, errors[rank], `${at}, rank ${rank}: the error`);
          assertWords(vectors.parameters, shared.theta, at);
          assertWords(vectors.velocity, shared.m, at);
          const { report } = worker;
          assert.is(report.checksum, crc32(new Uint8Array(shared.theta.buffer)), at);
          const union = u.filter((_, i) => here.some(({ carries }) => carries?.(i) ?? true)).length / n;
          assert.is(report.union, union, at);
          const norm = (x: Float32Array): number => Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0));
          assert.ok(Math.abs((report.update ?? NaN) - norm(u)) <= 1e-6 * norm(u), at);
          assert.ok(Math.abs((report.error ?? NaN) - norm(errors[rank])) <= 1e-5 * norm(errors[rank]), at);
        }
      }
      for (const worker of crew.workers) worker.free();
    }
  });

test('a server answers with its own packet of u, and carries what that loses', async () => {
  const n = 300;
  const settings = { decay: 0.9, rate: 0.5, momentum: 0.5 };
  const crew = crewOf(localSteps({ ...settings, compressor: blocks, server: scaledSign() }), n, 3);
  let shared: Shared = { theta: input('normal', n, 5), m: new Float32Array(n) };
  let E: Float32Array = new Float32Array(n);
  for (let round = 0; round < 10; round++) {
    const begins = [0, 1, 2].map(() => ({ parameters: shared.theta.slice() }));
    const played = await play(crew, trained(shared.theta, 3, round), begins);
    const [{ messages, inbox }] = played.rounds;
    const values = await decoded(messages.map(({ bytes }) => bytes));
    const u = update(
      values.map((one) => ({ values: one })),
      [1, 1, 1],
      settings,
    );
    const p = u.map((value, i) => value + E[i]);
    assert.equal(inbox, [await device.compress(scaledSign(), p, { step: round, stream: 3 })]);
    const [q] = await decoded(inbox);
    E = lost(p, q);
    shared = stepped(shared, q, settings);
    for (const [rank, { parameters }] of crew.workers.entries()) {
      assertWords(parameters as Float32Array, shared.theta, `round ${round}`);
      assertWords(begins[rank].parameters, shared.theta, `round ${round}: the model that was given`);
    }
  }
});

test('decay 1: what was sent and what is kept is what models have changed, nothing lost and nothing added', async () => {
  for (const compressor of [blocks, scaledSign(), float32()]) {
    const [n, rounds] = [400, 40];
    const [worker] = crewOf(localSteps({ compressor, decay: 1, rate: 0.3 }), n, 1).workers;
    const [sent, given] = [new Float64Array(n), new Float64Array(n)];
    let largest = 0;
    for (let round = 0; round < rounds; round++) {
      const theta = (worker.parameters as Float32Array).slice();
      const [local] = trained(theta, 1, round);
      const before = readState(await worker.save()).vectors.error;
      const { bytes } = await worker.send(local);
      const values = await device.decompress(bytes);
      for (let i = 0; i < n; i++) {
        sent[i] += values[i];
        given[i] += Math.fround(theta[i] - local[i]);
        largest = Math.max(largest, Math.abs(before[i] + theta[i] - local[i]));
      }
      await worker.receive([bytes]);
    }
    const { error } = readState(await worker.save()).vectors;
    error.forEach((e, i) => assert.ok(Math.abs(sent[i] + e - given[i]) <= rounds * 2 ** -23 * largest));
    if (compressor.name === 'float32') assert.ok(error.every((e) => e === 0));
    else assert.ok(error.some((e) => e !== 0));
  }
});

test('one plain step between two rounds, in float32: the model of pSgd, within one unit in the last place a step', async () => {
  const [n, workers, steps, learningRate] = [300, 4, 30, 0.001];
  const [local, dense] = [crewOf(localSteps(), n, workers), crewOf(pSgd(), n, workers)];
  const replicas = models(n, workers, 0, learningRate);
  const start = models(n, workers, 0);
  for (let step = 0; step < steps; step++) {
    const given = gradients(n, workers, step);
    const theta = step === 0 ? start[0].parameters.slice() : (local.workers[0].parameters as Float32Array);
    const locals = given.map((gradient) =>
      theta.map((value, i) => value - Math.fround(learningRate * gradient[i])),
    );
    await exchange(local.workers, undefined, locals, step === 0 ? start : []);
    const { outcomes } = await exchange(dense.workers, dense.server, given);
    outcomes.forEach((outcome, rank) => {
      if (outcome.kind === 'direction') descend(replicas[rank], outcome.direction);
    });
    const { parameters } = replicas[0];
    (local.workers[0].parameters as Float32Array).forEach((value, i) => {
      // an update of several times the parameter is rounded as it is
      const most = Math.max(Math.abs(theta[i]), Math.abs(value), ...locals.map((one) => Math.abs(one[i])));
      const unit = 2 ** (Math.floor(Math.log2(most)) - 23);
      const off = Math.abs(value - parameters[i]);
      assert.ok(off <= (step + 1) * unit, `step ${step}, element ${i}: ${off / unit} units`);
    });
  }
});

test('weights 1 and 3 are the mean of four workers of which three are alike', async () => {
  for (const options of [{}, { momentum: 0.5, compressor: blocks, average: 'senders' }] as const) {
    const n = 500;
    const two = crewOf(localSteps(options), n, 2);
    const four = crewOf(localSteps(options), n, 4);
    const theta = input('normal', n, 5);
    for (let round = 0; round < 8; round++) {
      const common = round === 0 ? theta : (two.workers[0].parameters as Float32Array);
      const [a, b] = trained(common, 2, round);
      // each takes the next model, too
      const given = (): SendOptions => (round === 0 ? { parameters: theta.slice() } : {});
      await exchange(two.workers, undefined, [a, b], [given(), { ...given(), weight: 3 }]);
      await exchange(four.workers, undefined, [a, b, b, b], [given(), given(), given(), given()]);
      assert.equal(two.workers[1].parameters, four.workers[2].parameters, `round ${round}`);
    }
  }
});

test('who joins late takes model and velocity from any other, and begins without an error', async () => {
  const [n, workers] = [200, 3];
  const system = sparseLoCo({ compressor: blocks, momentum: 0.5 });
  const crew = crewOf(system, n, workers);
  const theta = input('normal', n, 5);
  for (let round = 0; round < 6; round++) {
    const common = round === 0 ? theta : (crew.workers[0].parameters as Float32Array);
    const messages = [];
    for (const [rank, local] of trained(common, 2, round).entries())
      messages.push(await crew.workers[rank].send(local, round === 0 ? { parameters: theta.slice() } : {}));
    for (const worker of crew.workers.slice(0, 2))
      await worker.receive(
        messages.map(({ bytes }) => bytes),
        [0, 1],
      );
  }
  const [one, , late] = crew.workers;
  late.adopt(one.share());
  assert.equal(late.parameters, one.parameters);
  const { vectors, numbers } = readState(await late.save());
  assert.ok(vectors.error.every((e) => e === 0));
  assert.equal(vectors.velocity, readState(await one.save()).vectors.velocity);
  assert.is(numbers.step, 6);
  const { outcomes } = await exchange(
    crew.workers,
    undefined,
    trained(one.parameters as Float32Array, workers, 6),
  );
  for (const other of outcomes.slice(1)) assert.equal(other, outcomes[0]);
});

test('weights and settings that are none are refused', async () => {
  const [worker] = crewOf(localSteps(), 5, 1).workers;
  for (const weight of [0, -1, NaN, Infinity])
    await rejects(
      worker.send(new Float32Array(5), { weight }),
      RangeError,
      `"weight" expected a finite number above 0, got ${weight}`,
    );
  await rejects(
    worker.send(new Float32Array(5), { weight: '3' as unknown as number }),
    TypeError,
    '"weight" expected a finite number above 0, got "3"',
  );
  for (const [options, message] of [
    [{ momentum: 1 }, '"momentum" expected a number in 0..1, below 1, got 1'],
    [{ rate: 0 }, '"rate" expected a number above 0, got 0'],
    [{ decay: 1.5 }, '"decay" expected a number in 0..1, got 1.5'],
  ] as const)
    assert.throws(
      () => localSteps(options),
      (error: Error) => error instanceof RangeError && error.message === message,
    );
});

test('a damaged weight is a PacketError, and the right one is taken then', async () => {
  const [one, two] = crewOf(localSteps(), 40, 2).workers;
  const messages = [];
  for (const worker of [one, two]) messages.push(await worker.send(input('normal', 40, 3), { weight: 7 }));
  const [{ bytes }, other] = messages;
  for (let at = 0; at < 16; at++) {
    const damaged = bytes.slice();
    damaged[at] ^= 4;
    try {
      await one.receive([damaged, other.bytes]);
      assert.unreachable(`byte ${at}`);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
    }
  }
  assert.is((await one.receive([bytes, other.bytes])).kind, 'stepped');
});

test.run();
