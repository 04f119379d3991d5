/** What of a round a server's machine is given before the round is closed. */
import * as assert from 'uvu/assert';
import type { Route, Server } from '../../ts/algorithms/system.ts';
import { PacketError } from '../../ts/errors.ts';
import { Early } from '../../ts/runs/early.ts';
import { Round } from '../../ts/runs/round.ts';
import { suite } from '../support/suite.ts';

const test = suite('what is taken early');

const WORKERS = 16;
const ALL = Array.from({ length: WORKERS }, (_, rank) => rank);
const SPOILED = 99;

/** A machine that notes the ranks that it is given, and of how many. */
function machineOf(): { machine: Server; given: [ranks: number[], of: number][] } {
  const given: [number[], number][] = [];
  const check = async (message: Uint8Array): Promise<void> => {
    if (message[1] === SPOILED) throw new PacketError('spoiled', 1);
  };
  const machine = {
    async take(messages: readonly Uint8Array[], of: number) {
      for (const message of messages) await check(message);
      given.push([messages.map(([rank]) => rank), of]);
    },
    check,
  } as unknown as Server;
  return { machine, given };
}

const open = (step = 0, route: Route = 'server'): Round =>
  new Round({ step, round: 0, chain: 1 }, route, { deadline: 1000, quorum: 1 }, 0);

function hear(round: Round, rank: number, byte = 0): void {
  const bytes = new Uint8Array([rank, byte]);
  round.collect(rank, { kind: round.route, rank, run: 1, ...round.position, bytes }, rank, 0);
}

test('messages by rank, as far as none is missing before them, in about eight goes', async () => {
  for (const order of [ALL, ALL.toReversed(), ALL.map((rank) => (rank * 7) % WORKERS)]) {
    const { machine, given } = machineOf();
    const early = new Early(() => machine);
    const round = open();
    for (const rank of order) {
      hear(round, rank);
      assert.equal(await early.take(round, () => ALL), []);
    }
    assert.ok(given.length <= 8);
    for (const [ranks, of] of given) assert.equal([ranks, of], [ALL.slice(0, ranks.length), WORKERS]);
    for (const [i, [ranks]] of given.entries())
      assert.ok(i === 0 || ranks.length >= given[i - 1][0].length + 2);
    assert.ok(given.at(-1)[0].length >= WORKERS - 1);
  }
});

test('who leaves the step out is not counted, nor waited for', async () => {
  const { machine, given } = machineOf();
  const early = new Early(() => machine);
  const round = open();
  round.pass(0, { kind: 'pass', rank: 0, run: 1, ...round.position, bytes: new Uint8Array(0) });
  for (const rank of [1, 2]) hear(round, rank);
  await early.take(round, () => ALL);
  assert.equal(given, [[[1, 2], WORKERS - 1]]);
});

test('nothing more in a round of which another number is expected, but in the next one', async () => {
  const { machine, given } = machineOf();
  const early = new Early(() => machine);
  const round = open();
  for (const rank of [0, 1]) hear(round, rank);
  await early.take(round, () => ALL);
  for (const rank of [2, 3]) hear(round, rank);
  await early.take(round, () => ALL.slice(0, -1));
  for (const rank of [4, 5, 6]) hear(round, rank);
  await early.take(round, () => ALL);
  assert.is(given.length, 1);
  const next = open(1);
  for (const rank of [0, 1]) hear(next, rank);
  await early.take(next, () => ALL);
  assert.is(given.length, 2);
});

test('nothing more in a round of which a message that was taken is another one now', async () => {
  const { machine, given } = machineOf();
  const early = new Early(() => machine);
  const round = open();
  for (const rank of [0, 1]) hear(round, rank);
  await early.take(round, () => ALL);
  round.drop(1);
  for (const rank of [1, 2, 3]) hear(round, rank);
  await early.take(round, () => ALL);
  assert.is(given.length, 1);
});

test('who sent what is refused is named', async () => {
  const { machine } = machineOf();
  const early = new Early(() => machine);
  const round = open();
  hear(round, 0);
  hear(round, 1, SPOILED);
  assert.equal(
    (await early.take(round, () => ALL)).map(({ rank }) => rank),
    [1],
  );
});

test('nothing of rounds among peers, and of machines that take nothing', async () => {
  const { machine, given } = machineOf();
  const round = open(0, 'gather');
  for (const rank of ALL) hear(round, rank);
  assert.equal(await new Early(() => machine).take(round, () => ALL), []);
  assert.equal(given, []);
  assert.equal(await new Early(() => undefined).take(open(), () => ALL), []);
});

test.run();
