/** Plays the steps of a system through `exchange`, and writes down what was sent. */
import { restOf } from './rest.ts';
import { exchange, type Step } from '../../../ts/algorithms/exchange.ts';
import type { Message, Outcome, SendOptions, Server, System, Worker } from '../../../ts/algorithms/system.ts';
import type { Vector } from '../../../ts/algorithms/vectors.ts';
import { openJs } from '../../../ts/backends/js/index.ts';
import { Device } from '../../../ts/device.ts';

/** The js backend: each test of a rule runs on it. */
export const device: Device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

/** The machines of one system. */
export interface Crew {
  readonly workers: readonly Worker[];
  readonly server: Server | undefined;
}

export function crewOf(system: System, n: number, workers: number, on: Device = device): Crew {
  return {
    workers: Array.from({ length: workers }, (_, rank) => system.worker(on, { n, workers, rank })),
    server: system.server?.(on, { n, workers }),
  };
}

/** A round: what the workers sent, by rank, and what each of them then received. */
export interface Round {
  readonly messages: Message[];
  inbox: readonly Uint8Array[];
}

export interface Played extends Step {
  readonly rounds: readonly Round[];
}

/** One step; `rounds` are copies. */
export async function play(
  { workers, server }: Crew,
  gradients: readonly Float32Array[],
  models: readonly SendOptions[] = [],
): Promise<Played> {
  const rounds: Round[] = [];
  const note = (rank: number, { route, bytes }: Message): void => {
    if (rank === 0) rounds.push({ messages: [], inbox: [] });
    rounds[rounds.length - 1].messages.push({ route, bytes: bytes.slice() });
  };
  const watched = workers.map((worker, rank): Worker => ({
    async send(gradient, model) {
      const message = await worker.send(gradient, model);
      note(rank, message);
      return message;
    },
    ...restOf(worker),
    async receive(inbox, from, used) {
      if (rank === 0) rounds[rounds.length - 1].inbox = inbox.map((bytes) => bytes.slice());
      const outcome: Outcome = await worker.receive(inbox, from, used);
      if (outcome.kind === 'message') note(rank, outcome.message);
      return outcome;
    },
  }));
  return { ...(await exchange(watched, server, gradients, models)), rounds };
}

/** What a step ended with: a direction, or the model that all have then; undefined where models differ. */
export function vectorIn<Where extends Vector>(
  outcome: Exclude<Outcome<Where>, { kind: 'message' }>,
): Where | undefined {
  return outcome.kind === 'direction' ? outcome.direction : outcome.parameters;
}

/** The directions of a step, or the common models, by rank; fails where models that differ were stepped instead. */
export function directionsOf({ outcomes }: Step): Float32Array[] {
  return outcomes.map((outcome) => {
    const vector = vectorIn(outcome);
    if (vector === undefined) throw new Error(`expected directions, got "${outcome.kind}"`);
    return vector;
  });
}

/** An outcome that stays as it is when its worker goes on. */
export function keptOutcome<Kind extends Outcome>(outcome: Kind): Kind {
  if (outcome.kind === 'direction') return { ...outcome, direction: outcome.direction.slice() };
  if (outcome.kind !== 'stepped' || outcome.parameters === undefined) return outcome;
  return { ...outcome, parameters: outcome.parameters.slice() };
}

/** What packets stand for. */
export function decoded(packets: readonly Uint8Array[]): Promise<Float32Array[]> {
  return Promise.all(packets.map((packet) => device.decompress(packet)));
}

/** A message of route `sum` as numbers. */
export function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}
