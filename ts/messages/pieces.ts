/**
 * Where the pieces of a message lie. Piece i of p holds the bytes from i s to before (i + 1) s, s = ceil(bytes / p), so
 * that each knows its place whatever comes before it.
 */
import { requireInteger } from '../arguments.ts';

/** Which piece of a message: piece number `part` of `parts`. */
export interface Place {
  /** The piece's number, from 0. */
  readonly part: number;
  /** How many pieces the message has. */
  readonly parts: number;
  /** Bytes of the whole message. */
  readonly length: number;
}

/** The most pieces that a u16 counts. */
const MOST_PARTS = 0xffff;

/**
 * The pieces of a message, views of at most `room` bytes; of an empty message one piece, which is empty.
 * @throws RangeError where there are more than 65,535 pieces
 */
export function piecesOf(bytes: Uint8Array, room: number): Uint8Array[] {
  const parts = Math.max(1, Math.ceil(bytes.length / room));
  requireInteger('parts of the message', parts, 1, MOST_PARTS);
  const size = Math.ceil(bytes.length / parts);
  return Array.from({ length: parts }, (_, part) => bytes.subarray(part * size, (part + 1) * size));
}

/** The byte at which a piece of `has` bytes begins, or in words why there is no such piece. */
export function startOf({ part, parts, length }: Place, has: number): number | string {
  const size = Math.ceil(length / parts);
  const start = part * size;
  const expected = Math.max(0, Math.min(size, length - start));
  if (has !== expected || (parts > 1 && expected === 0))
    return `part ${part} of ${parts} has ${has} bytes, expected ${expected} of ${length}`;
  return start;
}
