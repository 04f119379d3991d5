/** Messages over a link: cut to its limit on their way out, put together on their way in. */
import type { RunMessage } from './wire/head.ts';
import { LinkError, type Link } from './link.ts';
import { Assembler, partsOf, type Assembled } from './wire/parts.ts';

/**
 * Bytes of the longest message that is taken, if nothing else is asked for: a model of 2^27 numbers with its velocity.
 */
export const LONGEST: number = 2 ** 30 + 2 ** 20;

export class Post {
  readonly link: Link;
  readonly #refused: (error: Error) => void;
  readonly #assembler: Assembler;

  /** `refused` hears of what the transport refuses, and of what is too long for parts: the role cannot go on. */
  constructor(link: Link, refused: (error: Error) => void, longest: number = LONGEST) {
    this.link = link;
    this.#refused = refused;
    this.#assembler = new Assembler(longest, link.handsOver);
  }

  /**
   * Resolves when the transport has all parts, or refuses them, or the link is closed. `crc`: the CRC-32 of the
   * message's bytes, where it is known.
   */
  async send(topic: string, message: RunMessage, crc?: number): Promise<void> {
    await this.#heeding(async () => {
      for (;;) {
        const room = this.link.room(topic);
        const parts = partsOf(message, room, crc).map((part) => this.link.publish(topic, part));
        // all of them: none may be left that rejects later
        const failed = (await Promise.allSettled(parts)).find(({ status }) => status === 'rejected');
        if (failed === undefined) return;
        const reason: unknown = (failed as PromiseRejectedResult).reason;
        const isTooLarge = reason instanceof LinkError && reason.isTooLarge;
        // in smaller parts; the receiver tells them from the larger ones by their number
        if (!isTooLarge || this.link.room(topic) >= room) throw reason;
      }
    });
  }

  /** Publishes a payload of its own, retained. Resolves as `send` does. */
  async retain(topic: string, payload: Uint8Array): Promise<void> {
    await this.#heeding(() => this.link.publish(topic, payload, true));
  }

  async #heeding(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof LinkError || error instanceof RangeError) this.#refused(error);
      // else the link is closed
    }
  }

  /** Puts together what comes on a topic; each topic has one sender. */
  receive(topic: string, payload: Uint8Array): Assembled {
    return this.#assembler.add(topic, payload);
  }

  forget(topic: string): void {
    this.#assembler.forget(topic);
  }
}

/** A name drawn by chance, of `length` letters and digits. */
export function drawToken(length = 12): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join('');
}
