/** runStep and deliver over a transport made by hand: directions and models are those of `exchange` in one process. */
import * as assert from 'uvu/assert';
import {
  exDyna,
  exchange,
  foSgd,
  liecSgd,
  pSgd,
  topKAllGather,
  type Message,
  type Model,
} from '../../ts/algorithms/index.ts';
import { deliver, runStep } from '../../ts/algorithms/transport.ts';
import { crewOf } from '../reference/algorithms/play.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const N = 300;
const WORKERS = 3;
const STEPS = 3;

const test = suite('a step over a transport');

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

test('without a model the direction is the caller’s', async () => {
  const { workers, server } = crewOf(pSgd(), N, 1);
  const gradient = input('normal', N, 5);
  const end = await runStep(workers[0], gradient, undefined, (message) => deliver([message], server));
  assert.is(end.kind, 'direction');
  if (end.kind === 'direction') assert.equal(end.direction, gradient);
});

test.run();
