/** Saved states: what goes on from one is what would have come without it, and what is no such state is refused. */
import * as assert from 'uvu/assert';
import { liecSgd } from '../../ts/algorithms/liec-sgd.ts';
import { splitLearning } from '../../ts/algorithms/split-learning.ts';
import type { Stateful, System } from '../../ts/algorithms/system.ts';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { randomizedTopK } from '../../ts/compressors/randomized-top-k.ts';
import { Device } from '../../ts/device.ts';
import { PacketError } from '../../ts/errors.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf, device, play, type Crew } from '../reference/algorithms/play.ts';
import { loadAll, readState, savedBy, stateWith } from '../reference/algorithms/states.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('states');

const [N, WORKERS, STEPS] = [500, 3, 30];

const machinesOf = ({ workers, server }: Crew): Stateful[] =>
  server === undefined ? [...workers] : [...workers, server];

/** All messages of 30 steps; before step `at` the machines are saved and go on as new ones on another device. */
async function messagesOf(
  { system, momentum }: { system: System; momentum: number },
  at: number,
  other: Device,
): Promise<Uint8Array[]> {
  const trained = models(N, WORKERS, momentum);
  const sent: Uint8Array[] = [];
  let crew = crewOf(system, N, WORKERS);
  for (let step = 0; step < STEPS; step++) {
    if (step === at) {
      const states = await savedBy(machinesOf(crew));
      crew = crewOf(system, N, WORKERS, other);
      await loadAll(machinesOf(crew), states);
      // what was loaded is what is saved again
      assert.equal(await savedBy(machinesOf(crew)), states);
    }
    const { rounds, outcomes } = await play(crew, gradients(N, WORKERS, step), trained);
    for (const { messages, inbox } of rounds) sent.push(...messages.map(({ bytes }) => bytes), ...inbox);
    outcomes.forEach((outcome, rank) => {
      if (outcome.kind === 'direction') descend(trained[rank], outcome.direction);
    });
  }
  return sent;
}

for (const named of systems)
  test(`${named.label}: loaded at step 13, on wasm, it sends the same bytes as without`, async () => {
    const wasm = new Device({ backend: 'wasm' }, { backend: await openWasm({ simd: true }), reasons: {} });
    const whole = await messagesOf(named, -1, device);
    const parted = await messagesOf(named, 13, wasm);
    wasm.close();
    assert.is(parted.length, whole.length);
    assert.is(
      whole.findIndex((bytes, i) => String(bytes) !== String(parted[i])),
      -1,
    );
  });

test('both sides of split learning draw on from where they were', async () => {
  const C = randomizedTopK({ ratio: 0.1, alpha: 0.5, seed: 2 });
  const system = splitLearning({ up: C, down: C }, 'RT');
  for (const side of [
    (rank: number) => system.client(device, { rank }),
    (rank: number) => system.server(device, { rank }),
  ]) {
    const whole = side(1);
    for (let batch = 0; batch < 13; batch++) await whole.send(input('normal', 100, batch + 1));
    const resumed = side(1);
    await resumed.load(await whole.save());
    for (let batch = 13; batch < 16; batch++) {
      const x = input('normal', 100, batch + 1);
      assert.equal(await resumed.send(x), await whole.send(x));
    }
    await rejects(side(0).load(await whole.save()), PacketError, 'expected RT, ');
  }
  const state = await system.client(device).save();
  await rejects(system.server(device).load(state), PacketError, 'expected RT, server of client 0');
});

test('a state is a copy: it does not change with the machine, nor the machine with it', async () => {
  for (const { system, momentum, label } of systems) {
    const crew = crewOf(system, 100, 2);
    const trained = models(100, 2, momentum);
    await play(crew, gradients(100, 2, 0), trained);
    const states = await savedBy(machinesOf(crew));
    const kept = states.map((state) => state.slice());
    await play(crew, gradients(100, 2, 1), trained);
    assert.equal(states, kept, label);
    // each overwritten as soon as its call has returned
    for (const [i, machine] of machinesOf(crew).entries()) {
      const loaded = machine.load(states[i]);
      states[i].fill(0);
      await loaded;
    }
    assert.equal(await savedBy(machinesOf(crew)), kept, label);
  }
});

test('a state that comes from a file, a Buffer somewhere in a pool, is loaded', async () => {
  const { system } = systems[1];
  const [one, two] = [0, 1].map(() => system.worker(device, { n: 50, workers: 2, rank: 1 }));
  await one.send(gradients(50, 2, 0)[1]);
  const padded = Buffer.concat([Buffer.alloc(12), await one.save()]).subarray(12);
  await two.load(padded);
  assert.equal(await two.save(), await one.save());
  two.adopt(Buffer.concat([Buffer.alloc(4), one.share()]).subarray(4));
});

test('load in the middle of a step forgets that step', async () => {
  for (const { system, momentum, label } of systems) {
    const [crew, twin] = [crewOf(system, 100, 2), crewOf(system, 100, 2)];
    const [one, two] = [models(100, 2, momentum), models(100, 2, momentum)];
    for (let step = 0; step < 2; step++) {
      await play(crew, gradients(100, 2, step), one);
      await play(twin, gradients(100, 2, step), two);
    }
    const states = await savedBy(crew.workers);
    for (const [rank, worker] of crew.workers.entries()) {
      await worker.send(gradients(100, 2, 9)[rank], one[rank]);
      await worker.load(states[rank]);
    }
    const sent = async (of: Crew, trained: typeof one): Promise<unknown> =>
      (await play(of, gradients(100, 2, 2), trained)).rounds;
    assert.equal(await sent(crew, one), await sent(twin, two), label);
  }
});

test('damaged bytes are refused, each of them, and leave the machine as it was', async () => {
  const [exDyna] = systems.filter(({ label }) => label === 'exDyna');
  const crew = crewOf(exDyna.system, 8, 1);
  for (let step = 0; step < 3; step++) await play(crew, gradients(8, 1, step));
  const [worker] = crew.workers;
  const state = await worker.save();
  const [other] = crewOf(exDyna.system, 8, 1).workers;
  const fresh = await other.save();
  for (let bit = 0; bit < state.length * 8; bit++) {
    const damaged = state.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    await rejects(other.load(damaged), PacketError);
  }
  for (let length = 0; length < state.length; length++)
    await rejects(other.load(state.subarray(0, length)), PacketError);
  await rejects(other.load(new Uint8Array([...state, 0])), PacketError, 'CRC');
  await rejects(other.load(new Uint8Array(100)), PacketError, "'fbst'");
  assert.equal(await other.save(), fresh);
  // a view somewhere in another buffer is fine
  const shifted = new Uint8Array(state.length + 3);
  shifted.set(state, 3);
  await other.load(shifted.subarray(3));
  assert.equal(await other.save(), state);
});

test('what is no Uint8Array is a TypeError', async () => {
  for (const { system } of systems)
    for (const machine of machinesOf(crewOf(system, 10, 1)))
      for (const given of [undefined, 'state', [1, 2], new Float32Array(10)])
        await rejects(
          machine.load(given as unknown as Uint8Array),
          TypeError,
          '"state" expected a Uint8Array',
        );
});

test('states of another system, size, seat or side are refused, and what was expected is named', async () => {
  const distinct = systems.filter(
    ({ system }, i) => systems.findIndex((other) => other.system.name === system.name) === i,
  );
  const [n, workers] = [64, 2];
  for (const { system } of distinct) {
    const [worker, second] = crewOf(system, n, workers).workers;
    const expected = `expected ${system.name}, worker 0 of 2, 64 elements`;
    const wrong: [label: string, state: Uint8Array | undefined][] = [
      ['rank', await second.save()],
      ['workers', await crewOf(system, n, 3).workers[0].save()],
      ['size', await crewOf(system, n + 1, workers).workers[0].save()],
      ['side', await crewOf(system, n, workers).server?.save()],
    ];
    for (const other of distinct)
      if (other.system !== system)
        wrong.push([other.label, await crewOf(other.system, n, workers).workers[0].save()]);
    for (const [, state] of wrong)
      if (state !== undefined) await rejects(worker.load(state), PacketError, expected);

    const { server } = crewOf(system, n, workers);
    if (server === undefined) continue;
    const expectedOfServer = `expected ${system.name}, server of 2, 64 elements`;
    for (const state of [
      await second.save(),
      await crewOf(system, n + 1, workers).server?.save(),
      await crewOf(system, n, 3).server?.save(),
    ])
      await rejects(server.load(state ?? new Uint8Array()), PacketError, expectedOfServer);
  }
});

test('a state of another averagePeriod is refused', async () => {
  const [a, b] = [5, 6].map((averagePeriod) => crewOf(liecSgd({ averagePeriod }), 10, 1));
  const states = await savedBy(machinesOf(b));
  for (const [i, machine] of machinesOf(a).entries())
    await rejects(machine.load(states[i]), PacketError, 'period 5');
});

test('headers that are none, with a CRC that is right, are a PacketError and change nothing', async () => {
  const [{ system }] = systems.filter(({ label }) => label === 'exDyna');
  const crew = crewOf(system, 4, 1);
  await play(crew, gradients(4, 1, 0));
  const [worker] = crew.workers;
  const state = await worker.save();
  const { of, numbers, vectors } = readState(state);
  const header = { of, numbers, vectors: [['residual', 4]] };
  const { residual } = vectors;
  const padded = (value: unknown): string => {
    const text = JSON.stringify(value);
    return text.padEnd(Math.ceil(text.length / 4) * 4);
  };
  await worker.load(stateWith(padded(header), residual));
  assert.equal(await worker.save(), state);

  const wrong: string[] = [];
  for (const [label, given] of [
    ['null', stateWith('null')],
    ['a number', stateWith('1   ')],
    ['a string', stateWith('"of"')],
    ['an object without names', stateWith('{}  ')],
    ['no JSON', stateWith('{of}')],
    ['no vectors', stateWith(padded({ of, numbers }))],
    ['vectors that are no list', stateWith(padded({ ...header, vectors: 3 }))],
    ['a vector that is no pair', stateWith(padded({ ...header, vectors: [null] }))],
    ['a vector of another name', stateWith(padded({ ...header, vectors: [['error', 4]] }), residual)],
    ['a vector of another length', stateWith(padded({ ...header, vectors: [['residual', 3]] }), residual)],
    ['a vector of negative length', stateWith(padded({ ...header, vectors: [['residual', -1]] }), residual)],
    ['a vector of half an element', stateWith(padded({ ...header, vectors: [['residual', 3.5]] }), residual)],
    ['a vector beyond the end', stateWith(padded({ ...header, vectors: [['residual', 400]] }), residual)],
    ['more bytes than vectors', stateWith(padded(header), residual, residual)],
    ['text of no whole words', stateWith(`${padded(header)} `, residual)],
    ['no numbers', stateWith(padded({ of, vectors: header.vectors }), residual)],
    [
      'a number that is missing',
      stateWith(padded({ ...header, numbers: { ...numbers, d: undefined } }), residual),
    ],
    ['a number that is a text', stateWith(padded({ ...header, numbers: { ...numbers, t: 'x' } }), residual)],
    ['counts that are none', stateWith(padded({ ...header, numbers: { ...numbers, counts: 3 } }), residual)],
  ] as const) {
    try {
      await worker.load(given);
      wrong.push(`${label}: accepted`);
    } catch (error) {
      if (!(error instanceof PacketError)) wrong.push(`${label}: ${String(error)}`);
    }
    if (String(await worker.save()) !== String(state)) wrong.push(`${label}: changed the machine`);
    await worker.load(state);
  }
  assert.equal(wrong, []);
});

test.run();
