/**
 * Variables that are not trained, and those that a loss does not use: neither moves, in any system, over any transport.
 */

import '@tensorflow/tfjs-backend-cpu';
import '../../examples/tfjs/gradients.ts';
import * as tf from '@tensorflow/tfjs-core';
import * as assert from 'uvu/assert';
import { exchange, foSgd, liecSgd, pSgd, type Server, type System } from '../../ts/algorithms/index.ts';
import { PacketError } from '../../ts/errors.ts';
import * as tfjs from '../../ts/frameworks/tfjs.ts';
import { device } from '../reference/algorithms/play.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { openDraws } from '../support/draws.ts';
import { rejects, throws } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('variables');
test.before(() => tf.setBackend('cpu').then(() => undefined));

const WORKERS = 3;
const STEPS = 12;

type Scalar = tf.Scalar;
type Matrix = tf.Tensor2D;

/** Two heads over a body that is frozen, a variable that no loss uses, and statistics of the body's answers. */
interface Model {
  readonly body: tf.Variable;
  readonly heads: readonly [tf.Variable, tf.Variable];
  readonly mean: tf.Variable;
  readonly unused: tf.Variable;
}

function openModel(): Model {
  const { normal } = openDraws(3);
  const drawn = (shape: number[]): tf.Tensor =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.3 * normal()),
      shape,
    );
  return {
    body: tf.variable(drawn([4, 8]), false),
    heads: [tf.variable(drawn([8, 2])), tf.variable(drawn([8, 2]))],
    mean: tf.variable(tf.zeros([8]), false),
    unused: tf.variable(tf.ones([40])),
  };
}

/** The loss of a worker over one of the heads, on numbers of its own; its forward pass moves the statistics. */
function lossOf({ body, heads, mean }: Model, rank: number, head: number): Scalar {
  const { normal } = openDraws(10 + rank);
  const at = tf.tensor2d(
    Float32Array.from({ length: 24 }, () => normal() + rank),
    [6, 4],
  );
  const inside = tf.tanh(tf.matMul(at, body as tf.Tensor as Matrix));
  mean.assign(tf.add(tf.mul(mean, 0.9), tf.mul(tf.mean(inside, 0), 0.1)));
  return tf.mean(tf.square(tf.sub(tf.matMul(inside as Matrix, heads[head] as tf.Tensor as Matrix), 1)));
}

interface Crew {
  readonly models: readonly Model[];
  readonly workers: readonly tfjs.DistributedOptimizer<Model>[];
  readonly server: Server | undefined;
}

function openCrew(system: System, options: Partial<tfjs.DistributeOptions> = {}): Crew {
  const models = Array.from({ length: WORKERS }, openModel);
  const workers = models.map((variables, rank) =>
    tfjs.distribute(tf.train.sgd(0.1), { system, device, workers: WORKERS, rank, ...options, variables }),
  );
  const server = system.server?.(device, { n: workers[0].layout.length, workers: WORKERS });
  return { models, workers, server };
}

/** One step, in which the worker of each rank uses a head. */
async function step({ models, workers, server }: Crew, headOf: (rank: number) => number): Promise<void> {
  const gradients = [];
  for (const [rank, worker] of workers.entries())
    gradients.push((await worker.gradient(() => lossOf(models[rank], rank, headOf(rank)))).gradient);
  await exchange(workers, server, gradients);
}

const numbersOf = (variable: tf.Variable): Promise<Float32Array> => tfjs.flatten(variable);

// an optimizer makes gradients: systems that take models are refused
for (const { label, system } of systems.filter((one) => one.system.takes !== 'model'))
  test(`${label}: what is frozen or unused stays, what one worker uses moves alike`, async () => {
    const start = openModel();
    const crew = openCrew(system);
    assert.equal(
      crew.workers[0].layout.leaves.map(({ name }) => name),
      ['heads/0', 'heads/1', 'unused'],
    );
    for (let i = 0; i < STEPS; i++) await step(crew, () => 0);
    for (const { body, heads, unused } of crew.models) {
      assert.equal(await numbersOf(body), await numbersOf(start.body), 'frozen');
      assert.equal(await numbersOf(unused), await numbersOf(start.unused), 'unused');
      assert.equal(await numbersOf(heads[1]), await numbersOf(start.heads[1]), 'the other head');
      assert.not.equal(await numbersOf(heads[0]), await numbersOf(start.heads[0]), 'it trains');
    }
    // from here on one worker alone uses the second head
    for (let i = 0; i < STEPS; i++) await step(crew, (rank) => (rank === 1 ? 1 : 0));
    const [{ heads }] = crew.models;
    assert.not.equal(await numbersOf(heads[1]), await numbersOf(start.heads[1]), 'it moves');
    for (const other of crew.models) {
      if (!system.averagesModels) assert.equal(await numbersOf(other.heads[1]), await numbersOf(heads[1]));
      assert.equal(await numbersOf(other.unused), await numbersOf(start.unused), 'unused');
    }
  });

test('statistics are left to each worker, or averaged at the end of each step', async () => {
  for (const system of [pSgd(), foSgd({ seed: 1, scale: 'drive' }), liecSgd({ averagePeriod: 4 })]) {
    const [local, averaged] = [openCrew(system), openCrew(system, { nonTrainable: 'average' })];
    for (const crew of [local, averaged]) await step(crew, () => 0);
    const own = await Promise.all(local.models.map(({ mean }) => numbersOf(mean)));
    assert.not.equal(own[0], own[1], system.name);
    const expected = own[0].map((_, i) => {
      const sum = own.reduce((all, each) => Math.fround(all + each[i]), 0);
      return Math.fround(sum / WORKERS);
    });
    for (const { mean, heads, body } of averaged.models) {
      assert.equal(await numbersOf(mean), expected, system.name);
      // the mean of equal numbers, to rounding
      const frozen = await numbersOf(local.models[0].body);
      (await numbersOf(body)).forEach((value, i) => assert.ok(Math.abs(value - frozen[i]) < 1e-6));
      assert.ok(heads.length === 2);
    }
    for (const [i, { heads }] of averaged.models.entries())
      assert.equal(await numbersOf(heads[0]), await numbersOf(local.models[i].heads[0]));
  }
});

test('a step that is lost in any round leaves variables and states as they were', async () => {
  for (const system of [foSgd({ seed: 1, scale: 'drive' }), liecSgd({ averagePeriod: 2 })]) {
    const [one, two] = [openCrew(system), openCrew(system)];
    for (let i = 0; i < 3; i++) {
      // of the second crew each step is begun, lost before its first answer or after it, and begun anew
      const messages = [];
      for (const [rank, worker] of two.workers.entries()) {
        const { gradient } = await worker.gradient(() => lossOf(two.models[rank], rank, 0));
        messages.push(await worker.send(gradient));
      }
      if (i === 1 && messages[0].route === 'sum') {
        const sum = new Float32Array(messages[0].bytes.length / 4);
        for (const { bytes } of messages) new Float32Array(bytes.buffer).forEach((x, j) => (sum[j] += x));
        for (const worker of two.workers) await worker.receive([new Uint8Array(sum.buffer)]);
      }
      for (const [rank, { mean }] of two.models.entries()) mean.assign(one.models[rank].mean);
      for (const crew of [one, two]) await step(crew, () => 0);
    }
    for (const [rank, model] of one.models.entries())
      assert.equal(await tfjs.flatten(two.models[rank]), await tfjs.flatten(model), system.name);
  }
});

test('what is saved has variables that are not trained, and which are used', async () => {
  const system = foSgd({ seed: 1, scale: 'drive' });
  const [one, two] = [openCrew(system), openCrew(system)];
  for (let i = 0; i < 3; i++) await step(one, () => 0);
  for (const [rank, worker] of one.workers.entries()) await two.workers[rank].load(await worker.save());
  await two.server?.load((await one.server?.save()) as Uint8Array);
  assert.equal(await numbersOf(two.models[1].mean), await numbersOf(one.models[1].mean));
  for (const crew of [one, two]) for (let i = 0; i < 3; i++) await step(crew, () => 0);
  for (const [rank, worker] of one.workers.entries())
    assert.equal(await two.workers[rank].save(), await worker.save());
  const state = await one.workers[0].save();
  for (let at = 0; at < state.length; at += 7) {
    const damaged = state.slice();
    damaged[at] ^= 1;
    await rejects(one.workers[0].load(damaged), PacketError);
  }
  assert.equal(await one.workers[0].save(), state);
});

test('trainable is what it was, and something is', async () => {
  const { models, workers } = openCrew(pSgd());
  models[0].body.trainable = true;
  await rejects(
    workers[0].gradient(() => lossOf(models[0], 0, 0)),
    Error,
    'distribute it anew',
  );
  const options = { system: pSgd(), device, workers: 1, rank: 0 };
  throws(
    () => tfjs.distribute(tf.train.sgd(1), { ...options, variables: [models[1].body] }),
    RangeError,
    '"variables" expected one that is trainable at least',
  );
  throws(
    () =>
      tfjs.distribute(tf.train.sgd(1), { ...options, variables: models[1], nonTrainable: 'mean' as 'local' }),
    RangeError,
    '"nonTrainable" expected one of local, average',
  );
});

test('layouts leave out what is not trained where they are asked to', async () => {
  const model = openModel();
  const layout = tfjs.layoutOf(model, { trainable: true });
  assert.is(layout.length, 16 + 16 + 40);
  assert.equal(layout.structure, { heads: [0, 1], unused: 2 });
  const vector = await tfjs.flatten(model, { trainable: true, layout });
  assert.is(vector.length, layout.length);
  const list = tfjs.layoutOf([model.body, model.unused], { trainable: true });
  assert.equal(list.structure, [null, 0]);
  assert.equal(
    list.leaves.map(({ name }) => name),
    ['1'],
  );
  assert.is(tfjs.unflatten(new Float32Array(40), list)[0], null);
  const body = await numbersOf(model.body);
  tfjs.assign(
    model,
    vector.map((value) => value + 1),
    { trainable: true },
  );
  assert.equal(await numbersOf(model.body), body);
  assert.equal(await numbersOf(model.unused), new Float32Array(40).fill(2));
  assert.is(tfjs.layoutOf(model).length, layout.length + 32 + 8);
});

test.run();
