/** What the messages of a round come to, and which of them are no good. */
import { sumMessages } from '../algorithms/steps.ts';
import type { Route, Server } from '../algorithms/system.ts';
import { PacketError } from '../errors.ts';
import type { RoundEntry } from './round.ts';

export type Aggregate =
  | { readonly kind: 'answer'; readonly answer: Uint8Array }
  /** The machine is as it was. */
  | { readonly kind: 'refused'; readonly refusals: readonly { rank: number; reason: string }[] };

/**
 * The answer of the system's server, the sum of a `sum` round, or nothing: of a `gather` round, and where all have left
 * the step out.
 * @throws Error where there is no server to answer, or it fails over messages that are sound each
 */
export async function aggregate(
  entries: readonly RoundEntry[],
  route: Route,
  machine: Server | undefined,
): Promise<Aggregate> {
  const messages = entries.map(({ bytes }) => bytes);
  if (route === 'gather' || entries.length === 0) return { kind: 'answer', answer: new Uint8Array(0) };
  if (route === 'sum') return { kind: 'answer', answer: sumMessages(messages) };
  if (machine === undefined) throw new Error('this system has no server to answer');
  try {
    const from = entries.map(({ rank }) => rank);
    return { kind: 'answer', answer: await machine.answer(messages, from) };
  } catch (error) {
    // whose is it?
    const refusals = await refusalsOf(machine, entries);
    if (refusals.length === 0) throw error;
    return { kind: 'refused', refusals };
  }
}

async function refusalsOf(
  machine: Server,
  entries: readonly RoundEntry[],
): Promise<{ rank: number; reason: string }[]> {
  const refusals: { rank: number; reason: string }[] = [];
  for (const { rank, bytes } of entries)
    await machine.check(bytes).catch((error: unknown) => {
      if (!(error instanceof PacketError)) throw error;
      refusals.push({ rank, reason: error.message });
    });
  return refusals;
}
