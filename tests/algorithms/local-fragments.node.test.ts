/** Local steps by fragments: each is a system of its own, and together they are saved, shared and taken back. */
import * as assert from 'uvu/assert';
import {
  diLoCo,
  exchange,
  fedAvg,
  localTrainer,
  sparseLoCo,
  trainLocally,
} from '../../ts/algorithms/index.ts';
import type { LocalOptions, Model, System } from '../../ts/algorithms/index.ts';
import type { Vector } from '../../ts/algorithms/vectors.ts';
import { blockTopK, scaledSign } from '../../ts/index.ts';
import { gradient } from '../reference/algorithms/gradients.ts';
import { crewOf, device, type Crew } from '../reference/algorithms/play.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('local steps by fragments');

const [N, F, WORKERS] = [700, 3, 3];
const blocks = blockTopK({ block: 64, k: 5 });

type Make = (more: LocalOptions) => System;
const systems: Readonly<Record<string, Make>> = {
  'sparseLoCo, with momentum': (more) => sparseLoCo({ compressor: blocks, momentum: 0.5, ...more }),
  diLoCo: (more) => diLoCo(more),
  'through a server': (more) => sparseLoCo({ compressor: blocks, server: scaledSign(), ...more }),
  'by senders, clipped': (more) =>
    sparseLoCo({ compressor: blocks, average: 'senders', clip: 'median', ...more }),
};

const at = (f: number): number => Math.floor((f * N) / F);

/** What a worker's copy has become in a step. */
function localOf(theta: Float32Array, step: number, rank: number): Float32Array {
  const moved = gradient(N, step, rank);
  return theta.map((value, i) => value - 0.01 * moved[i]);
}

/** A step of all, over some of the workers. */
async function step(crew: Crew, number: number, theta: Float32Array, from = [0, 1, 2]): Promise<void> {
  const sent: Uint8Array[] = [];
  for (const [rank, worker] of crew.workers.entries()) {
    const local = localOf(theta, number, rank);
    sent.push((await worker.send(local, number === 0 ? { parameters: theta.slice() } : {})).bytes);
  }
  const messages = from.map((rank) => sent[rank]);
  const inbox = crew.server === undefined ? messages : [await crew.server.answer(messages, from)];
  for (const worker of crew.workers) await worker.receive(inbox, from);
}

const FROM = [[0, 1, 2], [1, 2], [0, 1, 2], [0], [0, 2], [0, 1, 2], [0, 1]];

for (const [label, make] of Object.entries(systems)) {
  test(`${label}: the numbers of a system for each fragment`, async () => {
    const crew = crewOf(make({ fragments: F }), N, WORKERS);
    const initial = input('normal', N, 4);
    const apart = Array.from({ length: F }, (_, f) => crewOf(make({}), at(f + 1) - at(f), WORKERS));
    const theta = initial.slice();
    for (let t = 0; t < 12; t++) {
      const from = FROM[t % FROM.length];
      const f = t % F;
      const sent: Uint8Array[] = [];
      for (const [rank, worker] of apart[f].workers.entries()) {
        const local = localOf(theta, t, rank).subarray(at(f), at(f + 1));
        const given = t < F ? { parameters: initial.slice(at(f), at(f + 1)) } : {};
        sent.push((await worker.send(local, given)).bytes);
      }
      const messages = from.map((rank) => sent[rank]);
      const { server } = apart[f];
      const inbox = server === undefined ? messages : [await server.answer(messages, from)];
      for (const worker of apart[f].workers) await worker.receive(inbox, from);
      await step(crew, t, theta.slice(), from);
      theta.set(apart[f].workers[0].parameters as Float32Array, at(f));
      for (const worker of crew.workers) assert.equal(worker.parameters, theta, `step ${t}`);
      assert.equal(crew.workers[1].report, apart[f].workers[1].report);
    }
    assert.not.equal(theta, initial);
  });

  test(`${label}: saved, shared and taken back at any step`, async () => {
    const system = make({ fragments: F });
    const crew = crewOf(system, N, WORKERS);
    const initial = input('normal', N, 4);
    const theta = (of: Crew): Float32Array => of.workers[0].parameters?.slice() as Float32Array;
    for (let t = 0; t < 5; t++) {
      const before = t === 0 ? initial : theta(crew);
      const next = crewOf(system, N, WORKERS);
      for (const [rank, worker] of crew.workers.entries()) await next.workers[rank].load(await worker.save());
      await next.server?.load((await crew.server?.save()) as Uint8Array);
      await step(crew, t, before);
      const after = theta(crew);
      for (const machine of [...crew.workers, crew.server]) machine?.takeBack();
      if (t > 0) assert.equal(theta(crew), before);
      await step(crew, t, before);
      await step(next, t, before);
      assert.equal([theta(crew), theta(next)], [after, after], `step ${t}`);
      const into = device.vector(N);
      const late = system.worker<Vector>(device, { n: N, workers: WORKERS, rank: 1 }, into);
      late.adopt(crew.workers[0].share());
      assert.equal(late.parameters, after);
      // its outcome is all of the model, too
      await late.follow();
      const peers = crewOf(system, N, WORKERS);
      for (const [rank, worker] of crew.workers.entries())
        await peers.workers[rank].load(await worker.save());
      await peers.server?.load((await crew.server?.save()) as Uint8Array);
      const sent: Uint8Array[] = [];
      for (const [rank, worker] of peers.workers.entries())
        sent.push((await worker.send(localOf(after, t + 1, rank))).bytes);
      const inbox = peers.server === undefined ? sent : [await peers.server.answer(sent)];
      await late.receive(inbox, undefined, false);
      await peers.workers[0].receive(inbox);
      assert.equal(await into.read(), peers.workers[0].parameters);
      late.free();
      into.free();
      for (const machine of [...peers.workers, ...next.workers]) machine.free();
    }
    assert.throws(
      () => crew.workers[0].adopt(crewOf(make({}), N, WORKERS).workers[0].share()),
      /in 3 fragments/,
    );
  });
}

test('a message is a fragment', async () => {
  const of = async (fragments: number): Promise<number> => {
    const { workers } = crewOf(diLoCo({ fragments }), N, 1);
    return (await workers[0].send(input('normal', N, 1))).bytes.length;
  };
  assert.ok((await of(7)) < (await of(1)) / 6);
  for (const fragments of [0, 1.5, 'two', 2 ** 16 + 1])
    assert.throws(
      () => diLoCo({ fragments: fragments as number }),
      /"fragments" expected an integer in 1..65536/,
    );
});

const task = ({ parameters }: Model): Float32Array => parameters.map((value, i) => value - Math.sin(i));
const modelOf = (): Model => ({
  parameters: input('normal', N, 3),
  velocity: new Float32Array(N),
  learningRate: 0.05,
  momentum: 0.9,
});

test('a worker alone trains on as if nothing had been exchanged, whatever the delay', async () => {
  for (const delay of [0, 2]) {
    const [worker] = crewOf(fedAvg({ fragments: F }), N, 1).workers;
    const model = modelOf();
    const train = localTrainer({ fragments: F, delay, gradient: task });
    const alone = modelOf();
    const plain = localTrainer({ gradient: task });
    for (let t = 0; t < 9; t++) {
      const local = await train(model, 4, t);
      await exchange([worker], undefined, [local], [model]);
      // fedAvg of one worker: the fragment is what it sent
      const range = [at(t % F), at((t % F) + 1)] as const;
      const [common, sent] = [model.parameters.slice(...range), local.slice(...range)];
      assert.ok(common.every((value, i) => Math.abs(value - sent[i]) < 1e-5));
      const expected = await plain(alone, 4, t);
      alone.parameters.set(expected);
      assert.ok(
        expected.every((value, i) => Math.abs(value - local[i]) < 1e-4),
        `delay ${delay}, step ${t}`,
      );
    }
  }
});

test('one fragment without a delay: each call begins with the common model, to the bit', async () => {
  const train = localTrainer({ gradient: task });
  const model = { ...modelOf(), momentum: 0 };
  for (let t = 0; t < 4; t++) {
    model.parameters.set(input('normal', N, 10 + t));
    assert.equal(await train(model, 3, t), await trainLocally({ ...model }, 3, task));
  }
});

test('what was exchanged comes so many steps late, and these are computed before the next call', async () => {
  const seen: number[] = [];
  const gradientOf = ({ parameters }: Model): Float32Array => {
    seen.push(parameters[0]);
    return Float32Array.of(1, 0);
  };
  const train = localTrainer({ delay: 2, fragments: 2, gradient: gradientOf });
  const model = {
    parameters: Float32Array.of(10, 5),
    velocity: new Float32Array(2),
    learningRate: 1,
    momentum: 0,
  };
  assert.equal(await train(model, 3, 0), Float32Array.of(7, 5));
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(seen, [10, 9, 8, 7, 6], 'two more than asked for');
  model.parameters.set([110, 8]);
  // 110 and the two steps since 7 was sent, then one more; the other one was not sent
  assert.equal(await train(model, 3, 1), Float32Array.of(107, 8));
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(seen.slice(5), [108, 107, 106]);
  // the first one is not exchanged in step 1: it goes on as it is
  assert.equal(await train(model, 2, 2), Float32Array.of(105, 8));
  const refused = await train(model, 1, 3).catch((error: Error) => error);
  assert.match((refused as Error).message, /"steps" expected an integer in 2../);
  assert.throws(() => localTrainer({ gradient: gradientOf, delay: -1 }), /"delay"/);
  assert.throws(() => localTrainer({ gradient: gradientOf, fragments: 0 }), /"fragments"/);
  assert.throws(() => localTrainer({} as { gradient: typeof gradientOf }), /"gradient" expected a function/);
});

test.run();
