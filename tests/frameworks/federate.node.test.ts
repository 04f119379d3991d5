/** Members of federated rounds with models of TensorFlow.js and jax-js: they learn, are equal, and go on. */
import { grad, init, numpy as np, tree as trees } from '@jax-js/jax';
import '@tensorflow/tfjs-backend-cpu';
import '../../examples/tfjs/gradients.ts';
import * as tf from '@tensorflow/tfjs-core';
import * as assert from 'uvu/assert';
import { PacketError } from '../../ts/errors.ts';
import * as federated from '../../ts/federated/index.ts';
import * as jax from '../../ts/frameworks/jax.ts';
import * as tfjs from '../../ts/frameworks/tfjs.ts';
import { flattenedLevels, topK } from '../../ts/index.ts';
import { device } from '../reference/algorithms/play.ts';
import { rejects, throws } from '../support/host.ts';
import { suite } from '../support/suite.ts';
import { closeNet, lossOf, openNet, openPoints, type Net, type Points } from './problem.ts';

const test = suite('federate');
test.before(async () => {
  await Promise.all([init('wasm'), tf.setBackend('cpu')]);
});

const up = flattenedLevels({ seed: 1, bits: 3, block: 64 });
const ends = { device, up, down: up };

interface Member {
  readonly net: Net;
  readonly points: Points;
  readonly optimizer: tf.Optimizer;
  readonly self: tfjs.FederatedOptimizer<Net>;
}

function openMember(
  id: string,
  seed: number,
  moments: 'keep' | 'reset',
  made: tf.Optimizer = tf.train.adam(0.02),
): Member {
  const net = openNet();
  const self = tfjs.federate(made, { ...ends, id, variables: net, moments });
  return { net, points: openPoints(48, seed), optimizer: made, self };
}

function close({ net, points, optimizer, self }: Member): void {
  self.free();
  closeNet(net);
  tf.dispose([points.at, points.side]);
  optimizer.dispose();
}

const train = ({ net, points, optimizer }: Member, steps: number): void => {
  const { hidden, out } = net;
  for (let step = 0; step < steps; step++)
    optimizer.minimize(() => lossOf(net, points), false, [hidden.kernel, hidden.bias, ...out]);
};

const meanLoss = (members: readonly Member[]): number =>
  members.reduce((sum, { net, points }) => sum + tf.tidy(() => lossOf(net, points).dataSync()[0]), 0) /
  members.length;

async function openServer(members: readonly Member[]): Promise<federated.Server> {
  const { layout } = members[0].self;
  const model = await tfjs.flatten(members[0].net);
  const server = federated.server({ ...ends, layout, model, mostWeight: 100 });
  for (const { self } of members) await self.start(await server.join(self.id, self.hello()));
  return server;
}

for (const moments of ['keep', 'reset'] as const)
  test(`Adam with its moments: ${moments}, ten local steps a round: the loss falls, and all have one model`, async () => {
    const tensors = tf.memory().numTensors;
    const members = [openMember('a', 1, moments), openMember('b', 2, moments), openMember('c', 3, moments)];
    const server = await openServer(members);
    const first = meanLoss(members);
    for (let round = 0; round < 12; round++) {
      for (const member of members) {
        train(member, 10);
        await server.take(member.self.id, await member.self.update({ weight: 48 }));
      }
      const answer = await server.close(round % 4 === 1 ? { from: ['a', 'c'] } : {});
      for (const { self, net } of members) {
        const { used, contributions } = await self.apply(answer);
        assert.is(used, round % 4 !== 1 || self.id !== 'b');
        assert.is(contributions, round % 4 === 1 ? 2 : 3);
        assert.equal(await tfjs.flatten(net), server.model);
      }
      const { iterations } = members[0].optimizer;
      assert.is(iterations, moments === 'keep' ? 10 * (round + 1) : 0);
    }
    assert.ok(meanLoss(members) < 0.4 * first, `${first} to ${meanLoss(members)}`);
    server.free();
    members.forEach(close);
    assert.is(tf.memory().numTensors, tensors);
  });

test('reset is what a new optimizer does', async () => {
  const [member, other] = [openMember('a', 1, 'reset'), openMember('a', 1, 'reset')];
  const server = await openServer([member]);
  train(member, 10);
  await server.take('a', await member.self.update());
  await member.self.apply(await server.close());
  await other.self.start(server.model, { round: 1 });
  for (const each of [member, other]) train(each, 3);
  assert.equal(await tfjs.flatten(member.net), await tfjs.flatten(other.net));
  server.free();
  [member, other].forEach(close);
});

test('saved between two local steps, another page goes on with the same bytes', async () => {
  // not Adam, whose weights TensorFlow.js rounds on their way out and in
  const open = (): Member => openMember('a', 1, 'keep', tf.train.momentum(0.05, 0.9));
  const [member, other] = [open(), open()];
  const server = await openServer([member]);
  for (let round = 0; round < 2; round++) {
    train(member, 5);
    await server.take('a', await member.self.update());
    await member.self.apply(await server.close());
  }
  train(member, 3);
  await other.self.load(await member.self.save());
  assert.equal(other.self.at, member.self.at);
  for (const each of [member, other]) train(each, 3);
  assert.equal(await other.self.update(), await member.self.update());
  // the same start again leaves local steps as they are
  await member.self.start(await server.join('a'));
  assert.equal(await tfjs.flatten(member.net), await tfjs.flatten(other.net));
  await rejects(other.self.load(new Uint8Array(9)), PacketError);
  const sgd = openMember('a', 1, 'keep', tf.train.sgd(0.1));
  await rejects(sgd.self.load(await member.self.save()), PacketError, 'a state of Momentum');
  server.free();
  [member, other, sgd].forEach(close);
});

test('variables that are not trained are local, or a part of the model', async () => {
  const variables = {
    gamma: tf.variable(tf.ones([3])),
    mean: tf.variable(tf.fill([3], 5), false),
  };
  for (const nonTrainable of ['local', 'average'] as const) {
    const optimizer = tf.train.sgd(0.1);
    const member = tfjs.federate(optimizer, { device, id: 'a', variables, nonTrainable });
    const names = member.layout.leaves.map(({ name }) => name);
    assert.equal(names, nonTrainable === 'local' ? ['gamma'] : ['gamma', 'mean']);
    variables.mean.assign(tf.fill([3], 5));
    await member.start(new Float32Array(member.layout.length));
    assert.equal([...variables.mean.dataSync()], nonTrainable === 'local' ? [5, 5, 5] : [0, 0, 0]);
    const state = await member.save();
    variables.mean.assign(tf.fill([3], 7));
    await member.load(state);
    assert.is(variables.mean.dataSync()[0], nonTrainable === 'local' ? 5 : 0);
    member.free();
  }
  throws(() => tfjs.federate({} as never, { device, id: 'a', variables }), TypeError, '"optimizer" expected');
  throws(
    () => tfjs.federate(tf.train.sgd(1), { device, id: 'a', variables, moments: 'some' as never }),
    RangeError,
    '"moments" expected one of keep, reset',
  );
  throws(
    () => tfjs.federate(tf.train.sgd(1), { device, id: 'a', variables, layout: 1 } as never),
    RangeError,
    'federate has no option "layout"',
  );
});

test('trees of jax-js: members that train by gradients of their own come to one model', async () => {
  type Layer = { kernel: np.Array; bias: np.Array };
  const begin = (): Layer => ({ kernel: np.zeros([3, 2]), bias: np.zeros([2]) });
  const layout = jax.layoutOf(begin());
  const given = { device, layout, up: topK({ ratio: 0.5 }) };
  const server = federated.server({ ...given, mostWeight: 10 });
  const loss = ({ kernel, bias }: Layer, x: np.Array): np.Array =>
    np.square(np.matmul(x, kernel).add(bias).sub(1)).mean();
  const inputs = [np.array([[1, 0, 2]]), np.array([[0, 1, -1]])];
  const members = ['a', 'b'].map((id) => jax.federate({ ...given, id }));
  throws(() => members[0].model(), Error, 'before start');
  const models: Layer[] = [];
  for (const member of members) models.push(await member.start(await server.join(member.id, member.hello())));
  for (let round = 0; round < 15; round++) {
    for (const [i, member] of members.entries()) {
      let local = models[i];
      for (let step = 0; step < 4; step++) {
        const gradient = grad(loss)(trees.ref(local), inputs[i].ref);
        local = trees.map<np.Array, np.Array, Layer>((p, d) => p.sub(d.mul(0.1)), local, gradient);
      }
      await server.take(member.id, await member.update(local, { weight: i + 1 }));
    }
    const answer = await server.close();
    for (const [i, member] of members.entries()) models[i] = (await member.apply(answer)).model;
  }
  for (const [i, model] of models.entries()) {
    const [left] = (await loss(trees.ref(model), inputs[i].ref).data()) as Float32Array;
    assert.ok(left < 0.01);
    assert.equal(await jax.flatten(model), server.model);
  }
  const again = jax.federate({ ...given, id: 'a' });
  await again.load(await members[0].save());
  assert.equal(await jax.flatten(again.model()), server.model);
  inputs.forEach((array) => array.dispose());
  throws(
    () => jax.federate({ ...given, id: 'a', variables: 1 } as never),
    RangeError,
    'no option "variables"',
  );
});

test.run();
