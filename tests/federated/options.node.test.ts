/** What federated ends are given: options of other names, types and values are refused where they are given. */
import * as assert from 'uvu/assert';
import { topK } from '../../ts/index.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';
import { blocks, common, initial, joined, layout, N, openClient, openServer } from './party.ts';

const test = suite('options of federated rounds');

test('options are checked', async () => {
  const bad = (options: object, type: typeof TypeError | typeof RangeError, text: string): void => {
    for (const open of [openServer, (more: object) => openClient('a', more)] as const)
      assert.throws(
        () => open(options),
        (error: Error) => error instanceof type && error.message.includes(text),
        text,
      );
  };
  bad({ device: {} as never }, TypeError, '"device" expected one of openDevice');
  bad({ layout: 3 as never }, TypeError, '"layout" expected { leaves }');
  // a factory that was not called is taken for a function of the layout
  bad({ up: topK }, RangeError, 'no option "leaves"');
  bad({ down: { name: 'x' } }, TypeError, '"down" expected a compressor');
  bad({ up: topK({ k: N + 1 }) }, RangeError, `"k" expected an integer in 1..${N}`);
  bad({ compressor: blocks }, RangeError, 'has no option "compressor"');
  for (const id of ['', 'x'.repeat(257), '\ud800']) {
    assert.throws(() => openClient(id), /"id" expected a string of 1..256 bytes/);
    await rejects(openServer().join(id), RangeError, '"id" expected a string of 1..256 bytes');
  }
  for (const decay of [-1, 1.1, NaN]) assert.throws(() => openClient('a', { decay }), /"decay" expected/);
  for (const options of [
    { rate: 0 },
    { momentum: 1 },
    { average: 'some' },
    { clip: 'mean' },
    { mostWeight: 0 },
    { model: new Float32Array(3) },
    { model: new Float32Array(N).fill(NaN) },
  ])
    assert.throws(() => openServer(options as never), undefined, JSON.stringify(options).slice(0, 50));
  const to = openServer();
  await rejects(to.close(), RangeError, 'close expected a contribution at least');
  const member = await joined(to, 'a');
  await to.take('a', await member.update(initial));
  await rejects(
    to.close({ from: ['a', 'a'] }),
    RangeError,
    '"from" expected ids with a contribution, each once',
  );
  await rejects(to.close({ from: ['b'] }), RangeError, '"from" expected ids with a contribution');
  await rejects(openClient('a').update(initial), Error, 'update was called before start');
  await rejects(openClient('a').apply(await to.close()), Error, 'apply was called before start');
  await rejects(member.start([1, 2] as never), TypeError, '"model" expected a Float32Array');
  await rejects(
    member.start(new Float32Array(3)),
    RangeError,
    `"model.length" expected an integer in ${N}..${N}`,
  );
  await rejects(member.start(initial, { rounds: 1 } as never), RangeError, 'start has no option "rounds"');
  await rejects(member.update(new Float32Array(3)), RangeError, '"local.length"');
});

test('a compressor may be a function of the layout', async () => {
  const seen: unknown[] = [];
  const up = (given: unknown): typeof blocks => {
    seen.push(given);
    return blocks;
  };
  const to = openServer({ up });
  await joined(to, 'a', { ...common, up });
  assert.equal(seen, [layout, layout]);
});

test.run();
