/** What the messages of a round come to, and which of them are no good. */
import type { Route, Server } from '../algorithms/system.ts';
import { deliver } from '../algorithms/transport.ts';
import { PacketError } from '../errors.ts';
import type { RoundEntry } from './round.ts';

/** Whose message is no good, and why. */
export interface Refusal {
  readonly rank: number;
  readonly reason: string;
}

export type Aggregate =
  | { readonly kind: 'answer'; readonly answer: Uint8Array }
  /** The machine is as it was. */
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] };

/**
 * The answer of the system's server, the sum of a `sum` round, or nothing: of a `gather` round, and where all have left
 * the step out.
 * @throws TypeError where there is no server to answer; Error where the round fails over messages that are sound each
 */
export async function aggregate(
  entries: readonly RoundEntry[],
  route: Route,
  machine: Server | undefined,
): Promise<Aggregate> {
  if (route === 'gather' || entries.length === 0) return { kind: 'answer', answer: new Uint8Array(0) };
  const messages = entries.map(({ bytes }) => ({ route, bytes }));
  const from = entries.map(({ rank }) => rank);
  try {
    const [answer] = await deliver(messages, machine, from);
    return { kind: 'answer', answer };
  } catch (error) {
    // whose is it?
    const refusals = route === 'server' && machine ? await refusalsOf(machine, entries) : [];
    if (refusals.length === 0) throw error;
    return { kind: 'refused', refusals };
  }
}

/** Which of the messages are no good. */
export async function refusalsOf(machine: Server, entries: readonly RoundEntry[]): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  for (const { rank, bytes } of entries)
    await machine.check(bytes).catch((error: unknown) => {
      if (!(error instanceof PacketError)) throw error;
      refusals.push({ rank, reason: error.message });
    });
  return refusals;
}
