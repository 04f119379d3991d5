/**
 * The transport of a step: as `exchange` of fewbits/algorithms, but the workers are elsewhere, and all of them take
 * their inbox at the same time.
 */
import { deliver, type Message, type Server } from 'fewbits/algorithms';

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
    const size = sizeOf(messages.map(({ bytes }) => bytes));
    const inbox = await deliver(messages, server);
    up += size;
    // one's own message of a gather round need not travel
    down += messages.length * sizeOf(inbox) - (messages[0].route === 'gather' ? size : 0);
    messages = await receive(inbox);
  }
  return { up, down };
}

function sizeOf(messages: readonly Uint8Array[]): number {
  return messages.reduce((sum, { length }) => sum + length, 0);
}
