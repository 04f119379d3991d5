/** Seats: who has one, who is here, who is waited for. */
import * as assert from 'uvu/assert';
import { Membership } from '../../ts/runs/membership.ts';
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

/** A step of one round. */
const whole = { first: true, last: true };

test('who misses two steps in a row is not waited for until it is in time again', () => {
  const members = new Membership(3);
  for (const name of ['a', 'b', 'c']) members.arrive(name, 'x');
  members.closed([0, 1], whole);
  assert.equal(members.awaited, [0, 1, 2]);
  members.closed([0, 1], whole);
  assert.equal([members.awaited, members.stragglers, members.present], [[0, 1], [2], [0, 1, 2]]);
  members.arrive('c', 'x');
  assert.equal(members.stragglers, [2], 'the same life, said again');
  members.closed([0, 2], whole);
  assert.equal([members.awaited, members.stragglers], [[0, 1, 2], []]);
  members.closed([0], whole);
  members.closed([0], whole);
  members.arrive('b', 'new');
  assert.equal([members.awaited, members.stragglers], [[0, 1], [2]], 'a new life is waited for');
  members.leave('c', 0);
  assert.equal([members.awaited, members.stragglers], [[0, 1], []]);
});

test('a straggler is waited for in each sixteenth step', () => {
  const members = new Membership(2);
  for (const name of ['a', 'b']) members.arrive(name, 'x');
  const waited = Array.from({ length: 35 }, () => {
    const both = members.awaited.length === 2;
    members.closed([0], whole);
    return both;
  });
  assert.equal(
    waited.flatMap((both, step) => (both ? [step] : [])),
    [0, 1, 16, 32],
  );
});

test('in a step of several rounds, who missed one is not waited for in the others', () => {
  const members = new Membership(2);
  for (const name of ['a', 'b']) members.arrive(name, 'x');
  const waited = (): number => members.awaited.length;
  for (const step of [0, 1]) {
    assert.is(waited(), 2);
    members.closed([0], { first: true, last: false });
    assert.is(waited(), 1);
    members.closed([0, 1], { first: false, last: false });
    assert.is(waited(), 1);
    members.closed([0, 1], { first: false, last: true });
    assert.is(waited(), step === 0 ? 2 : 1);
  }
  // in time for the first round: it is waited for in the rest
  members.closed([0, 1], { first: true, last: false });
  assert.is(waited(), 2);
  members.closed([0, 1], { first: false, last: true });
  assert.equal([waited(), members.stragglers], [2, []]);
});

test('who comes between two rounds is not waited for in that step', () => {
  const members = new Membership(2);
  members.arrive('a', 'x');
  members.arrive('b', 'x', true);
  assert.equal([members.awaited, members.present], [[0], [0, 1]]);
  members.closed([0], { first: false, last: true });
  assert.equal(members.awaited, [0, 1]);
});

test('seats are kept over a restart, and who was here is waited for in one round', () => {
  const members = new Membership(3);
  members.arrive('a', 'x');
  members.arrive('b', 'x');
  members.leave('a', 5);
  const restarted = new Membership(3);
  restarted.load(members.save());
  assert.equal([restarted.present, restarted.awaited], [[], [1]]);
  assert.equal(restarted.save(), members.save());
  assert.equal(restarted.arrive('c', 'x'), { kind: 'seated', rank: 2, fresh: true });
  assert.equal(restarted.awaited, [1, 2]);
  restarted.closed([2], whole);
  assert.equal(restarted.awaited, [2]);
  assert.equal(restarted.arrive('b', 'x'), { kind: 'seated', rank: 1, fresh: true });
  assert.throws(() => new Membership(2).load(members.save()), /expected an integer in 2..2/);
  assert.throws(() => new Membership(0), /expected/);
});

test('seats follow who is here: holes are filled from behind, and the least stay', () => {
  const members = new Membership({ least: 2, most: 6 });
  assert.equal([members.seats, members.canGrow, members.reseating(0)], [2, true, undefined]);
  for (const name of ['a', 'b']) members.arrive(name, 'x');
  assert.equal(members.arrive('c', 'x'), { kind: 'full' });
  assert.equal(members.reseating(2), { seats: 4, moves: [] });
  members.reseat({ seats: 4, moves: [] });
  for (const name of ['c', 'd']) members.arrive(name, 'x');
  assert.equal(members.reseating(9), { seats: 6, moves: [] });
  members.leave('a', 1);
  assert.equal(members.reseating(1), undefined, 'who waits takes the place of who has left');
  members.leave('b', 2);
  assert.equal(members.reseating(0), {
    seats: 2,
    moves: [
      [2, 0],
      [3, 1],
    ],
  });
  members.reseat(members.reseating(0)!);
  assert.equal(
    [0, 1].map((rank) => members.nameOf(rank)),
    ['c', 'd'],
  );
  assert.is(members.rankOf('a'), undefined);
  members.leave('c', 3);
  assert.equal([members.reseating(0), members.hasFree], [undefined, true]);
  assert.equal(members.arrive('a', 'x'), { kind: 'seated', rank: 0, fresh: true });
});

test('who is expected back keeps its seat, and a saved run may have as many seats as there may be', () => {
  const members = new Membership({ least: 1, most: 4 });
  const here = (name: string): { name: string; here: boolean } => ({ name, here: true });
  members.load([here('a'), null, here('b')]);
  assert.equal(members.reseating(0), { seats: 2, moves: [[2, 1]] });
  members.closed([0], whole);
  members.arrive('a', 'x');
  assert.equal(members.reseating(0), { seats: 1, moves: [] });
  assert.throws(() => members.load(['a', 'b', 'c', 'd', 'e'].map(here)), /seats.length/);
  assert.throws(() => new Membership(3).load([here('a')]), /seats.length/);
});

test.run();
