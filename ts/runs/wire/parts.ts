/** Messages in parts no longer than a link takes, each behind its head, and put together again. */
import { requireInteger } from '../../arguments.ts';
import { Gathering } from '../../messages/gathering.ts';
import { piecesOf, startOf } from '../../messages/pieces.ts';
import { crc32 } from '../../packet/crc32.ts';
import { HEAD_BYTES, readHead, sealOf, writeHead, type RunMessage, type PartHead } from './head.ts';

/** What an assembler makes of a part. */
export type Assembled =
  /** The message is whole; `crc` is the CRC-32 of its bytes. */
  | { readonly kind: 'whole'; readonly message: RunMessage; readonly crc: number }
  | { readonly kind: 'more' }
  /** The part is here already. */
  | { readonly kind: 'again' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Messages of one sender that may be incomplete at a time: the oldest makes room. */
const UNFINISHED = 4;

/**
 * The parts of a message, each with its head, at most `limit` bytes long. `crc`: the CRC-32 of its bytes.
 * @throws RangeError where the message takes more than 65,535 parts
 */
export function partsOf(
  message: RunMessage,
  limit: number,
  crc: number = crc32(message.bytes),
): Uint8Array[] {
  requireInteger('limit', limit, HEAD_BYTES + 1, 2 ** 31);
  const { bytes } = message;
  const pieces = piecesOf(bytes, limit - HEAD_BYTES);
  const seal = sealOf(message, bytes.length, crc);
  return pieces.map((piece, part) => {
    const whole = new Uint8Array(HEAD_BYTES + piece.length);
    writeHead(whole, { ...message, part, parts: pieces.length, length: bytes.length, crc: seal });
    whole.set(piece, HEAD_BYTES);
    return whole;
  });
}

/** Puts messages together, by sender. */
export class Assembler {
  readonly #longest: number;
  readonly #handsOver: boolean;
  readonly #gathering = new Gathering(UNFINISHED);

  /**
   * `longest`: bytes of the longest message that is taken; what it holds is at most four such a sender. `handsOver`: as
   * a link says it.
   */
  constructor(longest: number, handsOver = false) {
    this.#longest = longest;
    this.#handsOver = handsOver;
  }

  /** Takes a part from a sender, in whatever order they come. */
  add(sender: string, part: Uint8Array): Assembled {
    const head = readHead(part);
    if (typeof head === 'string') return { kind: 'refused', reason: head };
    const { kind, rank, run, step, round, chain, parts, length, crc } = head;
    if (length > this.#longest)
      return { kind: 'refused', reason: `a message of ${length} bytes, more than ${this.#longest}` };
    const piece = part.subarray(HEAD_BYTES);
    const start = startOf(head, piece.length);
    if (typeof start === 'string') return { kind: 'refused', reason: start };
    const id = [kind, rank, run, step, round, chain, parts, length, crc].join();
    const gathered = this.#gathering.put(sender, id, head, piece, start);
    if (typeof gathered === 'string') return { kind: gathered };
    const isView = gathered === piece && !(this.#handsOver && fills(part));
    return finished(head, isView ? new Uint8Array(piece) : gathered);
  }

  /** Forgets what a sender has begun. */
  forget(sender: string): void {
    this.#gathering.forget(sender);
  }
}

/** Whether bytes are all of their memory: who keeps a view of them keeps nothing else. */
function fills(bytes: Uint8Array): boolean {
  return bytes.byteLength === bytes.buffer.byteLength;
}

/** A message whose parts are all here, where its CRC is right. */
function finished(head: PartHead, bytes: Uint8Array): Assembled {
  const { kind, rank, run, step, round, chain } = head;
  const crc = crc32(bytes);
  if (sealOf(head, bytes.length, crc) !== head.crc)
    return { kind: 'refused', reason: `the CRC of a message of kind ${kind} does not match` };
  return { kind: 'whole', message: { kind, rank, run, step, round, chain, bytes }, crc };
}
