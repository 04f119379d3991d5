/**
 * A step that is broken off, wherever that is, and begun anew: everything afterwards, messages, directions, models and
 * saved states, is byte for byte that of a run that nothing interrupted.
 */
import * as assert from 'uvu/assert';
import { exchange } from '../../ts/algorithms/exchange.ts';
import type { Message, Model, Outcome } from '../../ts/algorithms/system.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf, device } from '../reference/algorithms/play.ts';
import { every } from '../reference/algorithms/every.ts';
import { loadAll, savedBy } from '../reference/algorithms/states.ts';
import type { Named } from '../reference/algorithms/systems.ts';
import {
  begin,
  carry,
  used,
  digest,
  everything,
  type Carried,
  type Party,
} from '../reference/algorithms/transport.ts';
import { deliver } from '../../ts/algorithms/transport.ts';
import { some, whole as isWhole } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('steps that are begun anew');

const [N, WORKERS] = [96, 3];

/** The steps that are interrupted: the first ones, and those in which LIEC-SGD and CSER average. */
const STEPS = isWhole ? [0, 1, 2, 4, 6, 7] : [0, 4];
const LAST = 9;

/** Whose messages each step is made of: of some it is not all. */
const FROM = [[0, 1, 2], [0, 2], [0, 1, 2], [1]];

function partyOf({ system, momentum }: Named): Party {
  const { workers, server } = crewOf(system, N, WORKERS);
  const follower = system.worker(device, { n: N, workers: WORKERS, rank: WORKERS });
  return { workers: [...workers, follower], server, models: models(N, WORKERS + 1, momentum) };
}

/** All bytes of a step, and of what is kept after it. */
async function bytesOf(carried: Carried, party: Party): Promise<Uint8Array[]> {
  const directions = carried.outcomes.map((outcome) =>
    outcome.kind === 'direction'
      ? new Uint8Array(outcome.direction.buffer)
      : new TextEncoder().encode(outcome.kind),
  );
  return [...carried.sent.flat(), ...carried.inboxes.flat(), ...directions, ...(await everything(party))];
}

/** What interrupts a step: it is handed the party before the step, and may give another one to go on with. */
type Interruption = (party: Party, step: number, from: readonly number[]) => Promise<Party | void>;

/** Digests of each step of a run in which the steps of STEPS are interrupted and then done. */
async function run(named: Named, interrupt: Interruption = async () => {}): Promise<string[]> {
  let party = partyOf(named);
  const digests: string[] = [];
  for (let step = 0; step < LAST; step++) {
    const from = FROM[step % FROM.length];
    if (STEPS.includes(step)) {
      const before = await everything(party);
      party = (await interrupt(party, step, from)) ?? party;
      assert.is(
        digest(await everything(party)),
        digest(before),
        `step ${step}: the interruption has changed something`,
      );
    }
    const carried = await carry(party, gradients(N, WORKERS, step), from);
    digests.push(digest(await bytesOf(carried, party)));
  }
  return digests;
}

/** Digests of runs without interruption, by label. */
const whole = new Map<string, Promise<string[]>>();

async function requireSame(named: Named, label: string, interrupt: Interruption): Promise<void> {
  const expected = whole.get(named.label) ?? run(named);
  whole.set(named.label, expected);
  assert.equal(await run(named, interrupt), await expected, label);
}

/** Goes `rounds` rounds into a step; of the next one, the workers of `received` take the inbox, if there is one. */
async function goInto(
  party: Party,
  step: number,
  from: readonly number[],
  rounds: number,
  how: { readonly answered: boolean; readonly received: readonly number[] },
): Promise<'broken off' | 'done'> {
  let messages = await begin(party, gradients(N, WORKERS, step));
  for (let round = 0; ; round++) {
    if (round === rounds && !how.answered) return 'broken off';
    const inbox = await deliver(used(messages, from), party.server, from);
    const ranks = round === rounds ? how.received : party.workers.keys();
    const outcomes: Outcome[] = [];
    for (const rank of ranks) outcomes.push(await party.workers[rank].receive(inbox, from));
    if (round === rounds) return 'broken off';
    const next: Message[] = outcomes.flatMap((outcome) =>
      outcome.kind === 'message' ? [outcome.message] : [],
    );
    if (next.length === 0) return 'done';
    messages = next;
  }
}

/** How many rounds this step of a party has, of a party of its own. */
async function roundsOf(named: Named, step: number): Promise<number> {
  const party = partyOf(named);
  for (let before = 0; before < step; before++)
    await carry(party, gradients(N, WORKERS, before), FROM[before % FROM.length]);
  return (await carry(party, gradients(N, WORKERS, step), FROM[step % FROM.length])).sent.length;
}

/** The rounds of each step of STEPS. */
async function roundsByStep(named: Named): Promise<ReadonlyMap<number, number>> {
  const rounds = new Map<number, number>();
  for (const step of STEPS) rounds.set(step, await roundsOf(named, step));
  return rounds;
}

/** All machines go back: those who finished the step, those who did not, and the server where it answered. */
function takeBack({ workers, server }: Party, answered: boolean): void {
  for (const worker of workers) worker.takeBack();
  if (answered) server?.takeBack();
}

for (const named of some(every)) {
  test(`${named.label}: send twice, of this gradient and of another, and follow`, async () => {
    await requireSame(named, 'the same gradients', async (party, step) => {
      for (let time = 0; time < 2; time++) await begin(party, gradients(N, WORKERS, step));
    });
    await requireSame(named, 'other gradients', async (party, step) => {
      await begin(party, gradients(N, WORKERS, step + 100));
    });
    await requireSame(named, 'all follow', async (party) => {
      await begin(party, []);
    });
  });

  for (const [place, bad] of [
    ['first', 0],
    ['middle', 1],
    ['last', 2],
  ] as const)
    test(`${named.label}: NaN at the ${place} rank, by hand and in exchange`, async () => {
      const spoiled = (step: number): Float32Array[] => {
        const given = gradients(N, WORKERS, step);
        given[bad][5] = NaN;
        return given;
      };
      await requireSame(named, 'by hand', async (party, step) => {
        await refused(begin(party, spoiled(step)), NonFiniteError);
      });
      await requireSame(named, 'exchange', async ({ workers, server, models: trained }, step) => {
        await refused(exchange(workers.slice(0, WORKERS), server, spoiled(step), trained), NonFiniteError);
      });
    });

  test(`${named.label}: each round lost once, before it was answered, after it, and after some have received it`, async () => {
    const rounds = await roundsByStep(named);
    const most = Math.max(...rounds.values());
    for (let round = 0; round < most; round++)
      for (const how of [
        { answered: false, received: [] },
        { answered: true, received: [] },
        { answered: true, received: [0] },
        { answered: true, received: [0, 1, 2, 3] },
      ])
        await requireSame(named, `round ${round}, ${JSON.stringify(how)}`, async (party, step, from) => {
          if (round >= rounds.get(step)!) return;
          await goInto(party, step, from, round, how);
          takeBack(party, how.answered);
        });
  });

  test(`${named.label}: saved and loaded at every place of a step`, async () => {
    const rounds = await roundsByStep(named);
    const most = Math.max(...rounds.values());
    /** Machines of their own that go on from the states of others; of a server that has answered, from before that. */
    const again = async (
      { workers, server, models: trained }: Party,
      servers?: Uint8Array,
    ): Promise<Party> => {
      const other = partyOf(named);
      await loadAll(other.workers, await savedBy(workers));
      if (server !== undefined) await other.server?.load(servers ?? (await server.save()));
      return { ...other, models: trained };
    };
    await requireSame(named, 'before the step', async (party) => again(party));
    for (let round = 0; round < most; round++)
      for (const how of [
        { answered: false, received: [] },
        { answered: true, received: [] },
      ])
        await requireSame(named, `round ${round}, ${JSON.stringify(how)}`, async (party, step, from) => {
          if (round >= rounds.get(step)!) return party;
          const before = await party.server?.save();
          await goInto(party, step, from, round, how);
          return again(party, before);
        });
    // into the machines themselves, in the middle of a step
    await requireSame(named, 'loaded in mid step', async (party, step) => {
      const states = await savedBy(party.workers);
      await begin(party, gradients(N, WORKERS, step));
      await loadAll(party.workers, states);
    });
  });

  test(`${named.label}: exchange leaves everything as it was where anybody refuses, in any round`, async () => {
    const rounds = await roundsByStep(named);
    const most = Math.max(...rounds.values());
    for (let round = 0; round < most; round++)
      for (let rank = 0; rank < WORKERS; rank++)
        await requireSame(named, `round ${round}, rank ${rank}`, async (party, step) => {
          if (FROM[step % FROM.length].length < WORKERS && round >= rounds.get(step)!) return;
          const { workers, server, models: trained } = party;
          let calls = 0;
          let refuses = false;
          const crew = workers.slice(0, WORKERS).map((worker, own) => ({
            send: (gradient: Float32Array, model?: Model) => worker.send(gradient, model),
            receive: async (inbox: readonly Uint8Array[]) => {
              if (own === rank && calls++ === round) {
                refuses = true;
                throw new PacketError('refused', 0);
              }
              return worker.receive(inbox);
            },
            takeBack: () => worker.takeBack(),
          }));
          const done = exchange(crew, server, gradients(N, WORKERS, step), trained);
          const error: unknown = await done.then(
            () => undefined,
            (reason: unknown) => reason,
          );
          assert.is(error instanceof PacketError, refuses, String(error));
          // over all workers a step may have fewer rounds than over some, but not where it is over all anyway
          if (FROM[step % FROM.length].length === WORKERS) assert.is(refuses, round < rounds.get(step)!);
          if (refuses) return;
          takeBack({ ...party, workers: workers.slice(0, WORKERS) }, true);
        });
    if (named.system.server === undefined) return;
    await requireSame(named, 'the server', async ({ workers, server, models: trained }, step) => {
      const refusing = { answer: () => Promise.reject(new PacketError('refused', 0)) };
      await refused(
        exchange(workers.slice(0, WORKERS), refusing, gradients(N, WORKERS, step), trained),
        PacketError,
      );
      assert.ok(server);
    });
  });

  test(`${named.label}: a step goes back once, and no step that was not begun`, async () => {
    const party = partyOf(named);
    const from = [0, 1, 2];
    await carry(party, gradients(N, WORKERS, 0), from);
    const after = (await everything(party)).slice(0, -2 * party.models.length);
    await begin(party, gradients(N, WORKERS, 1));
    // the next step has begun: there is no way back behind the last one
    for (let time = 0; time < 2; time++) for (const worker of party.workers) worker.takeBack();
    assert.equal((await everything(party)).slice(0, -2 * party.models.length), after);
    for (const worker of party.workers) await refused(worker.receive([new Uint8Array(0)]), Error);
    assert.equal((await everything(party)).slice(0, -2 * party.models.length), after);
  });
}

async function refused(call: Promise<unknown>, type: new (...args: never[]) => Error): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof type, `expected ${type.name}, got ${String(error)}`);
}

test.run();
