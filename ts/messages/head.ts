/**
 * The 20 bytes before each piece of a message, little-endian:
 *
 *   0  4 bytes  `fbm1`                          14  u16  pieces in all
 *   4  u32      the sender's number of it       16  u32  CRC-32 of bytes 0 to 11, 14 and 15,
 *   8  u32      bytes of the whole message               and of the CRC-32 of the whole message
 *  12  u16      which piece, from 0
 */
import { PacketError } from '../errors.ts';
import { crc32 } from '../packet/crc32.ts';
import type { Place } from './pieces.ts';

export const HEAD_BYTES = 20;

/** `fbm1`, read as a little-endian u32. */
const MAGIC = 0x316d6266;

/** What a head says. */
export interface Head extends Place {
  readonly id: number;
  /** The CRC over what all pieces of a message have in common. */
  readonly seal: number;
}

/** What stands in all heads of a message whose own CRC is `crc`. */
export function sealOf({ id, length, parts }: Omit<Head, 'part' | 'seal'>, crc: number): number {
  const bytes = new Uint8Array(18);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, id, true);
  view.setUint32(8, length, true);
  view.setUint16(12, parts, true);
  view.setUint32(14, crc, true);
  return crc32(bytes);
}

/** Writes a head into the first 20 bytes. */
export function writeHead(bytes: Uint8Array, { id, length, part, parts, seal }: Head): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, id, true);
  view.setUint32(8, length, true);
  view.setUint16(12, part, true);
  view.setUint16(14, parts, true);
  view.setUint32(16, seal, true);
}

/** @throws PacketError where there is no head */
export function readHead(bytes: Uint8Array): Head {
  if (bytes.length < HEAD_BYTES)
    throw new PacketError(`${bytes.length} bytes, fewer than the head of a message has`, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  if (view.getUint32(0, true) !== MAGIC)
    throw new PacketError('no piece of a message: it starts otherwise', 0);
  const [part, parts] = [view.getUint16(12, true), view.getUint16(14, true)];
  if (part >= parts) throw new PacketError(`part ${part} of ${parts}`, 12);
  return {
    id: view.getUint32(4, true),
    length: view.getUint32(8, true),
    part,
    parts,
    seal: view.getUint32(16, true),
  };
}
