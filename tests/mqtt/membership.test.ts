/** Seats: who has one, who is here, who is waited for. */
import * as assert from 'uvu/assert';
import { Membership } from '../../ts/mqtt/membership.ts';
import { suite } from '../support/suite.ts';

const test = suite('membership');

test('seats go by arrival and stay with their names', () => {
  const members = new Membership(3);
  assert.equal(members.arrive('a', 'x'), { kind: 'seated', rank: 0, fresh: true });
  assert.equal(members.arrive('b', 'y'), { kind: 'seated', rank: 1, fresh: true });
  assert.equal(members.arrive('a', 'x'), { kind: 'seated', rank: 0, fresh: false });
  assert.is(members.leave('a', 10), 0);
  assert.is(members.leave('a', 11), undefined, 'it has left already');
  assert.is(members.leave('nobody', 11), undefined);
  assert.equal(members.present, [1]);
  assert.equal(
    members.arrive('c', 'z'),
    { kind: 'seated', rank: 2, fresh: true },
    'an empty seat comes first',
  );
  assert.equal(members.arrive('a', 'x2'), { kind: 'seated', rank: 0, fresh: true });
  assert.equal([members.rankOf('c'), members.nameOf(1), members.rankOf('d')], [2, 'b', undefined]);
});

test('a seat is given on where its owner has been gone longest, and never where it is here', () => {
  const members = new Membership(2);
  members.arrive('a', 'x');
  members.arrive('b', 'x');
  assert.equal(members.arrive('c', 'x'), { kind: 'full' });
  members.leave('b', 5);
  members.leave('a', 7);
  assert.equal(members.arrive('c', 'x'), { kind: 'seated', rank: 1, fresh: true });
  assert.equal(members.arrive('b', 'x'), { kind: 'seated', rank: 0, fresh: true });
  assert.equal(members.arrive('a', 'x'), { kind: 'full' });
});

test('who misses two turns in a row is not waited for until it is in time again', () => {
  const members = new Membership(3);
  for (const name of ['a', 'b', 'c']) members.arrive(name, 'x');
  members.closed([0, 1]);
  assert.equal(members.awaited, [0, 1, 2]);
  members.closed([0, 1]);
  assert.equal([members.awaited, members.stragglers, members.present], [[0, 1], [2], [0, 1, 2]]);
  members.arrive('c', 'x');
  assert.equal(members.stragglers, [2], 'the same life, said again');
  members.closed([0, 2]);
  assert.equal([members.awaited, members.stragglers], [[0, 1, 2], []]);
  members.closed([0]);
  members.closed([0]);
  members.arrive('b', 'new');
  assert.equal([members.awaited, members.stragglers], [[0, 1], [2]], 'a new life is waited for');
  members.leave('c', 0);
  assert.equal([members.awaited, members.stragglers], [[0, 1], []]);
});

test('names are kept over a restart, and nobody is here until it says so', () => {
  const members = new Membership(3);
  members.arrive('a', 'x');
  members.arrive('b', 'x');
  const restarted = new Membership(3);
  restarted.load(members.save());
  assert.equal(restarted.present, []);
  assert.equal(restarted.arrive('c', 'x'), { kind: 'seated', rank: 2, fresh: true });
  assert.equal(restarted.arrive('b', 'x'), { kind: 'seated', rank: 1, fresh: true });
  assert.throws(() => new Membership(2).load(members.save()), /expected/);
  assert.throws(() => new Membership(0), /expected/);
});

test.run();
