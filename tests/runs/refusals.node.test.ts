/** What a run refuses, and in which words: messages that are not its own, no packets, other systems, wrong options. */
import * as assert from 'uvu/assert';
import { readHead, type RunMessage } from '../../ts/runs/wire/head.ts';
import { partsOf } from '../../ts/runs/wire/parts.ts';
import { suite } from '../support/suite.ts';
import { play } from './play.ts';
import { tested } from './runs.ts';

const test = suite('refusals of a run');

for (const [label, { system, momentum }] of Object.entries(tested)) {
  test(`${label}: garbage and another run's packets are refused and named`, async () => {
    const { network, checks, serve, join, refusals } = play(system, momentum);
    const server = await serve({ steps: 30 });
    network.faults = { lost: 0, doubled: 0, delay: 10 };
    const notes: string[] = [];
    const workers = [
      await join('a', { onNote: (text) => notes.push(text) }),
      await join('b'),
      await join('c'),
    ];
    const up = label === 'among peers' ? 'fewbits/r/peer/' : 'fewbits/r/up/';
    let last: Uint8Array | undefined;
    network.filter = ({ topic, payload }) => {
      if (topic === `${up}a`) last ??= payload.slice();
      return true;
    };
    const spoil = network.sleep(100).then(() => {
      const { step, round, chain } = server.position;
      const route = label === 'among peers' ? 'gather' : 'server';
      const rank = server.members.find(({ name }) => name === 'a')?.rank ?? -1;
      const head = { kind: route, rank, run: 12345, step, round, chain } as const;
      const say = (topic: string, message: RunMessage): void =>
        network.publish(topic, partsOf(message, 4000)[0]);
      network.publish(
        `${up}a`,
        new TextEncoder().encode('what is this that I am sending to you, my dear server?'),
      );
      network.publish(`${up}a`, new Uint8Array(3));
      say(`${up}b`, { ...head, bytes: new Uint8Array(40) });
      say(`${up}nobody`, { ...head, bytes: new Uint8Array(40) });
      if (last !== undefined) network.publish(`${up}b`, last);
    });
    await network.run(Promise.all([server.done, spoil, ...workers.map(({ done }) => done)]));
    for (const expected of [
      'a: version 119 of the head, expected 1',
      'a: 3 bytes, fewer than a head has',
      'b: a message of another run',
      'nobody: a message of another run',
    ])
      assert.ok(refusals.includes(expected), `${expected}: ${refusals.join('; ')}`);
    assert.ok(refusals.some((one) => /^b: a message of rank \d, whose seat is \d$/.test(one)));
    assert.ok(notes.includes('version 119 of the head, expected 1'));
    for (const { options } of workers) assert.equal(options.model.parameters, checks.model.parameters);
    assert.ok(
      checks.rounds.every(({ from }) => from.length === 3),
      'all rounds are whole',
    );
  });

  test(`${label}: well wrapped messages that are no packets are refused when they count`, async () => {
    const { network, checks, serve, join, refusals } = play(system, momentum);
    const server = await serve();
    // what b sends in step 3 is replaced by bytes that are no packet, in a sound message
    let replaced = 0;
    const workers = [await join('a'), await join('b'), await join('c')];
    const route = label === 'among peers' ? 'gather' : 'server';
    const topic = label === 'among peers' ? 'fewbits/r/peer/b' : 'fewbits/r/up/b';
    network.filter = (delivery) => {
      const head = delivery.topic === topic ? readHead(delivery.payload) : '';
      if (typeof head === 'string' || head.step !== 3 || head.kind !== route || replaced > 0) return true;
      replaced++;
      const spoiled = partsOf({ ...head, bytes: new Uint8Array(64).fill(7) }, 4000)[0];
      network.publish(topic, spoiled);
      return false;
    };
    await network.run(Promise.all([server.done, ...workers.map(({ done }) => done)]));
    assert.is(replaced, 1);
    assert.is(refusals.filter((one) => one.startsWith('b: ')).length, 1, refusals.join('; '));
    for (const { options } of workers) assert.equal(options.model.parameters, checks.model.parameters);
  });
}

test('a worker of another system is told, and so is one of another size', async () => {
  const { network, serve, join } = play(tested['with a server'].system, 0);
  const server = await serve();
  const wrong = await join('x', { system: tested['among peers'].system });
  await network.run(wrong.done).then(
    () => assert.unreachable('it took part'),
    (error: Error) => assert.match(error.message, /trains 700 numbers by memSgd, this worker 700 by exDyna/),
  );
  void server;
});

test('options are checked before anything is opened', async () => {
  const { serve } = play(tested['with a server'].system, 0);
  for (const [more, words] of [
    [{ run: 'a/b' }, /"run" expected 1 to 64/],
    [{ workers: 0 }, /"workers" expected an integer in 1/],
    [{ quorum: 4 }, /"quorum" expected an integer in 1..3/],
    [{ deadline: 0 }, /"deadline" expected a number above 0/],
    [{ steps: 0 }, /"steps"/],
  ] as const)
    await serve(more).then(
      () => assert.unreachable(JSON.stringify(more)),
      (error: Error) => assert.match(error.message, words),
    );
});

test.run();
