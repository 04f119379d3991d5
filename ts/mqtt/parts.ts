/**
 * Messages in parts no longer than a broker takes, and put together again. Part i of p holds the bytes from i s to before
 * (i + 1) s, s = ceil(bytes / p), so that each part knows its place whatever comes before it.
 */
import { requireInteger } from '../arguments.ts';
import { crc32c } from '../packet/crc32c.ts';
import { HEAD_BYTES, readHead, sealOf, writeHead, type Message, type PartHead } from './head.ts';

/** What an assembler makes of a part. */
export type Taken =
  /** The message is whole; `crc` is the CRC-32C of its bytes. */
  | { readonly kind: 'whole'; readonly message: Message; readonly crc: number }
  | { readonly kind: 'more' }
  /** The part is here already. */
  | { readonly kind: 'again' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Messages of one sender that may be incomplete at a time: the oldest makes room. */
const UNFINISHED = 4;

/** The most parts that a head can count. */
const MOST_PARTS = 0xffff;

/**
 * The parts of a message, each with its head, at most `limit` bytes long.
 * @throws RangeError where the message takes more than 65,535 parts
 */
export function split(message: Message, limit: number): Uint8Array[] {
  requireInteger('limit', limit, HEAD_BYTES + 1, 2 ** 31);
  const { bytes } = message;
  const parts = Math.max(1, Math.ceil(bytes.length / (limit - HEAD_BYTES)));
  requireInteger('parts of the message', parts, 1, MOST_PARTS);
  const size = Math.ceil(bytes.length / parts);
  const crc = sealOf(message, bytes.length, crc32c(bytes));
  return Array.from({ length: parts }, (_, part) => {
    const piece = bytes.subarray(part * size, Math.min((part + 1) * size, bytes.length));
    const whole = new Uint8Array(HEAD_BYTES + piece.length);
    writeHead(whole, { ...message, part, parts, length: bytes.length, crc });
    whole.set(piece, HEAD_BYTES);
    return whole;
  });
}

/** A message of which parts are here. */
interface Unfinished {
  readonly bytes: Uint8Array;
  readonly here: Uint8Array;
  missing: number;
}

/** Puts messages together, by sender. */
export class Assembler {
  readonly #longest: number;
  readonly #senders = new Map<string, Map<string, Unfinished>>();

  /** `longest`: bytes of the longest message that is taken; what it holds is at most four such a sender. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** Takes a part from a sender, in whatever order they come. */
  take(sender: string, part: Uint8Array): Taken {
    const head = readHead(part);
    if (typeof head === 'string') return { kind: 'refused', reason: head };
    const { length, parts } = head;
    if (length > this.#longest)
      return { kind: 'refused', reason: `a message of ${length} bytes, more than ${this.#longest}` };
    const size = Math.ceil(length / parts);
    const start = head.part * size;
    const expected = Math.max(0, Math.min(size, length - start));
    const has = part.length - HEAD_BYTES;
    if (has !== expected || (parts > 1 && expected === 0))
      return {
        kind: 'refused',
        reason: `part ${head.part} of ${parts} has ${has} bytes, expected ${expected} of ${length}`,
      };
    const piece = part.subarray(HEAD_BYTES);
    // a copy: the part is a view of what came from the network
    if (parts === 1) return finished(head, new Uint8Array(piece));
    return this.#put(sender, head, piece, start);
  }

  #put(sender: string, head: PartHead, piece: Uint8Array, start: number): Taken {
    const messages = this.#senders.get(sender) ?? new Map<string, Unfinished>();
    this.#senders.set(sender, messages);
    const { kind, rank, run, step, turn, chain, parts, length, crc } = head;
    const id = [kind, rank, run, step, turn, chain, parts, length, crc].join();
    let message = messages.get(id);
    if (message === undefined) {
      if (messages.size >= UNFINISHED) messages.delete([...messages.keys()][0]);
      message = { bytes: new Uint8Array(length), here: new Uint8Array(parts), missing: parts };
      messages.set(id, message);
    }
    if (message.here[head.part] === 1) return { kind: 'again' };
    message.here[head.part] = 1;
    message.bytes.set(piece, start);
    if (--message.missing > 0) return { kind: 'more' };
    messages.delete(id);
    return finished(head, message.bytes);
  }

  /** Forgets what a sender has begun. */
  forget(sender: string): void {
    this.#senders.delete(sender);
  }
}

/** A message whose parts are all here, where its CRC is right. */
function finished(head: PartHead, bytes: Uint8Array): Taken {
  const { kind, rank, run, step, turn, chain } = head;
  const crc = crc32c(bytes);
  if (sealOf(head, bytes.length, crc) !== head.crc)
    return { kind: 'refused', reason: `the CRC of a message of kind ${kind} does not match` };
  return { kind: 'whole', message: { kind, rank, run, step, turn, chain, bytes }, crc };
}
