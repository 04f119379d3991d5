/** Pieces of messages until these are whole: by sender, in any order, the same piece once. */
import type { Place } from './pieces.ts';

/** A message of which pieces are here. */
interface Unfinished {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly here: Uint8Array;
  missing: number;
}

export class Gathering {
  readonly #most: number;
  readonly #senders = new Map<string, Map<string, Unfinished>>();
  #held = 0;
  #dropped = 0;

  /** `most`: messages of one sender that may be incomplete at a time; the oldest makes room. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes of all messages that are incomplete. */
  get held(): number {
    return this.#held;
  }

  /** Messages that made room for another, or were forgotten, before they were whole. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Copies a piece to its place in the message that `id` names among those of a sender: the message, where it is whole now.
   * `start` is the piece's first byte there.
   */
  put(
    sender: string,
    id: string,
    { part, parts, length }: Place,
    piece: Uint8Array,
    start: number,
  ): Uint8Array<ArrayBuffer> | 'more' | 'again' {
    // a copy: the piece is a view of what came from the network
    if (parts === 1) return new Uint8Array(piece);
    const messages = this.#senders.get(sender) ?? new Map<string, Unfinished>();
    this.#senders.set(sender, messages);
    let message = messages.get(id);
    if (message === undefined) {
      if (messages.size >= this.#most) this.#drop(messages, [...messages.keys()][0]);
      message = { bytes: new Uint8Array(length), here: new Uint8Array(parts), missing: parts };
      messages.set(id, message);
      this.#held += length;
    }
    if (message.here[part] === 1) return 'again';
    message.here[part] = 1;
    message.bytes.set(piece, start);
    if (--message.missing > 0) return 'more';
    messages.delete(id);
    this.#held -= length;
    return message.bytes;
  }

  /** Forgets what a sender has begun. */
  forget(sender: string): void {
    const messages = this.#senders.get(sender);
    if (messages === undefined) return;
    for (const id of [...messages.keys()]) this.#drop(messages, id);
    this.#senders.delete(sender);
  }

  #drop(messages: Map<string, Unfinished>, id: string): void {
    this.#held -= messages.get(id)?.bytes.length ?? 0;
    this.#dropped++;
    messages.delete(id);
  }
}
