/**
 * Optimizers of TensorFlow.js through the systems: they train, are the published systems for SGD, leave no tensor, go
 * on.
 */
import '@tensorflow/tfjs-backend-cpu';
import '../../examples/tfjs/gradients.ts';
import * as tf from '@tensorflow/tfjs-core';
import * as assert from 'uvu/assert';
import {
  cser,
  descend,
  exchange,
  foSgd,
  liecSgd,
  pSgd,
  sumMessages,
  type Message,
  type Model,
  type Server,
  type System,
} from '../../ts/algorithms/index.ts';
import { scaledSign } from '../../ts/compressors/scaled-sign.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import * as tfjs from '../../ts/frameworks/tfjs.ts';
import { device } from '../reference/algorithms/play.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { rejects, throws } from '../support/host.ts';
import { some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { closeNet, lossOf, openNet, openPoints, type Net, type Points } from './problem.ts';

const test = suite('distribute');
test.before(() => tf.setBackend('cpu').then(() => undefined));

const WORKERS = 3;

/** The workers of a run, each with a net and points of its own. */
interface Crew {
  readonly nets: readonly Net[];
  readonly points: readonly Points[];
  readonly optimizers: readonly tf.Optimizer[];
  readonly workers: readonly tfjs.DistributedOptimizer<Net>[];
  readonly server: Server | undefined;
  readonly step: () => Promise<number>;
  readonly close: () => void;
}

function openCrew(system: System, optimizer: () => tf.Optimizer): Crew {
  const ranks = Array.from({ length: WORKERS }, (_, rank) => rank);
  const nets = ranks.map(openNet);
  const points = ranks.map((rank) => openPoints(48, rank + 1));
  const optimizers = ranks.map(optimizer);
  const workers = ranks.map((rank) =>
    tfjs.distribute(optimizers[rank], { system, device, workers: WORKERS, rank, variables: nets[rank] }),
  );
  const server = system.server?.(device, { n: workers[0].layout.length, workers: WORKERS });
  return {
    nets,
    points,
    optimizers,
    workers,
    server,
    async step() {
      const given = [];
      for (const rank of ranks)
        given.push(await workers[rank].gradient(() => lossOf(nets[rank], points[rank])));
      const { outcomes } = await exchange(
        workers,
        server,
        given.map(({ gradient }) => gradient),
      );
      assert.ok(outcomes.every(({ kind }) => kind === 'stepped'));
      return given.reduce((sum, { loss }) => sum + loss / WORKERS, 0);
    },
    close() {
      for (const worker of workers) worker.dispose();
      nets.forEach(closeNet);
      for (const { at, side } of points) tf.dispose([at, side]);
      for (const each of optimizers) each.dispose();
    },
  };
}

async function losses({ step }: Crew, steps: number): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < steps; i++) all.push(await step());
  return all;
}

/**
 * Every optimizer of TensorFlow.js, at a rate that suits the problem. Its centered rmsprop is left out: where a
 * gradient is 0 it takes the root of a negative number.
 */
const OPTIMIZERS: Record<string, () => tf.Optimizer> = {
  sgd: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.02, 0.9),
  nesterov: () => tf.train.momentum(0.02, 0.9, true),
  adagrad: () => tf.train.adagrad(0.1),
  adadelta: () => tf.train.adadelta(0.05, 0.95, 1e-6),
  adam: () => tf.train.adam(0.01),
  adamax: () => tf.train.adamax(0.01),
  rmsprop: () => tf.train.rmsprop(0.005),
};

/** Each of these optimizers through each of the systems; every eleventh pair where not all rows are taken. */
const pairs = (
  names: readonly string[],
  of: readonly System[],
): { readonly name: string; readonly system: System }[] =>
  some(names.flatMap((name) => of.map((system) => ({ name, system }))));

for (const { name, system } of pairs(Object.keys(OPTIMIZERS), [
  foSgd({ seed: 1, scale: 'drive' }),
  liecSgd({ averagePeriod: 7 }),
]))
  test(`${name} through ${system.name} trains`, async () => {
    const crew = openCrew(system, OPTIMIZERS[name]);
    const all = await losses(crew, 60);
    assert.ok(all[59] < 0.85 * all[0], `${all[0]} to ${all[59]}`);
    crew.close();
  });

// an optimizer makes gradients: systems that take models are refused
for (const { label, system } of systems.filter((one) => one.system.takes !== 'model'))
  test(`adam through ${label}: models stay equal where they do not average, and no tensor is left`, async () => {
    const start = tf.memory().numTensors;
    const crew = openCrew(system, () => tf.train.adam(0.01));
    const before = await tfjs.flatten(crew.nets[0]);
    // the second step replaces weights too, which the first has made
    await losses(crew, 2);
    const { numTensors, numDataBuffers, numBytes } = tf.memory();
    await losses(crew, 9);
    assert.equal(
      [tf.memory().numTensors, tf.memory().numDataBuffers, tf.memory().numBytes],
      [numTensors, numDataBuffers, numBytes],
    );
    const after = await Promise.all(crew.nets.map((net) => tfjs.flatten(net)));
    assert.not.equal(after[0], before, 'it moved');
    if (!system.averagesModels) for (const other of after) assert.equal(other, after[0]);
    crew.close();
    assert.is(tf.memory().numTensors, start);
  });

/** Steps of a system as it was published, by SGD of its own, on the same problem. */
async function plain(system: System, learningRate: number, steps: number): Promise<Float32Array[]> {
  const crew = openCrew(system, () => tf.train.sgd(learningRate));
  const n = crew.workers[0].layout.length;
  const machines = crew.nets.map((_, rank) => system.worker(device, { n, workers: WORKERS, rank }));
  const server = system.server?.(device, { n, workers: WORKERS });
  const models: Model[] = [];
  for (const net of crew.nets)
    models.push({
      parameters: await tfjs.flatten(net),
      velocity: new Float32Array(n),
      learningRate,
      momentum: 0,
    });
  for (let step = 0; step < steps; step++) {
    const gradients = [];
    for (const [rank, worker] of crew.workers.entries())
      gradients.push((await worker.gradient(() => lossOf(crew.nets[rank], crew.points[rank]))).gradient);
    const { outcomes } = await exchange(machines, server, gradients, models);
    for (const [rank, outcome] of outcomes.entries()) {
      if (outcome.kind === 'direction') descend(models[rank], outcome.direction);
      tfjs.assign(crew.nets[rank], models[rank].parameters);
    }
  }
  crew.close();
  return models.map(({ parameters }) => parameters);
}

for (const [system, bound] of [
  // rounded once more a step than by momentum SGD in float64
  [pSgd(), 2e-6],
  [foSgd({ seed: 1, scale: 'drive' }), 2e-6],
  // delta is what is left of a gradient in a difference of parameters, 2^-24 of these
  [liecSgd({ averagePeriod: 7 }), 1e-5],
  [liecSgd({ averagePeriod: 4, compressor: scaledSign({ block: 32 }) }), 1e-5],
  [cser({ seed: 3 }), 1e-5],
] as const)
  test(`SGD through ${system.name} is the published system, to rounding`, async () => {
    const steps = 20;
    const crew = openCrew(system, () => tf.train.sgd(0.1));
    await losses(crew, steps);
    const expected = await plain(system, 0.1, steps);
    const { layout } = crew.workers[0];
    const start = openNet();
    for (const [rank, net] of crew.nets.entries()) {
      const got = await tfjs.flatten(net);
      assert.equal(await tfjs.flatten(net.unused), await tfjs.flatten(start.unused), 'what no loss uses');
      // which the published system moves, where it has one bit for each element
      tfjs.sliceOf(layout, got, 'unused').set(tfjs.sliceOf(layout, expected[rank], 'unused'));
      got.forEach((value, i) =>
        assert.ok(
          Math.abs(value - expected[rank][i]) <= bound * Math.max(1, Math.abs(expected[rank][i])),
          `worker ${rank}, ${i}: ${value}, expected ${expected[rank][i]}`,
        ),
      );
    }
    closeNet(start);
    crew.close();
  });

for (const { name, system } of pairs(
  Object.keys(OPTIMIZERS).filter((key) => key !== 'adamax'),
  [pSgd(), liecSgd({ averagePeriod: 4 })],
))
  test(`${name} through ${system.name} goes on from what was saved`, async () => {
    const [one, two] = [0, 1].map(() => openCrew(system, OPTIMIZERS[name]));
    await losses(one, 5);
    const copy = async (): Promise<number> => {
      for (const [rank, worker] of one.workers.entries()) await two.workers[rank].load(await worker.save());
      return tf.memory().numTensors;
    };
    // the second time over weights that are there already, and are not left behind
    assert.is(await copy(), await copy());
    await two.server?.load((await one.server?.save()) as Uint8Array);
    const [went, goes] = [await losses(one, 6), await losses(two, 6)];
    // TensorFlow.js computes the powers of Adam's betas anew, from their exponent
    const bound = name === 'adam' ? 1e-5 : 0;
    went.forEach((loss, i) => assert.ok(Math.abs(goes[i] - loss) <= bound, `step ${i}: ${goes[i]}, ${loss}`));
    [one, two].forEach(({ close }) => close());
  });

for (const { name, system } of pairs(Object.keys(OPTIMIZERS), [
  pSgd(),
  liecSgd({ averagePeriod: 4 }),
  cser({ seed: 3 }),
]))
  test(`${name} through ${system.name}: a step that is begun anew, or taken back, counts once`, async () => {
    const [one, two] = [0, 1].map(() => openCrew(system, OPTIMIZERS[name]));
    for (let step = 0; step < 9; step++) {
      const given: Float32Array[] = [];
      for (const [rank, worker] of two.workers.entries()) {
        const { gradient } = await worker.gradient(() => lossOf(two.nets[rank], two.points[rank]));
        given.push(gradient.slice());
      }
      // begun and left, then refused at the last rank
      await two.workers[0].send(given[0]);
      const broken = given.with(
        -1,
        given[2].map(() => NaN),
      );
      await rejects(exchange(two.workers, two.server, broken), NonFiniteError);
      if (step % 3 === 1) {
        // done, and taken back by all
        await exchange(two.workers, two.server, given);
        for (const worker of two.workers) worker.takeBack();
        two.server?.takeBack();
      }
      await exchange(two.workers, two.server, given);
      await one.step();
      for (const [rank, net] of two.nets.entries())
        assert.equal(
          await tfjs.flatten(net),
          await tfjs.flatten(one.nets[rank]),
          `step ${step}, rank ${rank}`,
        );
    }
    [one, two].forEach(({ close }) => close());
  });

test('a state of something else is refused, and nothing has changed', async () => {
  const crew = openCrew(liecSgd(), OPTIMIZERS.adam);
  const [first, second] = crew.workers;
  await crew.step();
  const before = await tfjs.flatten(crew.nets[0]);
  const state = await first.save();
  const other = openCrew(liecSgd(), OPTIMIZERS.momentum);
  await rejects(other.workers[0].load(state), PacketError, 'a state of Adam of TensorFlow.js');
  await rejects(second.load(state), PacketError, 'worker 0 of 3');
  for (const cut of [0, 3, 10, state.length - 1]) await rejects(first.load(state.slice(0, cut)), PacketError);
  const damaged = state.slice();
  damaged[state.length >> 1] ^= 1;
  await rejects(first.load(damaged), PacketError);
  assert.equal(await tfjs.flatten(crew.nets[0]), before);
  assert.equal(await first.save(), state);
  await rejects(openCrew(pSgd(), OPTIMIZERS.adamax).workers[0].save(), Error, 'Adamax');
  [crew, other].forEach(({ close }) => close());
});

test('a gradient with NaN is refused before the optimizer takes it in', async () => {
  for (const system of [pSgd(), liecSgd(), cser({ seed: 1 })]) {
    const crew = openCrew(system, OPTIMIZERS.adam);
    await crew.step();
    const [worker] = crew.workers;
    const state = await worker.save();
    const bad = new Float32Array(worker.layout.length);
    bad[7] = NaN;
    await rejects(worker.send(bad), NonFiniteError);
    assert.equal(await worker.save(), state);
    await rejects(worker.send(new Float32Array(3)), RangeError, '"gradient.length" expected');
    crew.close();
  }
});

test('a worker that only follows takes the steps of the others', async () => {
  for (const system of [pSgd(), liecSgd({ averagePeriod: 2 })]) {
    const crew = openCrew(system, OPTIMIZERS.sgd);
    const net = openNet();
    const { length: n } = crew.workers[0].layout;
    const follower = tfjs.distribute(tf.train.sgd(0.1), {
      system,
      device,
      workers: WORKERS,
      rank: WORKERS,
      variables: net,
    });
    const server = system.server?.(device, { n, workers: WORKERS });
    for (let step = 0; step < 2; step++) {
      let messages: Message[] = [];
      for (const [rank, worker] of crew.workers.entries()) {
        const { gradient } = await worker.gradient(() => lossOf(crew.nets[rank], crew.points[rank]));
        messages.push(await worker.send(gradient));
      }
      let following: Message | undefined = await follower.follow();
      while (following !== undefined) {
        const [{ route }] = messages;
        assert.is(following.route, route);
        const sent = messages.map(({ bytes }) => bytes);
        const inbox = [route === 'sum' ? sumMessages(sent) : ((await server?.answer(sent)) as Uint8Array)];
        messages = [];
        for (const worker of crew.workers) {
          const outcome = await worker.receive(inbox);
          if (outcome.kind === 'message') messages.push(outcome.message);
        }
        const outcome = await follower.receive(inbox, [0, 1, 2], false);
        following = outcome.kind === 'message' ? outcome.message : undefined;
      }
    }
    // after an average of models, all have that
    assert.equal(await tfjs.flatten(net), await tfjs.flatten(crew.nets[0]), system.name);
    closeNet(net);
    crew.close();
  }
});

test('the step of an optimizer by itself is what it does to the variables', async () => {
  const points = openPoints(20, 1);
  const [one, two] = [openNet(), openNet()];
  const [adam, same] = [tf.train.adam(0.01), tf.train.adam(0.01)];
  const parameters = await tfjs.flatten(one);
  const start = tf.memory().numTensors;
  for (let step = 0; step < 3; step++) {
    const change = await tfjs.optimizerStep(adam, {
      variables: one,
      parameters,
      loss: () => lossOf(one, points),
    });
    assert.equal(await tfjs.flatten(one), parameters, 'the variables are where they were');
    tf.dispose(same.minimize(() => lossOf(two, points)) ?? []);
    const after = await tfjs.flatten(two);
    change.forEach((value, i) => assert.is(value, Math.fround(parameters[i] - after[i])));
    parameters.set(after);
  }
  // of adam: two moments of each of four variables; the fifth takes no part, and has them in one of the two
  assert.is(tf.memory().numTensors - start, 2 * 5 + 2 * 4);
  [one, two].forEach(closeNet);
  tf.dispose([points.at, points.side]);
});

test('wrong arguments are told', () => {
  const net = openNet();
  const options = { system: pSgd(), device, workers: 2, rank: 0, variables: net };
  const optimizer = tf.train.sgd(0.1);
  const fails = (change: object, message: string): void =>
    assert.throws(
      () => tfjs.distribute(optimizer, { ...options, ...change }),
      (error: Error) => error.message.includes(message) || assert.unreachable(error.message),
    );
  fails({ rank: 3 }, '"rank" expected an integer in 0..2, got 3');
  fails({ workers: 0 }, '"workers" expected an integer in 1..');
  fails({ worker: 1 }, 'distribute has no option "worker"');
  fails({ variables: [net.unused, tf.scalar(1)] }, '"1" expected a variable, got');
  fails({ variables: [net.unused, net.unused] }, '"1" expected a variable of its own');
  throws(
    () => tfjs.distribute({} as tf.Optimizer, options),
    TypeError,
    '"optimizer" expected one of TensorFlow.js',
  );
  closeNet(net);
});

test.run();
