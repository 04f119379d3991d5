/**
 * The transport of a step: as `exchange` of fewbits/algorithms, but the workers are elsewhere, and all of them take their
 * inbox at the same time.
 */
import { sumMessages, type Message, type Server } from 'fewbits/algorithms';

/** Bytes of a step. */
export interface Traffic {
  /** That all workers sent. */
  readonly up: number;
  /** That all workers received. */
  readonly down: number;
}

/**
 * Carries the messages of all workers, by rank, until none of them has another.
 * @param receive gives an inbox to all workers; their next messages by rank, or none where the step is done
 */
export async function carry(
  first: readonly Message[],
  server: Server | undefined,
  receive: (inbox: readonly Uint8Array[]) => Promise<readonly Message[]>,
): Promise<Traffic> {
  let [up, down] = [0, 0];
  for (let messages = first; messages.length > 0;) {
    const sent = messages.map(({ bytes }) => bytes);
    const size = sizeOf(sent);
    const inbox = await delivered(messages[0].route, sent, server);
    up += size;
    // one's own message of a gather round need not travel
    down += messages.length * sizeOf(inbox) - (messages[0].route === 'gather' ? size : 0);
    messages = await receive(inbox);
  }
  return { up, down };
}

async function delivered(
  route: Message['route'],
  sent: readonly Uint8Array[],
  server: Server | undefined,
): Promise<readonly Uint8Array[]> {
  if (route === 'gather') return sent;
  if (route === 'sum') return [sumMessages(sent)];
  if (server === undefined) throw new Error('messages go to a server, and this system has none');
  return [await server.answer(sent)];
}

function sizeOf(messages: readonly Uint8Array[]): number {
  return messages.reduce((sum, { length }) => sum + length, 0);
}
