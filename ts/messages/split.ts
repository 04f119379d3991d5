/**
 * `splitMessage`: bytes, for example a packet, as messages no longer than a transport takes: a piece each, behind a
 * head.
 */
import { requireBytes, requireInteger, requireOptions } from '../arguments.ts';
import { crc32 } from '../packet/crc32.ts';
import type { Bytes } from '../platform.ts';
import { HEAD_BYTES, sealOf, writeHead } from './head.ts';
import { piecesOf } from './pieces.ts';

/** What splitMessage takes. */
export interface SplitOptions {
  /** The most bytes that a message may have, its head of 20 bytes included; 16,384 if left out. */
  readonly limit?: number;
  /** A u32 that tells messages of one sender apart while they are under way; drawn by chance if left out. */
  readonly id?: number;
}

/** What every implementation of data channels takes in one message. */
const LIMIT = 16_384;

const LAST_WORD = 2 ** 32 - 1;

/**
 * Cuts bytes, for example a packet, to messages of at most `limit` bytes, each with a head of 20 bytes by which
 * `openJoiner` puts them together again. Each has an ArrayBuffer of its own, which may be transferred. docs/messages.md
 * has the bytes.
 *
 * @throws RangeError unless limit is in 21..2^31 and id in 0..2^32 - 1, or where it takes more than 65,535 messages
 * @example
 * for (const message of splitMessage(packet, { limit: 100 })) openJoiner().take(message);
 */
export function splitMessage(bytes: Uint8Array, options: SplitOptions = {}): Bytes[] {
  requireBytes('bytes', bytes);
  requireOptions('splitMessage', options, ['limit', 'id']);
  const { limit = LIMIT, id = drawn() } = options;
  requireInteger('limit', limit, HEAD_BYTES + 1, 2 ** 31);
  requireInteger('id', id, 0, LAST_WORD);
  const { length } = bytes;
  requireInteger('bytes.length', length, 0, LAST_WORD);
  const pieces = piecesOf(bytes, limit - HEAD_BYTES);
  const parts = pieces.length;
  const seal = sealOf({ id, length, parts }, crc32(bytes));
  return pieces.map((piece, part) => {
    const message = new Uint8Array(HEAD_BYTES + piece.length);
    writeHead(message, { id, length, part, parts, seal });
    message.set(piece, HEAD_BYTES);
    return message;
  });
}

function drawn(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}
