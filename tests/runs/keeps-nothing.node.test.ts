/** Runs over a transport without retained messages and last wills: the machines repeat what others have to know. */
import * as assert from 'uvu/assert';
import { memSgd } from '../../ts/algorithms/baselines/mem-sgd.ts';
import { exDyna } from '../../ts/algorithms/ex-dyna.ts';
import { splitLearning } from '../../ts/algorithms/split-learning.ts';
import { randomizedTopK } from '../../ts/compressors/randomized-top-k.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import type { Link } from '../../ts/runs/link.ts';
import { openLink } from '../../ts/runs/retained.ts';
import { joinSplit } from '../../ts/runs/split/client.ts';
import { serveSplit } from '../../ts/runs/split/server.ts';
import { device } from '../reference/algorithms/play.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { Network } from './network.ts';
import { play, STEPS, WORKERS, type Played } from './play.ts';
import { gradientAt, inOneProcess, memoryStore, modelOf } from './runs.ts';

const test = suite('runs over a transport that keeps nothing');

const NAMES = ['a', 'b', 'c'];

const some = [
  { label: 'with a server', system: memSgd(topK({ ratio: 0.1 })), momentum: 0.9 },
  { label: 'among peers', system: exDyna({ density: 0.1 }), momentum: 0 },
];

function playWithout(system: (typeof some)[number]['system'], momentum: number, seed = 1): Played {
  const played = play(system, momentum, seed);
  played.network.keeps = false;
  return played;
}

for (const { label, system, momentum } of some) {
  test(`${label}: the same numbers as in one process, whoever comes first`, async () => {
    for (const serverFirst of [true, false]) {
      const { network, checks, serve, join, refusals } = playWithout(system, momentum);
      const early = serverFirst ? undefined : await Promise.all(NAMES.map((name) => join(name)));
      const server = await serve();
      const workers = early ?? (await Promise.all(NAMES.map((name) => join(name))));
      await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
      assert.equal(refusals, []);
      const [expected] = await inOneProcess(system, WORKERS, STEPS, momentum);
      assert.is(checks.rounds.filter(({ last }) => last).length, STEPS);
      // seats go by who comes first, and with them the batches
      if (serverFirst) assert.equal(checks.model.parameters, expected.parameters);
      for (const { options } of workers) assert.equal(options.model.parameters, checks.model.parameters);
    }
  });

  test(`${label}: messages lost, doubled and out of order`, async () => {
    const { network, checks, serve, join, refusals } = playWithout(system, momentum, 5);
    const server = await serve();
    network.faults = { lost: 0.15, doubled: 0.2, delay: 200 };
    const workers = await Promise.all(NAMES.map((name) => join(name)));
    await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    assert.equal(refusals, []);
    assert.is(checks.rounds[checks.rounds.length - 1].step, STEPS - 1);
  });

  test(`${label}: one who is gone without a word is missed within seconds, and may come back`, async () => {
    const gone: string[] = [];
    const { network, serve, join, refusals } = playWithout(system, momentum);
    const server = await serve({
      steps: 60,
      deadline: 60_000,
      onMember: ({ name, here }) => gone.push(`${name} ${here ? 'here' : 'gone'}`),
    });
    const pause = 400;
    const slow: typeof gradientAt = (model, at) => gradientAt(model, at);
    const gradient = async (...given: Parameters<typeof slow>): Promise<Float32Array> => {
      await network.sleep(pause);
      return slow(...given);
    };
    const [one, two] = [await join('a', { gradient }), await join('b', { gradient })];
    const killed = await join('c', { gradient });
    const play = async (): Promise<void> => {
      await network.sleep(10 * pause);
      const at = server.position.step;
      killed.cut();
      void killed.stop();
      await network.sleep(20_000);
      assert.equal(gone, ['a here', 'b here', 'c here', 'c gone']);
      assert.ok(server.position.step > at + 10, `step ${server.position.step}, ${at} when it was cut`);
      const back = await join('c', { gradient });
      await Promise.all([server.done, one.done, two.done, back.done]);
      assert.is(back.position.chain, server.position.chain);
    };
    await network.run(play());
    assert.is(gone[4], 'c here');
    assert.equal(refusals, []);
  });

  test(`${label}: the server is killed, and goes on from its state`, async () => {
    const store = memoryStore();
    const { network, serve, join, refusals } = playWithout(system, momentum);
    let cut = (): void => {};
    const first = await serve({ store, steps: 20, broker: network.open((given) => (cut = given)) });
    const gradient = async (...given: Parameters<typeof gradientAt>): Promise<Float32Array> => {
      await network.sleep(300);
      return gradientAt(...given);
    };
    const workers = await Promise.all(NAMES.map((name) => join(name, { gradient })));
    const play = async (): Promise<void> => {
      await network.sleep(2000);
      cut();
      await first.stop();
      const at = first.position.step;
      assert.ok(at > 2 && at < 15, `${at} steps until it was killed`);
      await network.sleep(8000);
      const second = await serve({ store, steps: 20, onRound: undefined });
      await Promise.all([second.done, ...workers.map(({ done }) => done)]);
      for (const { position } of workers) assert.equal(position, second.position);
    };
    await network.run(play());
    assert.equal(refusals, []);
  });
}

test('split learning: a seat, batches and an end', async () => {
  const network = new Network(1);
  network.keeps = false;
  const system = splitLearning({ up: randomizedTopK({ ratio: 0.2, alpha: 0.3, seed: 3 }) }, 'RT');
  const common = { run: 's', device, system, clock: network.clock };
  const server = await serveSplit({
    ...common,
    broker: network.open(),
    model: modelOf(0.5, 120),
    clients: 1,
    batches: 3,
    finish: async (_, { features }) => ({ atCut: features.slice(), gradient: features.slice() }),
  });
  const work = async (): Promise<number> => {
    const client = await joinSplit({ ...common, broker: network.open(), name: 'a' });
    let answers = 0;
    while ((await client.exchange(input('normal', 120, answers + 5))) !== undefined) answers++;
    await client.stop();
    return answers;
  };
  const [answers] = await network.run(Promise.all([work(), server.done]));
  assert.is(answers, 3);
});

/** Two links over a network that keeps nothing, and what the second one hears. */
async function pair(): Promise<{
  network: Network;
  one: Awaited<ReturnType<typeof openLink>>;
  other: Awaited<ReturnType<typeof openLink>>;
  cut: () => void;
  heard: string[];
}> {
  const network = new Network(1);
  network.keeps = false;
  let cut = (): void => {};
  const one = await openLink(
    network.open((given) => (cut = given)),
    'x',
    network.clock,
  );
  one.listen({ message: () => {}, up: () => {} });
  const other = await openLink(network.open(), 'y', network.clock);
  const heard: string[] = [];
  other.listen({
    message: (topic, payload, retained) =>
      void heard.push(`${topic} ${new TextDecoder().decode(payload)}${retained ? ' retained' : ''}`),
    up: () => {},
  });
  return { network, one, other, cut: () => cut(), heard };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('a link says whether its transport keeps messages', async () => {
  const network = new Network(1);
  let isClosed = false;
  const open = async (will: string): Promise<Link> => {
    const link: Partial<Link> = {
      ...(await network.open()(will)),
      close: async () => void (isClosed = true),
    };
    return { ...link, keeps: undefined } as unknown as Link;
  };
  const refused = await openLink(open, 'x', network.clock).catch((error: unknown) => error);
  assert.instance(refused, TypeError);
  assert.match((refused as Error).message, /"keeps" of a link expected true or false/);
  assert.ok(isClosed);
});

test('who subscribes hears at once what is retained, and what is new once', async () => {
  const { network, one, other, heard } = await pair();
  const play = async (): Promise<void> => {
    await one.publish('run/server', bytes('first'), true);
    await other.subscribe(['run/server', 'run/here/+']);
    await network.sleep(10);
    assert.equal(heard, ['run/server first retained']);
    await one.publish('run/server', bytes('second'), true);
    await one.publish('run/here/a', bytes('mark'), true);
    await one.publish('run/server', bytes('not retained'));
    await network.sleep(20_000);
    assert.equal(heard.slice(1), ['run/server second', 'run/here/a mark', 'run/server not retained']);
    // who subscribes again hears it again
    await other.subscribe(['run/server']);
    await network.sleep(10);
    assert.equal(heard.slice(4), ['run/server second retained']);
    await one.publish('run/here/a', new Uint8Array(0), true);
    await network.sleep(20_000);
    assert.equal(heard.slice(5), ['run/here/a ']);
  };
  await network.run(play());
});

test('what is not repeated any more is emptied, once', async () => {
  const { network, one, other, cut, heard } = await pair();
  const play = async (): Promise<void> => {
    await other.subscribe(['run/here/+']);
    await one.publish('run/here/a', bytes('mark'), true);
    await network.sleep(30_000);
    assert.equal(heard, ['run/here/a mark']);
    cut();
    await network.sleep(4000);
    assert.equal(heard, ['run/here/a mark']);
    await network.sleep(3000);
    assert.equal(heard, ['run/here/a mark', 'run/here/a ']);
    await network.sleep(30_000);
    assert.is(heard.length, 2);
  };
  await network.run(play());
});

test.run();
