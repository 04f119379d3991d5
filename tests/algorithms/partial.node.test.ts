/** Rounds over some of the workers: what comes of them, what the others keep, and how one joins or follows. */
import * as assert from 'uvu/assert';
import { liecSgd } from '../../ts/algorithms/liec-sgd.ts';
import { memSgd } from '../../ts/algorithms/baselines/mem-sgd.ts';
import { sumMessages } from '../../ts/algorithms/steps.ts';
import type { Message, Model, Outcome, System, Worker } from '../../ts/algorithms/system.ts';
import { scaledSign } from '../../ts/compressors/scaled-sign.ts';
import { PacketError } from '../../ts/errors.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf, decoded, device, floats, type Crew } from '../reference/algorithms/play.ts';
import { readState } from '../reference/algorithms/states.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { suite } from '../support/suite.ts';

const test = suite('rounds over some of the workers');

const [N, WORKERS] = [120, 4];

/** Who is in time, by step: none, one and several are missing, and the one whose turn it is in CLT-k. */
const PRESENT = [
  [0, 1, 2, 3],
  [0, 2, 3],
  [1, 3],
  [0, 1, 2, 3],
  [2],
  [0, 1, 2],
  [1, 2, 3],
  [0, 3],
  [0, 1, 2, 3],
];

/**
 * A step that is made of the messages of `from`. All send; workers beyond the crew follow. `turns` has what was sent
 * and what was received.
 */
async function stepOf(
  crew: Crew,
  from: readonly number[],
  given: readonly Float32Array[],
  trained: readonly Model[],
  followers: readonly { worker: Worker; model: Model }[] = [],
): Promise<{ outcomes: Outcome[]; turns: { sent: Message[]; inbox: readonly Uint8Array[] }[] }> {
  const turns: { sent: Message[]; inbox: readonly Uint8Array[] }[] = [];
  let messages = await Promise.all(
    crew.workers.map((worker, rank) => worker.send(given[rank], trained[rank])),
  );
  const followed = await Promise.all(followers.map(({ worker, model }) => worker.follow(model)));
  for (const { route } of followed) assert.is(route, messages[0].route);
  for (;;) {
    const used = from.map((rank) => messages[rank].bytes);
    const [{ route }] = messages;
    const inbox =
      route === 'gather'
        ? used
        : [route === 'sum' ? sumMessages(used) : await crew.server!.answer(used, from)];
    turns.push({ sent: messages, inbox });
    const all = [...crew.workers, ...followers.map(({ worker }) => worker)];
    const outcomes: Outcome[] = [];
    for (const worker of all) outcomes.push(await worker.receive(inbox, from));
    const next = outcomes.flatMap((outcome) => (outcome.kind === 'message' ? [outcome.message] : []));
    if (next.length === 0) {
      const states = [...trained, ...followers.map(({ model }) => model)];
      for (const [place, outcome] of outcomes.entries())
        if (outcome.kind === 'direction') descend(states[place], outcome.direction);
      return { outcomes, turns };
    }
    assert.is(next.length, all.length, 'all take the same turns');
    messages = next;
  }
}

/** The vector that a worker keeps from step to step, if any. */
async function kept(worker: Worker): Promise<Float32Array | undefined> {
  const { vectors } = readState(await worker.save());
  return Object.values(vectors)[0];
}

for (const { label, system, momentum, conserves } of systems) {
  const drifts = /liecSgd|cser/.test(label);

  test(`${label}: all workers, and one who follows, take the same from rounds over some`, async () => {
    const crew = crewOf(system, N, WORKERS);
    const trained = models(N, WORKERS, momentum);
    const [model] = models(N, 1, momentum);
    const worker = system.worker(device, { n: N, workers: WORKERS, rank: WORKERS });
    for (let step = 0; step < 3 * PRESENT.length; step++) {
      const { outcomes } = await stepOf(
        crew,
        PRESENT[step % PRESENT.length],
        gradients(N, WORKERS, step),
        trained,
        [{ worker, model }],
      );
      assert.is(outcomes[0].kind, outcomes[WORKERS].kind);
      // what all have in common is the same for all, the follower too
      for (const other of [...crew.workers, worker])
        assert.equal(other.share(), crew.workers[0].share(), `step ${step}`);
      if (drifts) continue;
      for (const other of [...trained.slice(1), model])
        assert.equal(other.parameters, trained[0].parameters, `step ${step}`);
    }
  });

  test(`${label}: a worker that was not in time keeps what it had`, async () => {
    const crew = crewOf(system, N, WORKERS);
    const trained = models(N, WORKERS, momentum);
    for (let step = 0; step < 2 * PRESENT.length; step++) {
      const before: (Float32Array | undefined)[] = [];
      for (const one of crew.workers) before.push(await kept(one));
      const given = gradients(N, WORKERS, step);
      const from = PRESENT[step % PRESENT.length];
      await stepOf(crew, from, given, trained);
      for (const [rank, worker] of crew.workers.entries()) {
        const after = await kept(worker);
        if (from.includes(rank) || after === undefined || after.length === 0) continue;
        // exactly: the error that it had and its gradient
        if (conserves && !drifts)
          assert.equal(
            after,
            before[rank]?.map((value, i) => Math.fround(value + given[rank][i])),
            `step ${step}, rank ${rank}`,
          );
      }
    }
  });

  test(`${label}: one that joins in step 5 goes on as one that was there all along without being in time`, async () => {
    const one = crewOf(system, N, WORKERS);
    const trained = models(N, WORKERS, momentum);
    const worker = system.worker(device, { n: N, workers: WORKERS, rank: WORKERS });
    const [model] = models(N, 1, momentum);
    for (let step = 0; step < 5; step++)
      await stepOf(one, [0, 1, 2], gradients(N, WORKERS, step), trained, [{ worker, model }]);
    // the follower's model and common state are what a server gives to one that joins in seat 3
    const joining = system.worker(device, { n: N, workers: WORKERS, rank: 3 });
    // a step under way is forgotten, of what was kept nothing is lost
    await joining.send(gradients(N, 1, 99)[0], model);
    joining.adopt(worker.share());
    assert.equal(joining.share(), one.workers[0].share());
    const crew = { ...one, workers: [...one.workers.slice(0, 3), joining] };
    trained[3] = { ...model, parameters: model.parameters.slice(), velocity: model.velocity.slice() };
    const { turns } = await stepOf(crew, [0, 1, 2, 3], gradients(N, WORKERS, 5), trained, [
      { worker, model },
    ]);
    assert.is(turns[0].sent.length, 4);
    if (!drifts) for (const { parameters } of trained) assert.equal(parameters, trained[0].parameters);
  });

  test(`${label}: from must be ranks, ascending, and as many as the messages`, async () => {
    const crew = crewOf(system, N, WORKERS);
    const [worker] = crew.workers;
    const { bytes, route } = await worker.send(gradients(N, 1, 0)[0], models(N, 1, momentum)[0]);
    for (const from of [[], [1, 0], [0, 0], [4], [-1], [0.5]]) {
      const state = worker.share();
      await rejects(worker.receive([bytes], from), RangeError);
      assert.equal(worker.share(), state);
      if (route === 'server') await rejects(crew.server?.answer([bytes], from), RangeError);
    }
    if (route === 'gather') await rejects(worker.receive([bytes], [0, 1]), RangeError);
    if (route === 'server') await rejects(crew.server?.answer([bytes], [0, 1]), RangeError);
  });

  test(`${label}: check takes what a round is made of, and refuses other bytes`, async () => {
    const crew = crewOf(system, N, WORKERS);
    const trained = models(N, WORKERS, momentum);
    const observer = system.worker(device, { n: N, workers: WORKERS, rank: WORKERS });
    const [model] = models(N, 1, momentum);
    for (let step = 0; step < 8; step++) {
      const given = gradients(N, WORKERS, step);
      let messages = await Promise.all(
        crew.workers.map((worker, rank) => worker.send(given[rank], trained[rank])),
      );
      await observer.follow(model);
      for (let more = true; more;) {
        const [{ route }] = messages;
        const garbage = [
          new Uint8Array(7),
          messages[1].bytes.slice(0, -4),
          messages[1].bytes.slice().fill(255),
        ];
        for (const [rank, { bytes }] of messages.entries()) {
          if (route === 'server') await crew.server?.check(bytes);
          if (route === 'gather') await observer.check(bytes, rank);
          else await rejects(observer.check(bytes, rank), PacketError);
        }
        if (route !== 'sum')
          for (const bytes of garbage) {
            const state = await (route === 'server' ? crew.server : observer)?.save();
            await rejects(
              route === 'server' ? crew.server?.check(bytes) : observer.check(bytes, 1),
              PacketError,
            );
            // and where it is taken unchecked, the machine is as it was
            const spoiled = messages.map((message, rank) => (rank === 1 ? bytes : message.bytes));
            await rejects(
              route === 'server' ? crew.server?.answer(spoiled) : observer.receive(spoiled),
              Error,
            );
            assert.equal(await (route === 'server' ? crew.server : observer)?.save(), state);
          }
        const sent = messages.map(({ bytes }) => bytes);
        const inbox =
          route === 'gather' ? sent : [route === 'sum' ? sumMessages(sent) : await crew.server!.answer(sent)];
        const outcomes: Outcome[] = [];
        for (const worker of crew.workers) outcomes.push(await worker.receive(inbox));
        await observer.receive(inbox, [0, 1, 2, 3]);
        messages = outcomes.flatMap((outcome) => (outcome.kind === 'message' ? [outcome.message] : []));
        more = messages.length > 0;
        for (const [rank, outcome] of outcomes.entries())
          if (outcome.kind === 'direction') descend(trained[rank], outcome.direction);
      }
    }
  });
}

test('the mean is over those who were in time', async () => {
  const system = memSgd(scaledSign());
  const crew = crewOf(system, N, WORKERS);
  const trained = models(N, WORKERS, 0);
  for (const [step, from] of PRESENT.entries()) {
    const { outcomes, turns } = await stepOf(crew, from, gradients(N, WORKERS, step), trained);
    const sent = await decoded(from.map((rank) => turns[0].sent[rank].bytes));
    const [outcome] = outcomes;
    if (outcome.kind !== 'direction') throw new Error(outcome.kind);
    outcome.direction.forEach((value, i) => {
      const mean = sent.reduce((sum, vector) => sum + vector[i], 0) / from.length;
      assert.ok(Math.abs(value - mean) <= 1e-6 * Math.max(...sent.map((vector) => Math.abs(vector[i]))));
    });
  }
});

test('among peers the mean at the union is over those whose values were summed', async () => {
  for (const { system, label } of systems.filter(({ label }) => /exDyna|cltK/.test(label))) {
    const crew = crewOf(system, N, WORKERS);
    const trained = models(N, WORKERS, 0);
    for (const [step, from] of PRESENT.entries()) {
      const { outcomes, turns } = await stepOf(crew, from, gradients(N, WORKERS, step), trained);
      const values = floats(turns[turns.length - 1].inbox[0]);
      const [outcome] = outcomes;
      if (outcome.kind !== 'direction') throw new Error(outcome.kind);
      const moved = outcome.direction.filter((value) => value !== 0);
      assert.equal(
        [...moved].sort(),
        [...values]
          .map((value) => Math.fround(value / from.length))
          .filter((value) => value !== 0)
          .sort(),
        label,
      );
    }
  }
});

test('liecSgd: one who was not in time steps along q alone, and adds no error of its own', async () => {
  const crew = crewOf(liecSgd({ averagePeriod: 50 }), N, WORKERS);
  const trained = models(N, WORKERS, 0);
  const { outcomes, turns } = await stepOf(crew, [0, 1, 3], gradients(N, WORKERS, 0), trained);
  const [q] = await decoded(turns[0].inbox);
  const directions = outcomes.map((outcome) => (outcome.kind === 'direction' ? outcome.direction : q));
  assert.equal(directions[2], q);
  for (const rank of [0, 1, 3]) assert.not.equal(directions[rank], q);
});

test('a message of its rank that is not its own is none of its own', async () => {
  for (const { label, system, momentum, conserves } of systems) {
    const [one, two] = [0, 1].map(() => system.worker(device, { n: N, workers: 2, rank: 1 }));
    const other = system.worker(device, { n: N, workers: 2, rank: 0 });
    const [m0, m1, m2] = models(N, 3, momentum);
    const server = system.server?.(device, { n: N, workers: 2 });
    const given = gradients(N, 3, 0);
    let sent: (Message | undefined)[] = [await other.send(given[0], m0), await one.send(given[1], m1)];
    // a second life in the same seat, with another gradient
    await two.send(given[2], m2);
    for (;;) {
      const bytes = sent.map((message) => message!.bytes);
      const { route } = sent[0]!;
      const inbox =
        route === 'gather' ? bytes : [route === 'sum' ? sumMessages(bytes) : await server!.answer(bytes)];
      const outcomes = [await other.receive(inbox), await one.receive(inbox)];
      await two.receive(inbox, [0, 1], false);
      sent = outcomes.map((outcome) => (outcome.kind === 'message' ? outcome.message : undefined));
      if (sent[0] === undefined) break;
    }
    assert.equal(two.share(), one.share(), label);
    const after = await kept(two);
    if (conserves && after !== undefined && after.length > 0) assert.equal(after, given[2], label);
  }
});

test('cser: the blocks have the mean over those who were in time', async () => {
  for (const { system, momentum } of systems.filter(({ label }) => /cser/.test(label))) {
    const crew = crewOf(system, N, WORKERS);
    const trained = models(N, WORKERS, momentum);
    const [model] = models(N, 1, momentum);
    const worker = system.worker(device, { n: N, workers: WORKERS, rank: WORKERS });
    for (const [step, from] of PRESENT.slice(0, 7).entries()) {
      const { outcomes, turns } = await stepOf(crew, from, gradients(N, WORKERS, step), trained, [
        { worker, model },
      ]);
      const outcome = outcomes[WORKERS];
      if (outcome.kind !== 'direction') throw new Error(outcome.kind);
      // one who only follows has nothing of its own elsewhere
      assert.equal(
        [...outcome.direction.filter((value) => value !== 0)],
        [...floats(turns[0].inbox[0])]
          .map((sum) => Math.fround(sum / from.length))
          .filter((value) => value !== 0),
      );
    }
  }
});

for (const { label, system, momentum, conserves } of systems)
  test(`${label}: adopt gives back what was not taken, nothing of what was, and forgets a step that is begun anew`, async () => {
    for (const how of ['taken', 'gone on without it', 'begun anew', 'gone back'] as const) {
      const crew = crewOf(system, N, WORKERS);
      const trained = models(N, WORKERS, momentum);
      const shares = [crew.workers[1].share()];
      for (let step = 0; step < 3; step++) {
        await stepOf(crew, [0, 1, 2, 3], gradients(N, WORKERS, step), trained);
        shares.push(crew.workers[1].share());
      }
      const [worker, other] = crew.workers;
      const before = await kept(worker);
      const given = gradients(N, 1, 3)[0];
      const { route, bytes } = await worker.send(given, trained[0]);
      if (how !== 'begun anew' && how !== 'gone back') {
        // the others take step 3 without it; what stands in for it is not used
        const absent = system.worker(device, { n: N, workers: WORKERS, rank: 0 });
        absent.adopt(other.share());
        await stepOf({ ...crew, workers: [absent, other] }, [1], gradients(N, WORKERS, 3), trained);
        shares.push(other.share());
      }
      const shared = how === 'gone back' ? shares[2] : shares[shares.length - 1];
      worker.adopt(shared, how === 'taken');
      assert.equal(worker.share(), shared);
      if (!conserves || before === undefined || before.length === 0) continue;
      const all = before.map((value, i) => Math.fround(value + given[i]));
      const after = (await kept(worker))!;
      if (how === 'begun anew' || how === 'gone back') assert.equal(after, before, how);
      else if (/exDyna|cltK/.test(label)) {
        if (how === 'taken') assert.ok(after.every((value) => value === 0));
        else assert.equal(after, all, how);
      } else if (how !== 'taken') assert.equal(after, all, how);
      else {
        assert.is.not(route, 'sum');
        const [sent] = await decoded([bytes]);
        assert.equal(
          after,
          all.map((value, i) => Math.fround(value - sent[i])),
        );
      }
    }
  });

test('what was shared by another system, size or number of workers is refused', async () => {
  const of = (system: System, n: number, workers: number): Worker =>
    system.worker(device, { n, workers, rank: 0 });
  for (const { system, label } of systems) {
    const worker = of(system, N, WORKERS);
    for (const other of [
      of(system, N + 32, WORKERS),
      of(system, N, WORKERS + 1),
      of(label.startsWith('pSgd') ? liecSgd() : systems[0].system, N, WORKERS),
    ])
      assert.throws(
        () => worker.adopt(other.share()),
        (error: Error) => error instanceof PacketError,
        label,
      );
  }
});

async function rejects(
  promise: Promise<unknown> | undefined,
  type: new (...args: never[]) => Error,
): Promise<void> {
  let error: unknown;
  try {
    await promise;
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof type, `expected ${type.name}, got ${String(error)}`);
}

test.run();
