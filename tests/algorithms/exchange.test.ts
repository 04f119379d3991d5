/** The transport within one process, between machines that only write down what they get. */
import * as assert from 'uvu/assert';
import { exchange } from '../../ts/algorithms/exchange.ts';
import { sumMessages } from '../../ts/algorithms/steps.ts';
import type { Outcome, Route, Server, Worker } from '../../ts/algorithms/system.ts';
import { PacketError } from '../../ts/errors.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('exchange');

const stopped: Omit<Worker, 'send' | 'receive'> = {
  follow: () => Promise.reject(new Error('nobody follows')),
  check: async () => {},
  share: () => new Uint8Array(),
  adopt: () => {},
  takeBack: () => {},
  save: async () => new Uint8Array(),
  load: async () => {},
  free: () => {},
  report: {},
};

/** A round that a worker takes part in: where its message goes, and how many float32 it has. */
interface Planned {
  readonly route: Route;
  readonly floats: number;
}

/** A worker that sends its rank + 1 over and over, and the inboxes that it got. */
function talker(rank: number, rounds: readonly Planned[]): Worker & { inboxes: number[][][] } {
  const inboxes: number[][][] = [];
  const message = ({ route, floats }: Planned): Outcome => ({
    kind: 'message',
    message: { route, bytes: new Uint8Array(new Float32Array(floats).fill(rank + 1).buffer) },
  });
  return {
    ...stopped,
    inboxes,
    send: async () => (message(rounds[0]) as Outcome & { kind: 'message' }).message,
    receive: async (inbox) => {
      inboxes.push(inbox.map((bytes) => [...new Float32Array(bytes.slice().buffer)]));
      return inboxes.length < rounds.length
        ? message(rounds[inboxes.length])
        : { kind: 'direction', direction: new Float32Array([rank]) };
    },
  };
}

/** A server that answers with the first numbers of all. */
const echo: Server = {
  takeBack: () => {},
  save: async () => new Uint8Array(),
  load: async () => {},
  free: () => {},
  check: async () => {},
  answer: async (messages) => {
    const first = messages.map((bytes) => new Float32Array(bytes.slice().buffer)[0]);
    return new Uint8Array(new Float32Array(first).buffer);
  },
};

const none = (workers: number): Float32Array[] => Array.from({ length: workers }, () => new Float32Array(1));

for (const { label, rounds, up, down, inboxes } of [
  {
    label: 'a server answers all with one message',
    rounds: [{ route: 'server', floats: 5 }],
    up: 3 * 20,
    down: 3 * 12,
    inboxes: [[[1, 2, 3]]],
  },
  {
    label: 'of a gather round a worker receives what the others sent, and has its own',
    rounds: [{ route: 'gather', floats: 2 }],
    up: 3 * 8,
    down: 3 * 2 * 8,
    inboxes: [
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
    ],
  },
  {
    label: 'of a sum a worker receives one vector',
    rounds: [{ route: 'sum', floats: 2 }],
    up: 3 * 8,
    down: 3 * 8,
    inboxes: [[[6, 6]]],
  },
  {
    label: 'an empty sum is a message of no bytes',
    rounds: [{ route: 'sum', floats: 0 }],
    up: 0,
    down: 0,
    inboxes: [[[]]],
  },
  {
    label: 'rounds of a step add up',
    rounds: [
      { route: 'sum', floats: 4 },
      { route: 'gather', floats: 1 },
      { route: 'server', floats: 1 },
    ],
    up: 3 * (16 + 4 + 4),
    down: 3 * (16 + 8 + 12),
    inboxes: [[[6, 6, 6, 6]], [[1], [2], [3]], [[1, 2, 3]]],
  },
] satisfies { label: string; rounds: Planned[]; up: number; down: number; inboxes: number[][][] }[])
  test(label, async () => {
    const workers = [0, 1, 2].map((rank) => talker(rank, rounds));
    const { bytesUp, bytesDown, outcomes } = await exchange(workers, echo, none(3));
    assert.equal([bytesUp, bytesDown], [up, down]);
    for (const worker of workers) assert.equal(worker.inboxes, inboxes);
    assert.equal(
      outcomes,
      [0, 1, 2].map((rank) => ({ kind: 'direction', direction: new Float32Array([rank]) })),
    );
  });

test('gradients and models go to their workers', async () => {
  const got: unknown[] = [];
  const workers = [0, 1].map((rank): Worker => {
    const worker = talker(rank, [{ route: 'gather', floats: 1 }]);
    return { ...worker, send: (gradient, model) => (got.push([gradient, model]), worker.send(gradient)) };
  });
  const model = {
    parameters: new Float32Array(1),
    velocity: new Float32Array(1),
    learningRate: 1,
    momentum: 0,
  };
  const given = [new Float32Array([5]), new Float32Array([6])];
  await exchange(workers, undefined, given, [model, { ...model, momentum: 0.5 }]);
  assert.equal(got, [
    [given[0], model],
    [given[1], { ...model, momentum: 0.5 }],
  ]);
  got.length = 0;
  await exchange(
    [0, 1].map((rank): Worker => {
      const worker = talker(rank, [{ route: 'gather', floats: 1 }]);
      return { ...worker, send: (gradient, none) => (got.push(none), worker.send(gradient)) };
    }),
    undefined,
    given,
  );
  assert.equal(got, [undefined, undefined]);
});

test('one worker alone receives nothing of a gather round', async () => {
  const { bytesUp, bytesDown } = await exchange(
    [talker(0, [{ route: 'gather', floats: 3 }])],
    undefined,
    none(1),
  );
  assert.equal([bytesUp, bytesDown], [12, 0]);
});

test('what does not fit is named', async () => {
  const workers = [0, 1].map((rank) => talker(rank, [{ route: 'server', floats: 1 }]));
  await rejects(exchange(workers, echo, none(3)), RangeError, '"gradients" expected 2 of them, got 3');
  await rejects(exchange(workers, undefined, none(2)), TypeError, '"server" expected');
  const mixed = [talker(0, [{ route: 'sum', floats: 1 }]), talker(1, [{ route: 'gather', floats: 1 }])];
  await rejects(exchange(mixed, undefined, none(2)), Error, 'not in the same round');
  const unequal = [talker(0, [{ route: 'sum', floats: 1 }]), talker(1, [{ route: 'sum', floats: 2 }])];
  await rejects(exchange(unequal, undefined, none(2)), PacketError, 'expected 4');
});

const bytesOf = (numbers: number[]): Uint8Array => new Uint8Array(new Float32Array(numbers).buffer);

test('sums are added in float32, in the order of ranks', () => {
  const sum = sumMessages([bytesOf([2 ** 24, 1]), bytesOf([1, 2]), bytesOf([1, 3])]);
  // each 1 is lost to 2^24; added first they would not be
  assert.equal([...new Float32Array(sum.buffer)], [2 ** 24, 6]);
  const other = sumMessages([bytesOf([1]), bytesOf([1]), bytesOf([2 ** 24])]);
  assert.equal([...new Float32Array(other.buffer)], [2 ** 24 + 2]);
});

test('a sum leaves the messages as they are, aligned or not', () => {
  const messages = [bytesOf([1, 2]), bytesOf([3, 4])];
  const shifted = messages.map((bytes) => {
    const buffer = new Uint8Array(bytes.length + 1);
    buffer.set(bytes, 1);
    return buffer.subarray(1);
  });
  for (const given of [messages, shifted]) {
    const before = given.map((bytes) => [...bytes]);
    assert.equal([...new Float32Array(sumMessages(given).slice().buffer)], [4, 6]);
    assert.equal(
      given.map((bytes) => [...bytes]),
      before,
    );
  }
});

test('messages of a sum that are no float32 vector are a PacketError', () => {
  const refused = (error: unknown): boolean => error instanceof PacketError;
  assert.throws(() => sumMessages([bytesOf([1]), new Uint8Array(5)]), refused);
  assert.throws(() => sumMessages([new Uint8Array(10), new Uint8Array(10)]), refused);
  assert.throws(() => sumMessages([new Uint8Array(10)]), refused);
});

test.run();
