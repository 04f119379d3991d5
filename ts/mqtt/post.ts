/** Messages over a link: cut to the broker's limit on their way out, put together on their way in. */
import type { Message } from './head.ts';
import type { Link } from './link.ts';
import { Assembler, split, type Taken } from './parts.ts';

/** Bytes of the longest message that is taken, if nothing else is asked for: a model of 2^27 numbers with its velocity. */
export const LONGEST: number = 2 ** 30 + 2 ** 20;

export class Post {
  readonly link: Link;
  readonly #assembler: Assembler;

  constructor(link: Link, longest: number = LONGEST) {
    this.link = link;
    this.#assembler = new Assembler(longest);
  }

  /** Resolves when the broker has all parts. */
  async send(topic: string, message: Message): Promise<void> {
    await Promise.all(split(message, this.link.room(topic)).map((part) => this.link.publish(topic, part)));
  }

  /** Takes what came on a topic; each topic has one sender. */
  take(topic: string, payload: Uint8Array): Taken {
    return this.#assembler.take(topic, payload);
  }

  forget(topic: string): void {
    this.#assembler.forget(topic);
  }
}

/** A name drawn by chance, of `length` letters and digits. */
export function drawMark(length = 12): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join('');
}
