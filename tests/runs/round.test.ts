/** One round: what counts, and when it closes. Time is a number. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { RunMessage } from '../../ts/runs/wire/head.ts';
import { Round } from '../../ts/runs/round.ts';
import { suite } from '../support/suite.ts';

const test = suite('a round');

const position = { step: 4, round: 1, chain: 99 };
const rules = { deadline: 1000, quorum: 2 };
const open = (): Round => new Round(position, 'server', rules, 500);

function message(rank: number, more: Partial<RunMessage> = {}): RunMessage {
  return { kind: 'server', rank, run: 1, ...position, bytes: new Uint8Array([rank]), ...more };
}

test('closes when all who are awaited are in, and they are a quorum', () => {
  const round = open();
  assert.not(round.isDue([], 600), 'nobody is here');
  round.collect(2, message(2), 2, 600);
  assert.not(round.isDue([2], 600), 'one is no quorum');
  round.collect(0, message(0), 0, 601);
  assert.not(round.isDue([0, 1, 2], 601));
  assert.ok(round.isDue([0, 2], 601), 'the third has left');
  assert.ok(round.isDue([], 601));
  round.collect(1, message(1), 1, 602);
  assert.ok(round.isDue([0, 1, 2], 602));
  assert.equal(
    round.entries.map(({ rank, at }) => [rank, at]),
    [
      [0, 601],
      [1, 602],
      [2, 600],
    ],
  );
});

test('closes with a quorum at the deadline, and without one as soon as there is one after it', () => {
  const round = open();
  round.collect(1, message(1), 1, 600);
  assert.is(round.deadlineAt, 1500);
  assert.not(round.isDue([0, 1, 2], 5000));
  round.collect(0, message(0), 0, 5001);
  assert.ok(round.isDue([0, 1, 2], 5001));
  const quick = open();
  for (const rank of [0, 1]) quick.collect(rank, message(rank), rank, 600);
  assert.not(quick.isDue([0, 1, 2], 1499));
  assert.ok(quick.isDue([0, 1, 2], 1500));
});

test('the first message of a rank counts: the same is a duplicate, another is refused', () => {
  const round = open();
  assert.is(round.collect(1, message(1), 7, 0), 'collected');
  assert.is(round.collect(1, message(1), 7, 1), 'again');
  const other = round.collect(1, message(1, { bytes: new Uint8Array([9]) }), 8, 2);
  assert.match(JSON.stringify(other), /another message of rank 1/);
  assert.equal(round.entries[0].bytes, new Uint8Array([1]));
  round.drop(1);
  assert.is(round.collect(1, message(1, { bytes: new Uint8Array([9]) }), 8, 3), 'collected');
});

test('messages of other rounds, histories and routes are late or refused', () => {
  for (const [more, expected] of [
    [{ step: 3 }, /^"late"/],
    [{ round: 0 }, /^"late"/],
    [{ step: 3, round: 5, chain: 1 }, /^"late"/],
    [{ step: 5 }, /of step 5, round 1, and the run is in step 4, round 1/],
    [{ round: 2 }, /of step 4, round 2/],
    [{ chain: 98 }, /another history/],
    [{ kind: 'sum' }, /route sum .* whose route is server/],
  ] as const) {
    const round = open();
    assert.match(JSON.stringify(round.collect(1, message(1, more), 0, 0)), expected);
    assert.equal(round.heard, []);
  }
});

test('whatever the order and however often, the same messages make the same round', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 40 }), (ranks) => {
      const round = open();
      for (const rank of ranks) round.collect(rank, message(rank), rank, 600);
      assert.equal(
        round.heard,
        [...new Set(ranks)].sort((a, b) => a - b),
      );
      assert.ok(round.entries.every(({ rank, bytes }) => bytes[0] === rank));
    }),
  );
});

test.run();
