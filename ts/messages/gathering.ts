/** Pieces of messages until these are whole: by sender, in any order, the same piece once. */
import type { Bytes } from '../platform.ts';
import type { Place } from './pieces.ts';
import { Unfinished } from './unfinished.ts';

/** The messages that a sender has begun. */
interface Begun {
  readonly messages: Map<string, Unfinished>;
  /**
   * Their names, the oldest first. The iterator is the map's own and is kept: each name that it gives is removed from
   * the map at once, so that the next one is the oldest again, however many there are.
   */
  readonly oldest: Iterator<string>;
}

export class Gathering {
  readonly #most: number;
  readonly #senders = new Map<string, Begun>();
  #held = 0;
  #dropped = 0;

  /** `most`: messages of one sender that may be incomplete at a time; the oldest makes room. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes that all messages which are incomplete will have: the most that their pieces take. */
  get held(): number {
    return this.#held;
  }

  /** Messages that made room for another, or were forgotten, before they were whole. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Copies a piece to its place in the message that `id` names among those of a sender: the message, where it is whole
   * now. `start` is the piece's first byte there. A message of one piece is whole at once and takes no
   * room: that is the piece itself, a view of what came.
   */
  put<Piece extends Uint8Array>(
    sender: string,
    id: string,
    place: Place,
    piece: Piece,
    start: number,
  ): Piece | Bytes | 'more' | 'again' {
    if (place.parts === 1) return piece;
    const begun = this.#begunBy(sender);
    const message = begun.messages.get(id) ?? this.#begin(begun, id, place);
    const put = message.put(place.part, piece, start);
    if (put !== 'whole') return put;
    this.#remove(begun, id, message);
    return message.join();
  }

  /** Forgets what a sender has begun. */
  forget(sender: string): void {
    const begun = this.#senders.get(sender);
    if (begun === undefined) return;
    for (const [id, message] of begun.messages) {
      this.#remove(begun, id, message);
      this.#dropped++;
    }
    this.#senders.delete(sender);
  }

  #begunBy(sender: string): Begun {
    let begun = this.#senders.get(sender);
    if (begun === undefined) {
      const messages = new Map<string, Unfinished>();
      begun = { messages, oldest: messages.keys() };
      this.#senders.set(sender, begun);
    }
    return begun;
  }

  #begin(begun: Begun, id: string, place: Place): Unfinished {
    const { messages, oldest } = begun;
    if (messages.size >= this.#most) {
      const next = oldest.next().value as string;
      this.#remove(begun, next, messages.get(next)!);
      this.#dropped++;
    }
    const message = new Unfinished(place);
    messages.set(id, message);
    this.#held += message.length;
    return message;
  }

  #remove({ messages }: Begun, id: string, message: Unfinished): void {
    messages.delete(id);
    this.#held -= message.length;
  }
}
