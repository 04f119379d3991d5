/** `openJoiner`: the messages that `splitMessage` made of some bytes put together again. */
import { requireBytes, requireInteger, requireOptions } from '../arguments.ts';
import { PacketError } from '../errors.ts';
import { crc32 } from '../packet/crc32.ts';
import type { Bytes } from '../platform.ts';
import { Gathering } from './gathering.ts';
import { HEAD_BYTES, readHead, sealOf } from './head.ts';
import { startOf } from './pieces.ts';

/** What openJoiner takes. */
export interface JoinerOptions {
  /** Bytes of the longest whole, what `splitMessage` was given, that is taken; 2^26 if left out. */
  readonly longest?: number;
  /** Wholes of one sender that may be incomplete at a time, the oldest makes room for another; 16 if left out. */
  readonly unfinished?: number;
}

/** What is whole again. */
export interface Joined {
  /** The sender's number of it. */
  readonly id: number;
  /** With an ArrayBuffer of its own; the joiner keeps none of it. */
  readonly bytes: Bytes;
}

/** Puts together what comes, by sender. */
export interface Joiner {
  /**
   * Takes a message, in whatever order they come; what is whole with it, else undefined. `sender` is a name of yours,
   * for messages that come from several on one way. One that comes twice changes nothing, also after its whole is done.
   * @throws PacketError where the message is damaged or none, or its whole is too long, or what is complete is damaged:
   *   that is forgotten, and may be sent again
   */
  take(message: Uint8Array, sender?: string): Joined | undefined;
  /** Forgets all that a sender has begun: for one that has gone. */
  forget(sender?: string): void;
  /**
   * Bytes that the wholes which are not complete yet will have: the most that is held of them, since memory is taken as
   * their pieces come. At most senders * unfinished * longest. docs/messages.md says what it does not count.
   */
  readonly held: number;
  /** How many were given up before they were whole: by `forget`, or since more than `unfinished` of a sender were. */
  readonly dropped: number;
}

const LONGEST = 2 ** 26;
const UNFINISHED = 16;

/** Wholes of a sender whose late duplicates are known as such. */
const REMEMBERED = 64;

/**
 * Opens a joiner for what `splitMessage` cut, here or in Python.
 *
 * @throws RangeError unless longest is in 0..2^32 - 1 and unfinished in 1..65,535
 * @example
 * const joiner = openJoiner({ longest: 1e6 });
 * const [first, second] = splitMessage(packet, { limit: packet.length });
 * joiner.take(second); // undefined: the first is missing
 * const same = joiner.take(first)?.bytes;
 */
export function openJoiner(options: JoinerOptions = {}): Joiner {
  requireOptions('openJoiner', options, ['longest', 'unfinished']);
  const { longest = LONGEST, unfinished: most = UNFINISHED } = options;
  requireInteger('longest', longest, 0, 2 ** 32 - 1);
  requireInteger('unfinished', most, 1, 0xffff);
  const gathering = new Gathering(most);
  const done = new Map<string, Set<string>>();

  /** Remembers what is done, but not for ever. */
  function remember(sender: string, key: string): void {
    const keys = done.get(sender) ?? new Set();
    done.set(sender, keys.add(key));
    if (keys.size > REMEMBERED) keys.delete(keys.values().next().value!);
  }

  return {
    take(message, sender = '') {
      requireBytes('message', message);
      const head = readHead(message);
      const { id, length, parts, seal } = head;
      if (length > longest)
        throw new PacketError(`a whole of ${length} bytes; "longest" allows ${longest}`, 8);
      const piece = message.subarray(HEAD_BYTES);
      const start = startOf(head, piece.length);
      if (typeof start === 'string') throw new PacketError(start, 12);
      const key = [id, length, parts, seal].join();
      if (done.get(sender)?.has(key)) return undefined;
      const whole = gathering.put(sender, key, head, piece, start);
      if (typeof whole === 'string') return undefined;
      // a copy of one piece: it is a view of what the caller has
      const bytes = parts === 1 ? new Uint8Array(whole) : (whole as Bytes);
      if (sealOf({ id, length, parts }, crc32(bytes)) !== seal)
        throw new PacketError(`the CRC of a whole of ${length} bytes does not match`, 16);
      remember(sender, key);
      return { id, bytes };
    },
    forget(sender = '') {
      gathering.forget(sender);
      done.delete(sender);
    },
    get held() {
      return gathering.held;
    },
    get dropped() {
      return gathering.dropped;
    },
  };
}
