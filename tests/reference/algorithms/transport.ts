/** A transport that a test can break off: one step over some of the workers, one round after the other. */
import { createHash } from 'node:crypto';
import type { Message, Model, Outcome, Server, Worker } from '../../../ts/algorithms/system.ts';
import { deliver } from '../../../ts/algorithms/transport.ts';
import { descend } from './gradients.ts';
import { keptOutcome } from './play.ts';

/** Those who take part in a step. Workers beyond `gradients` only follow. */
export interface Party {
  readonly workers: readonly Worker[];
  readonly server: Server | undefined;
  readonly models: readonly Model[];
}

/** What a step came to: all bytes that were on the way, and the outcomes. */
export interface Carried {
  readonly sent: readonly (readonly Uint8Array[])[];
  readonly inboxes: readonly (readonly Uint8Array[])[];
  readonly outcomes: readonly Outcome[];
}

/** The messages of these ranks. */
export function used(messages: readonly Message[], from: readonly number[]): Message[] {
  return from.map((rank) => messages[rank]);
}

/** All begin the step: those with a gradient send, the others follow. */
export async function begin(
  { workers, models }: Party,
  gradients: readonly Float32Array[],
): Promise<Message[]> {
  const messages: Message[] = [];
  for (const [rank, worker] of workers.entries())
    messages.push(
      await (rank < gradients.length
        ? worker.send(gradients[rank], models[rank])
        : worker.follow(models[rank])),
    );
  return messages;
}

/** One step that is made of the messages of `from`; directions are descended along. */
export async function carry(
  party: Party,
  gradients: readonly Float32Array[],
  from: readonly number[] = gradients.map((_, rank) => rank),
): Promise<Carried> {
  const sent: Uint8Array[][] = [];
  const inboxes: Uint8Array[][] = [];
  let messages = await begin(party, gradients);
  for (;;) {
    sent.push(messages.map(({ bytes }) => bytes.slice()));
    const inbox = await deliver(used(messages, from), party.server, from);
    inboxes.push(inbox.map((bytes) => bytes.slice()));
    const outcomes: Outcome[] = [];
    for (const worker of party.workers) outcomes.push(await worker.receive(inbox, from));
    const next = outcomes.flatMap((outcome) => (outcome.kind === 'message' ? [outcome.message] : []));
    if (next.length > 0) {
      messages = next;
      continue;
    }
    const kept = outcomes.map(keptOutcome);
    kept.forEach((outcome, rank) => {
      if (outcome.kind === 'direction') descend(party.models[rank], outcome.direction);
    });
    return { sent, inboxes, outcomes: kept };
  }
}

/** Everything that is kept between steps: the states of all machines, what they share, and the models. */
export async function everything({ workers, server, models }: Party): Promise<Uint8Array[]> {
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
    new Uint8Array(buffer, byteOffset, byteLength).slice();
  const states: Uint8Array[] = [];
  for (const worker of workers) states.push(await worker.save(), worker.share());
  if (server !== undefined) states.push(await server.save());
  return [...states, ...models.flatMap(({ parameters, velocity }) => [bytes(parameters), bytes(velocity)])];
}

/** A digest of bytes and vectors in their order. */
export function digest(parts: readonly (Uint8Array | Float32Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(`${part.length};`);
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest('hex');
}
