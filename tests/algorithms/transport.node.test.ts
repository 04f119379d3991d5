/** runStep and deliver over a transport made by hand: directions and models are those of `exchange` in one process. */
import * as assert from 'uvu/assert';
import {
  exDyna,
  exchange,
  foSgd,
  liecSgd,
  memSgd,
  pSgd,
  topKAllGather,
  type Message,
  type Model,
} from '../../ts/algorithms/index.ts';
import { deliver, runStep } from '../../ts/algorithms/transport.ts';
import { OverflowError } from '../../ts/errors.ts';
import { openDevice, topK, type Device } from '../../ts/index.ts';
import { crewOf, device as js } from '../reference/algorithms/play.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const N = 300;
const WORKERS = 3;
const STEPS = 3;

const test = suite('a step over a transport');

let wasm: Device;
test.before(async () => {
  wasm = await openDevice({ backend: 'wasm' });
});
test.after(() => wasm.close());

const modelOf = (): Model => ({
  parameters: new Float32Array(N),
  velocity: new Float32Array(N),
  learningRate: 0.1,
  momentum: 0.9,
});
const gradientOf = (step: number, rank: number): Float32Array =>
  input('normal', N, 1 + step * WORKERS + rank);

for (const system of [
  pSgd(),
  foSgd({ seed: 1 }),
  topKAllGather({ ratio: 0.1 }),
  exDyna({ density: 0.05 }),
  liecSgd({ averagePeriod: 2 }),
])
  test(`${system.name}: every model as by exchange`, async () => {
    const [one, other] = [crewOf(system, N, WORKERS), crewOf(system, N, WORKERS)];
    const [models, expected] = [one, other].map(({ workers }) => workers.map(modelOf));
    /** Messages that wait for their round, by rank, and who waits for what comes of them. */
    let round: { rank: number; message: Message; give: (inbox: Promise<readonly Uint8Array[]>) => void }[] =
      [];
    const carryOf =
      (rank: number) =>
      (message: Message): Promise<readonly Uint8Array[]> =>
        new Promise((give) => {
          round.push({ rank, message, give });
          if (round.length < WORKERS) return;
          const complete = round.sort((a, b) => a.rank - b.rank);
          round = [];
          const inbox = deliver(
            complete.map(({ message }) => message),
            one.server,
          );
          for (const { give } of complete) give(inbox);
        });
    for (let step = 0; step < STEPS; step++) {
      const gradients = models.map((_, rank) => gradientOf(step, rank));
      const ends = await Promise.all(
        one.workers.map((worker, rank) => runStep(worker, gradients[rank], models[rank], carryOf(rank))),
      );
      const { outcomes } = await exchange(other.workers, other.server, gradients, expected);
      assert.equal(
        ends.map(({ kind }) => kind),
        outcomes.map(({ kind }) => kind),
      );
      for (const [rank, outcome] of outcomes.entries())
        if (outcome.kind === 'direction') {
          const { velocity, parameters, momentum, learningRate } = expected[rank];
          for (let i = 0; i < N; i++) {
            velocity[i] = Math.fround(Math.fround(momentum * velocity[i]) + outcome.direction[i]);
            parameters[i] = Math.fround(parameters[i] - Math.fround(learningRate * velocity[i]));
          }
        }
      for (const [rank, { parameters }] of models.entries()) {
        assert.ok(parameters.some((value) => value !== 0));
        for (let i = 0; i < N; i++)
          assert.ok(
            Math.abs(parameters[i] - expected[rank].parameters[i]) < 1e-6,
            `step ${step}, rank ${rank}, ${i}`,
          );
      }
    }
  });

test('a round of messages that do not belong together is refused', async () => {
  const bytes = new Uint8Array(4);
  await rejects(
    deliver(
      [
        { route: 'sum', bytes },
        { route: 'gather', bytes },
      ],
      undefined,
    ),
    Error,
    'not in the same round',
  );
  await rejects(deliver([{ route: 'server', bytes }], undefined), TypeError, '"server" expected');
});

for (const system of [
  pSgd(),
  foSgd({ seed: 1 }),
  topKAllGather({ ratio: 0.1 }),
  exDyna({ density: 0.05 }),
  liecSgd({ averagePeriod: 2 }),
])
  test(`${system.name}: with gradients and directions on the device, the model is that of vectors in memory`, async () => {
    for (const on of [js, wasm]) {
      const seat = { n: N, workers: 1, rank: 0 };
      const [gradient, into] = [on.vector(N), on.vector(N)];
      const [there, here] = [system.worker(on, seat, into), system.worker(on, seat)];
      const servers = [0, 1].map(() => system.server?.(on, seat));
      const [model, expected] = [modelOf(), modelOf()];
      for (let step = 0; step < STEPS; step++) {
        await gradient.write(gradientOf(step, 0));
        const end = await runStep(there, gradient, model, (message) => deliver([message], servers[0]));
        if (end.kind === 'direction') assert.is(end.direction, into);
        const other = await runStep(here, gradientOf(step, 0), expected, (message) =>
          deliver([message], servers[1]),
        );
        assert.is(end.kind, other.kind);
        if (other.kind === 'direction') assert.equal(await into.read(), other.direction);
        assert.equal(model, expected, `step ${step}`);
      }
      for (const machine of [there, here, ...servers, gradient, into]) machine?.free();
    }
  });

test('exchange gives each worker its direction where it is made for', async () => {
  const seat = { n: N, workers: 2 };
  const system = memSgd(topK({ ratio: 0.1 }));
  const places = [js.vector(N), js.vector(N)];
  const workers = places.map((into, rank) => system.worker(js, { ...seat, rank }, into));
  const { outcomes } = await exchange(workers, system.server?.(js, seat), [
    gradientOf(0, 0),
    gradientOf(0, 1),
  ]);
  const other = crewOf(system, N, 2);
  const expected = await exchange(other.workers, other.server, [gradientOf(0, 0), gradientOf(0, 1)]);
  for (const [rank, outcome] of outcomes.entries()) {
    assert.ok(outcome.kind === 'direction' && outcome.direction === places[rank]);
    assert.equal({ kind: 'direction', direction: await places[rank].read() }, expected.outcomes[rank]);
  }
});

test('a sum that overflows is told of with the ranks that it is of', async () => {
  const bytes = new Uint8Array(Float32Array.of(2 ** 127).buffer);
  const messages = [0, 1].map(() => ({ route: 'sum', bytes }) as const);
  await rejects(
    deliver(messages, undefined, [2, 5]),
    OverflowError,
    'from rank 2, 1.7014118346046923e+38 from rank 5',
  );
});

test('without a model the direction is the caller’s', async () => {
  const { workers, server } = crewOf(pSgd(), N, 1);
  const gradient = input('normal', N, 5);
  const end = await runStep(workers[0], gradient, undefined, (message) => deliver([message], server));
  assert.is(end.kind, 'direction');
  if (end.kind === 'direction') assert.equal(end.direction, gradient);
});

test.run();
