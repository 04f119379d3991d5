/**
 * Messages that no machine of the system sends, and gradients that no worker takes: refused with a named error, after
 * which the machine goes on as if they had not been.
 */
import * as assert from 'uvu/assert';
import type { Model, Outcome, Worker } from '../../ts/algorithms/system.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf, floats, keptOutcome, play, type Played, type Round } from '../reference/algorithms/play.ts';
import { systems, type Named } from '../reference/algorithms/systems.ts';
import { suite } from '../support/suite.ts';

const test = suite('hostile messages');

const [N, WORKERS] = [96, 3];

const copyOf = (model: Model): Model => ({
  ...model,
  parameters: model.parameters.slice(),
  velocity: model.velocity.slice(),
});

/** A step that was played: all that is needed to play it again, at worker 0 or at the server. */
interface Recorded {
  readonly step: number;
  readonly worker: Uint8Array;
  readonly server: Uint8Array | undefined;
  readonly gradient: Float32Array;
  readonly model: Model;
  readonly played: Played;
  /** What worker 0's step came to. */
  readonly outcome: Outcome;
  readonly modelAfter: Model;
}

/** Steps 0 and 1, and those in which LIEC-SGD and CSER average, with n elements. */
async function recorded({ system, momentum }: Named, n = N): Promise<Recorded[]> {
  const crew = crewOf(system, n, WORKERS);
  const trained = models(n, WORKERS, momentum);
  const records: Recorded[] = [];
  for (let step = 0; step < 8; step++) {
    const given = gradients(n, WORKERS, step);
    const before = {
      step,
      worker: await crew.workers[0].save(),
      server: await crew.server?.save(),
      gradient: given[0],
      model: copyOf(trained[0]),
    };
    const played = await play(crew, given, trained);
    const [outcome] = played.outcomes;
    if ([0, 1, 4, 6, 7].includes(step))
      records.push({
        ...before,
        played,
        outcome: keptOutcome(outcome),
        modelAfter: copyOf(trained[0]),
      });
    played.outcomes.forEach((one, rank) => {
      if (one.kind === 'direction') descend(trained[rank], one.direction);
    });
  }
  return records;
}

/** Worker 0 before a step. */
async function seated({ system }: Named, { worker: state }: Recorded): Promise<Worker> {
  const [worker] = crewOf(system, N, WORKERS).workers;
  await worker.load(state);
  return worker;
}

/** Takes worker 0 from `round` to the end of the step, and asserts that it came to what was recorded. */
async function requireRest(
  worker: Worker,
  { played, outcome, modelAfter }: Recorded,
  round: number,
  model: Model,
  label: string,
): Promise<void> {
  for (const [j, { inbox }] of played.rounds.entries()) {
    if (j < round) continue;
    const next = await worker.receive(inbox);
    const following: Round | undefined = played.rounds[j + 1];
    if (following !== undefined)
      assert.equal(next, { kind: 'message', message: following.messages[0] }, `${label}: round ${j}`);
    else assert.equal(next, outcome, label);
  }
  assert.equal(model, modelAfter, `${label}: the model`);
}

const GARBAGE = Uint8Array.from({ length: 37 }, (_, i) => (i * 89) & 255);

/** Wrong versions of a message; `other` is what the system sends with more elements. */
function wrongOnes(bytes: Uint8Array, other: Uint8Array | undefined): [label: string, bytes: Uint8Array][] {
  return [
    ['of no bytes', new Uint8Array(0)],
    ['of garbage', GARBAGE],
    ['cut by a byte', bytes.subarray(0, -1)],
    ['cut by a word', bytes.subarray(0, -4)],
    ['grown by a byte', new Uint8Array([...bytes, 0])],
    ['grown by a word', new Uint8Array([...bytes, 0, 0, 0, 0])],
    ...(other === undefined || other.length === bytes.length
      ? []
      : [['of another length of vectors', other] as [string, Uint8Array]]),
  ].filter(([, wrong]) => wrong.length > 0 || bytes.length > 0) as [string, Uint8Array][];
}

/** A list of messages with a wrong one in each place. */
function withWrongOne(
  list: readonly Uint8Array[],
  others: readonly Uint8Array[] | undefined,
): { label: string; wrong: Uint8Array[] }[] {
  return list.flatMap((bytes, place) =>
    wrongOnes(bytes, others?.[place]).map(([label, one]) => ({
      label: `message ${place} ${label}`,
      wrong: list.map((own, i) => (i === place ? one : own)),
    })),
  );
}

/** What is wrong with how a call ended; undefined where it was refused as it should be. */
async function accepted(call: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await call();
    return 'accepted';
  } catch (error) {
    return error instanceof PacketError || error instanceof RangeError ? undefined : String(error);
  }
}

/** Offers wrong inboxes to worker 0 in each round of each step, and lists those that it does not refuse. */
async function offered(
  named: Named,
  wrongOf: (round: Round, other: Round | undefined) => { label: string; wrong: readonly Uint8Array[] }[],
): Promise<string[]> {
  const bad = new Set<string>();
  const others = await recorded(named, N + 32);
  for (const [s, record] of (await recorded(named)).entries())
    for (const [j, round] of record.played.rounds.entries())
      for (const { label, wrong } of wrongOf(round, others[s].played.rounds[j])) {
        const worker = await seated(named, record);
        const model = copyOf(record.model);
        await worker.send(record.gradient, model);
        for (const { inbox } of record.played.rounds.slice(0, j)) await worker.receive(inbox);
        const why = await accepted(async () => worker.receive(wrong));
        if (why !== undefined) bad.add(`round ${j}, ${label}: ${why}`);
        else await requireRest(worker, record, j, model, label);
      }
  return [...bad];
}

for (const named of systems) {
  test(`${named.label}: a worker refuses messages of another length, and goes on`, async () => {
    const wrong = await offered(named, ({ inbox }, other) => withWrongOne(inbox, other?.inbox));
    assert.equal(wrong, []);
  });

  test(`${named.label}: a worker refuses too few messages and too many, and goes on`, async () => {
    const wrong = await offered(named, ({ inbox }) => [
      { label: 'no message', wrong: [] },
      { label: 'one too few', wrong: inbox.slice(1) },
      { label: 'one too many', wrong: [...inbox, inbox[0]] },
    ]);
    assert.equal(wrong, []);
  });

  test(`${named.label}: sums and means with NaN in them are refused`, async () => {
    const wrong = await offered(named, ({ messages, inbox }) => {
      // packets have a CRC; vectors are as they are
      const isVector = messages[0].route === 'sum' || named.label.startsWith('liecSgd');
      if (!isVector || inbox[0][0] === 0x66) return [];
      const values = floats(inbox[0]);
      values[values.length - 1] = NaN;
      return values.length > 0 ? [{ label: 'NaN', wrong: [new Uint8Array(values.buffer)] }] : [];
    });
    assert.equal(wrong, []);
  });

  test(`${named.label}: NaN and infinity in a gradient are refused, and the next gradient is as if they had not been`, async () => {
    for (const record of await recorded(named))
      for (const value of [NaN, Infinity, -Infinity]) {
        const at = `step ${record.step}`;
        const worker = await seated(named, record);
        const model = copyOf(record.model);
        const bad = record.gradient.slice();
        bad[41] = value;
        bad[90] = NaN;
        try {
          await worker.send(bad, model);
          assert.unreachable(`${at}: ${value} was accepted`);
        } catch (error) {
          if (!(error instanceof NonFiniteError)) throw error;
          assert.equal([error.first, error.count], [41, 2]);
        }
        assert.equal(model, record.model, at);
        assert.equal(await worker.save(), record.worker, `${at}: the state`);
        assert.equal(await worker.send(record.gradient, model), record.played.rounds[0].messages[0], at);
        await requireRest(worker, record, 0, model, at);
      }
  });

  test(`${named.label}: a gradient of another length is a RangeError, and the next is as if it had not been`, async () => {
    for (const record of await recorded(named))
      for (const length of [0, N - 1, N + 1]) {
        const at = `step ${record.step}, ${length} elements`;
        const worker = await seated(named, record);
        const model = copyOf(record.model);
        const wrong = new Float32Array(length);
        try {
          await worker.send(wrong, model);
          assert.unreachable(`${at}: accepted`);
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
        assert.equal(await worker.send(record.gradient, model), record.played.rounds[0].messages[0], at);
        await requireRest(worker, record, 0, model, at);
      }
  });
}

for (const named of systems.filter(({ system }) => system.server !== undefined)) {
  /** Offers wrong messages to the server in each step, and lists those that it does not refuse. */
  const answered = async (
    wrongOf: (
      sent: readonly Uint8Array[],
      others: readonly Uint8Array[],
    ) => { label: string; wrong: readonly Uint8Array[] }[],
  ): Promise<string[]> => {
    const bad = new Set<string>();
    const others = await recorded(named, N + 32);
    const sentIn = ({ played }: Recorded): Uint8Array[] =>
      played.rounds[0].messages.map(({ bytes }) => bytes);
    for (const [s, record] of (await recorded(named)).entries())
      for (const { label, wrong } of wrongOf(sentIn(record), sentIn(others[s]))) {
        const { server } = crewOf(named.system, N, WORKERS);
        await server?.load(record.server ?? new Uint8Array());
        const why = await accepted(async () => server?.answer(wrong));
        if (why !== undefined) bad.add(`${label}: ${why}`);
        else assert.equal(await server?.answer(sentIn(record)), record.played.rounds[0].inbox[0], label);
      }
    return [...bad];
  };

  test(`${named.label}: the server refuses messages of another length, and goes on`, async () => {
    assert.equal(await answered(withWrongOne), []);
  });

  test(`${named.label}: the server refuses fewer messages than workers, and more, and goes on`, async () => {
    const wrong = await answered((sent) => [
      { label: 'no message', wrong: [] },
      { label: 'one too few', wrong: sent.slice(1) },
      { label: 'one too many', wrong: [...sent, sent[0]] },
    ]);
    assert.equal(wrong, []);
  });
}

test.run();
