/**
 * Servers whose machines take their time over `save` and `load`, as those do whose vectors are on a device: what is
 * written is that between two steps, and nothing of the run goes on before it is.
 */
import * as assert from 'uvu/assert';
import { memSgd } from '../../ts/algorithms/baselines/mem-sgd.ts';
import { doubleSqueeze } from '../../ts/algorithms/baselines/double-squeeze.ts';
import { splitLearning, type SplitSystem } from '../../ts/algorithms/split-learning.ts';
import { exchange } from '../../ts/algorithms/exchange.ts';
import { descend } from '../../ts/algorithms/steps.ts';
import type { Stateful, System } from '../../ts/algorithms/system.ts';
import { randomizedTopK } from '../../ts/compressors/randomized-top-k.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { unpackCheckpoint } from '../../ts/runs/checkpoint.ts';
import { unpackSplitCheckpoint } from '../../ts/runs/split/checkpoint.ts';
import { joinSplit } from '../../ts/runs/split/client.ts';
import { serveSplit } from '../../ts/runs/split/server.ts';
import { packModel } from '../../ts/runs/wire/state.ts';
import { crewOf, device } from '../reference/algorithms/play.ts';
import { readState } from '../reference/algorithms/states.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { Network } from './network.ts';
import { NAMES, play, WORKERS } from './play.ts';
import { gradientAt, memoryStore, modelOf } from './runs.ts';

const test = suite('states that take their time');

/** Milliseconds of the network's time that a save or a load takes: longer than any message. */
const TAKES = 50;

/** Makes machines slow, and writes down which of their calls came before an earlier one had settled. */
class Slow {
  /** Saves and loads that are under way. */
  pending = 0;
  readonly overlaps: string[] = [];
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  of<Machine extends Stateful & object>(machine: Machine): Machine {
    const taking = async <T>(call: () => Promise<T>): Promise<T> => {
      this.pending++;
      await this.#network.sleep(TAKES);
      // what has gone on meanwhile would be in it
      const result = await call();
      this.pending--;
      return result;
    };
    return new Proxy(machine, {
      get: (target, name: keyof Machine & string) => {
        const member = target[name];
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (this.pending > 0) this.overlaps.push(name);
          const call = (): unknown => (member as (...all: unknown[]) => unknown).apply(target, args);
          return name === 'save' || name === 'load' ? taking(async () => call()) : call();
        };
      },
    });
  }
}

/** What a checkpoint of each step has of a run in one process: the model, and the server's machine. */
async function inOneProcess(
  system: System,
  steps: number,
  momentum: number,
): Promise<{ model: Uint8Array; machine: Uint8Array }[]> {
  const { workers, server } = crewOf(system, modelOf(momentum).parameters.length, WORKERS);
  const models = NAMES.map(() => modelOf(momentum));
  const kept: { model: Uint8Array; machine: Uint8Array }[] = [];
  for (let step = 0; ; step++) {
    kept.push({ model: packModel(models[0]), machine: await server!.save() });
    if (step === steps) return kept;
    const given = models.map((model, rank) => gradientAt(model, { step, rank, workers: WORKERS }));
    const { outcomes } = await exchange(workers, server, given, models);
    outcomes.forEach((outcome, rank) => {
      if (outcome.kind === 'direction') descend(models[rank], outcome.direction);
    });
  }
}

for (const [label, system, momentum] of [
  ['memSgd', memSgd(topK({ ratio: 0.1 })), 0.9],
  ['doubleSqueeze', doubleSqueeze(topK({ ratio: 0.1 })), 0],
] as [string, System, number][])
  test(`${label}: each checkpoint is of one step, over a stop in mid save and a restart`, async () => {
    const STEPS = 8;
    const { network, serve, join } = play(system, momentum);
    network.faults = { lost: 0, doubled: 0.3, delay: 10 };
    const slow = new Slow(network);
    const slowed: System = { ...system, server: (...args) => slow.of(system.server!(...args)) };
    const store = memoryStore();
    const common = { system: slowed, store, steps: STEPS, saveEvery: 1 };

    const first = await network.run(serve(common));
    // asked for while the state of this step is being read: it leaves when the step is saved and told
    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      while (!(first.position.step === 4 && slow.pending > 0)) await network.sleep(1);
      stopped = first.stop();
    };
    const workers = [];
    for (const name of NAMES) workers.push(await join(name));
    await network.run(Promise.all([stop(), first.done]));
    await stopped;
    assert.is(first.position.step, 4);

    const model = modelOf(momentum);
    const second = await network.run(serve({ ...common, model, onRound: () => {} }));
    assert.is(second.position.step, 4);
    await network.run(Promise.all([second.done, ...workers.map(({ done }) => done)]));

    assert.equal(slow.overlaps, []);
    const expected = await inOneProcess(system, STEPS, momentum);
    const steps = new Set<number>();
    for (const bytes of store.writes) {
      const {
        head,
        model: saved,
        machine,
      } = unpackCheckpoint(bytes, { system: system.name, workers: { least: WORKERS, most: WORKERS } });
      assert.is(readState(machine).numbers.step, head.step);
      assert.equal(machine, expected[head.step].machine, `step ${head.step}: the machine`);
      assert.equal(saved, expected[head.step].model, `step ${head.step}: the model`);
      steps.add(head.step);
    }
    assert.equal([...steps], [...Array(STEPS + 1).keys()]);
    for (const { options } of workers) assert.equal(options.model.parameters, model.parameters);
  });

test('split learning: each checkpoint is of whole batches, of two clients at once and over a restart', async () => {
  const [M, EACH] = [40, 6];
  const network = new Network(4);
  network.faults = { lost: 0, doubled: 0.3, delay: 10 };
  const slow = new Slow(network);
  const system = splitLearning({ up: randomizedTopK({ ratio: 0.2, alpha: 0.3, seed: 3 }) }, 'RT');
  const slowed: SplitSystem = { ...system, server: (...args) => slow.of(system.server(...args)) };
  const store = memoryStore();
  const serve = (batches: number, model = modelOf(0.5, M)) =>
    serveSplit({
      broker: network.open(),
      run: 's',
      device,
      system: slowed,
      model,
      clients: 2,
      batches,
      store,
      finish: async ({ parameters }, { features }) => ({
        atCut: features.map((value, i) => value * parameters[i]),
        gradient: features.map((value, i) => value + parameters[i]),
      }),
      clock: network.clock,
    });
  const client = async (name: string, seed: number): Promise<void> => {
    const one = await joinSplit({
      broker: network.open(),
      run: 's',
      name,
      device,
      system,
      clock: network.clock,
    });
    for (let step = 0; step < EACH; step++)
      await one.exchange(input('normal', M, seed + step), new Uint8Array(0));
    await one.stop();
  };
  const work = Promise.all([client('a', 1), client('b', 100)]);
  const first = await serve(2 * EACH);
  const stop = async (): Promise<void> => {
    while (!(first.batches === 5 && slow.pending > 0)) await network.sleep(1);
    await first.stop();
  };
  await network.run(stop());
  assert.is(first.batches, 5);
  const second = await network.run(serve(2 * EACH));
  assert.is(second.batches, 5);
  await network.run(Promise.all([work, second.done]));

  assert.equal(slow.overlaps, []);
  const counts = new Set<number>();
  for (const bytes of store.writes) {
    const { batches, clients } = unpackSplitCheckpoint(bytes, system.name, modelOf(0.5, M));
    const done = clients.map(({ last }) => (last === undefined ? 0 : last.step + 1));
    assert.equal(
      clients.map(({ side }) => readState(side).numbers.step),
      done,
    );
    assert.is(
      done.reduce((sum, count) => sum + count, 0),
      batches,
    );
    counts.add(batches);
  }
  assert.equal(
    [...counts],
    Array.from({ length: 2 * EACH }, (_, i) => i + 1),
  );
});

test.run();
