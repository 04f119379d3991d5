/** Runs for tests: a small task whose gradients are known, and the aggregate computed anew from what a record names. */
import * as assert from 'uvu/assert';
import { memSgd } from '../../ts/algorithms/baselines/mem-sgd.ts';
import { exDyna } from '../../ts/algorithms/ex-dyna.ts';
import { exchange } from '../../ts/algorithms/exchange.ts';
import { descend, sumMessages } from '../../ts/algorithms/steps.ts';
import type { Model, System } from '../../ts/algorithms/system.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import type { At } from '../../ts/runs/join-options.ts';
import type { ClosedRound } from '../../ts/runs/serve-options.ts';
import { crc32 } from '../../ts/packet/crc32.ts';
import { gradient as noisy } from '../reference/algorithms/gradients.ts';
import { crewOf, device } from '../reference/algorithms/play.ts';

export const N = 700;

/** What a fault is tried on: a system with a server, and one among peers. */
export const tested: Readonly<Record<string, { readonly system: System; readonly momentum: number }>> = {
  'with a server': { system: memSgd(topK({ ratio: 0.1 })), momentum: 0.9 },
  'among peers': { system: exDyna({ density: 0.1 }), momentum: 0 },
};

export function modelOf(momentum: number, n: number = N): Model {
  return {
    parameters: new Float32Array(n).map((_, i) => Math.sin(i)),
    velocity: new Float32Array(n),
    learningRate: 0.02,
    momentum,
  };
}

/** A gradient that depends on the model, the step and the rank: towards zero, with noise. */
export function gradientAt({ parameters }: Model, { step, rank }: At): Float32Array {
  const noise = noisy(parameters.length, step, rank);
  return parameters.map((value, i) => value + 0.1 * noise[i]);
}

/** What the same run comes to in one process, all workers in time: the model that a follower has. */
export async function inOneProcess(
  system: System,
  workers: number,
  steps: number,
  momentum: number,
): Promise<Model[]> {
  const crew = crewOf(system, N, workers);
  const models = Array.from({ length: workers }, () => modelOf(momentum));
  for (let step = 0; step < steps; step++) {
    const given = models.map((model, rank) => gradientAt(model, { step, rank, workers }));
    const { outcomes } = await exchange(crew.workers, crew.server, given, models);
    outcomes.forEach((outcome, rank) => {
      if (outcome.kind === 'direction') descend(models[rank], outcome.direction);
    });
  }
  return models;
}

/**
 * Checks each closed round against the algorithm's own machines, which are given the messages that its record names and
 * nothing else.
 */
export interface Checker {
  onRound(this: void, round: ClosedRound): Promise<void>;
  readonly model: Model;
  readonly rounds: ClosedRound[];
}

export function checker(system: System, workers: number, momentum: number, n: number = N): Checker {
  const server = system.server?.(device, { n, workers });
  const follower = system.worker(device, { n, workers, rank: workers });
  const model = modelOf(momentum, n);
  const rounds: ClosedRound[] = [];
  let begun = -1;
  let seats = workers;
  return {
    model,
    rounds,
    async onRound(round) {
      rounds.push({ ...round, from: round.from.map((entry) => ({ ...entry, bytes: new Uint8Array(0) })) });
      if (round.round === 0) {
        assert.is(round.step, begun + 1, 'steps follow each other');
        begun = round.step;
        if (round.seats !== seats) {
          seats = round.seats;
          server?.resize?.(seats);
          follower.reseat?.({ workers: seats, rank: seats });
        }
        await follower.follow(model);
      }
      const ranks = round.from.map(({ rank }) => rank);
      const messages = round.from.map(({ bytes }) => bytes);
      for (const { bytes, crc } of round.from) assert.is(crc32(bytes), crc);
      const answer =
        round.route === 'gather'
          ? new Uint8Array(0)
          : round.route === 'sum'
            ? sumMessages(messages)
            : await server?.answer(messages, ranks);
      assert.equal(round.answer, answer, `step ${round.step}, round ${round.round}`);
      const outcome = await follower.receive(round.route === 'gather' ? messages : [round.answer], ranks);
      assert.is(outcome.kind !== 'message', round.last);
      if (outcome.kind === 'direction') descend(model, outcome.direction);
    },
  };
}

/** A store in memory. */
export function memoryStore(): {
  read(): Promise<Uint8Array | undefined>;
  write(state: Uint8Array): Promise<void>;
  writes: Uint8Array[];
} {
  const writes: Uint8Array[] = [];
  return {
    writes,
    read: async () => writes[writes.length - 1],
    write: async (state) => void writes.push(state.slice()),
  };
}
