/** Split learning over a network that loses, doubles and delays: each batch counts once. */
import * as assert from 'uvu/assert';
import { splitLearning } from '../../ts/algorithms/split-learning.ts';
import { randomizedTopK } from '../../ts/compressors/randomized-top-k.ts';
import { joinSplit } from '../../ts/runs/split/client.ts';
import {
  serveSplit,
  type SplitBatch,
  type SplitFinished,
  type SplitServeOptions,
} from '../../ts/runs/split/server.ts';
import type { Model } from '../../ts/algorithms/system.ts';
import { descend } from '../../ts/algorithms/steps.ts';
import { device } from '../reference/algorithms/play.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { Network, SOUND } from './network.ts';
import { memoryStore, modelOf } from './runs.ts';

const test = suite('split learning over a broker');

const system = splitLearning({ up: randomizedTopK({ ratio: 0.2, alpha: 0.3, seed: 3 }) }, 'RT');
const [M, BATCHES] = [120, 12];

/** A half whose gradient is the features and the note, and which moves: a batch that counted twice would show. */
async function finish({ parameters }: Model, { features, note }: SplitBatch): Promise<SplitFinished> {
  return {
    atCut: features.map((value, i) => value * parameters[i] + note[0]),
    gradient: features.map((value, i) => value + parameters[i]),
  };
}

const featuresOf = (step: number): Float32Array => input('normal', M, step + 5);

/** What the same batches come to in one process. */
async function expected(): Promise<{ model: Model; answers: Float32Array[] }> {
  const model = modelOf(0.5, M);
  const [client, server] = [system.client(device), system.server(device)];
  const answers: Float32Array[] = [];
  for (let step = 0; step < BATCHES; step++) {
    const features = await server.receive(await client.send(featuresOf(step)));
    const { atCut, gradient } = await finish(model, {
      features,
      note: new Uint8Array([step]),
      name: 'a',
      rank: 0,
      step,
    });
    answers.push(await client.receive(await server.send(atCut)));
    descend(model, gradient);
  }
  return { model, answers };
}

function play(seed: number) {
  const network = new Network(seed);
  const refusals: string[] = [];
  const options = (more: Partial<SplitServeOptions> = {}): SplitServeOptions => ({
    broker: network.open(),
    run: 's',
    device,
    system,
    model: modelOf(0.5, M),
    clients: 2,
    batches: BATCHES,
    finish,
    onRefused: ({ name, reason }) => refusals.push(`${name}: ${reason}`),
    clock: network.clock,
    ...more,
  });
  const join = (name: string) =>
    joinSplit({ broker: network.open(), run: 's', name, device, system, clock: network.clock });
  return { network, refusals, options, join };
}

for (const [what, faults] of [
  ['sound', SOUND],
  ['losing', { lost: 0.15, doubled: 0, delay: 30 }],
  ['doubling and delaying', { lost: 0, doubled: 0.5, delay: 300 }],
] as const)
  test(`a ${what} network: the numbers of one process`, async () => {
    const { network, options, join, refusals } = play(7);
    network.faults = faults;
    network.packetBytes = 200;
    const given = options();
    const server = await serveSplit(given);
    const answers: (Float32Array | undefined)[] = [];
    const work = join('a').then(async (client) => {
      for (let step = 0; step < BATCHES; step++)
        answers.push(await client.exchange(featuresOf(step), new Uint8Array([step])));
      await client.stop();
    });
    await network.run(Promise.all([work, server.done]));
    const one = await expected();
    assert.equal(answers, one.answers);
    assert.equal(given.model.parameters, one.model.parameters);
    assert.equal(refusals, []);
  });

test('the server restarts between doing a batch and answering it: the batch is not done again', async () => {
  const { network, options, join } = play(8);
  const store = memoryStore();
  let cut = (): void => {};
  const first = await serveSplit(
    options({
      broker: network.open((given) => (cut = given)),
      store: {
        read: () => store.read(),
        write: async (state) => {
          await store.write(state);
          if (first.batches === 5) cut();
        },
      },
    }),
  );
  const answers: (Float32Array | undefined)[] = [];
  const work = join('a').then(async (client) => {
    for (let step = 0; step < BATCHES; step++)
      answers.push(await client.exchange(featuresOf(step), new Uint8Array([step])));
    await client.stop();
  });
  await network.run(network.sleep(3000));
  assert.is(answers.length, 4);
  const given = options({ store });
  const second = await serveSplit(given);
  assert.is(second.batches, 5);
  await network.run(Promise.all([work, second.done]));
  const one = await expected();
  assert.equal(answers, one.answers);
  assert.equal(given.model.parameters, one.model.parameters);
});

test('two servers of one run: the later one goes on, the other is told', async () => {
  const { network, options } = play(3);
  const first = await serveSplit(options());
  const second = await serveSplit(options());
  const ended = first.done.then(
    () => 'done',
    (error: Error) => error.message,
  );
  assert.is(await network.run(ended), 'another server has taken over the run s');
  await network.run(second.stop());
});

test('two clients, one of which leaves; a third finds its seat; garbage is refused', async () => {
  const { network, options, join, refusals } = play(9);
  const counts: Record<string, number> = {};
  const server = await serveSplit(
    options({ batches: 20, onBatch: ({ name }) => void (counts[name] = (counts[name] ?? 0) + 1) }),
  );
  const client = async (name: string, batches: number): Promise<void> => {
    const one = await join(name);
    for (let step = 0; step < batches; step++)
      if ((await one.exchange(featuresOf(step), new Uint8Array([1]))) === undefined) break;
    await one.stop();
  };
  network.faults = { lost: 0, doubled: 0, delay: 5 };
  const spoil = network.sleep(20).then(() => network.publish('fewbits/s/up/a', new Uint8Array([1, 2, 3])));
  await network.run(
    Promise.all([server.done, spoil, client('a', 4).then(() => client('c', 100)), client('b', 100)]),
  );
  assert.is(counts.a, 4);
  assert.is(counts.a + counts.b + counts.c, 20);
  assert.ok(counts.c > 0);
  assert.equal(refusals, ['a: 3 bytes, fewer than a head has']);
});

test.run();
