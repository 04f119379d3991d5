/**
 * The record of a closed round: whose messages it is made of, and the CRC-32 of each. As bytes, before the answer in a
 * message of kind `closed`: u8 route (1 server, 2 gather, 3 sum); u8 1 where the step ends with it, plus 2 where there
 * is a checksum; u16 seats; a bit a seat, in words; a u32 CRC for each bit that is set, by rank; the u32 checksum of
 * the model, where there is one. A record of nobody ends a step that all left out: it has no answer, and the model
 * stays as it is. Byte 1 plus 4: after the checksum a u32 of bytes, and so many of the terms from the next step on
 * (terms.ts).
 */
import type { Route } from '../../algorithms/system.ts';
import { PacketError } from '../../errors.ts';
import { crc32 } from '../../packet/crc32.ts';
import { packChange, unpackChange, type Change } from './terms.ts';

export interface RoundRecord {
  readonly route: Route;
  /** Whether the step ends with this round. */
  readonly last: boolean;
  /** Seats of the run. */
  readonly seats: number;
  /** Ranks, ascending. */
  readonly from: readonly number[];
  /** The CRC-32 of each one's message. */
  readonly crcs: readonly number[];
  /** `checksumOf` the server's model after this round, in rounds after which models are compared. */
  readonly checksum?: number;
  /** The terms from the next step on, where they change; of a round that ends its step. */
  readonly change?: Change;
}

const ROUTES: readonly (Route | undefined)[] = [undefined, 'server', 'gather', 'sum'];

const HEAD = 4;

/** Bits of byte 1. */
const LAST = 1;
const CHECKED = 2;
const CHANGED = 4;

/** Ranks as bits in words, as a record and a heartbeat have them. */
export function packRanks(ranks: Iterable<number>, seats: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(seats / 32) * 4);
  for (const rank of ranks) bits[rank >> 3] |= 1 << (rank & 7);
  return bits;
}

/** @throws PacketError where a bit beyond the seats is set */
export function unpackRanks(bits: Uint8Array, seats: number): number[] {
  const ranks: number[] = [];
  for (let rank = 0; rank < bits.length * 8; rank++)
    if ((bits[rank >> 3] >> (rank & 7)) & 1) {
      if (rank >= seats) throw new PacketError(`rank ${rank} of ${seats}`, rank >> 3);
      ranks.push(rank);
    }
  return ranks;
}

/** A record and an answer as one message. */
export function packClosed(
  { route, last, seats, from, crcs, checksum, change }: RoundRecord,
  answer: Uint8Array,
): Uint8Array {
  const bits = packRanks(from, seats);
  const terms = change && packChange(change);
  const words = [...crcs, ...(checksum === undefined ? [] : [checksum]), ...(terms ? [terms.length] : [])];
  const end = HEAD + bits.length + words.length * 4;
  const bytes = new Uint8Array(end + (terms?.length ?? 0) + answer.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = ROUTES.indexOf(route);
  bytes[1] = (last ? LAST : 0) + (checksum === undefined ? 0 : CHECKED) + (terms ? CHANGED : 0);
  view.setUint16(2, seats, true);
  bytes.set(bits, HEAD);
  words.forEach((word, i) => view.setUint32(HEAD + bits.length + i * 4, word, true));
  if (terms) bytes.set(terms, end);
  bytes.set(answer, bytes.length - answer.length);
  return bytes;
}

/**
 * The reverse; the answer is a view.
 * @throws PacketError where the bytes are no such message
 */
export function unpackClosed(bytes: Uint8Array): { record: RoundRecord; answer: Uint8Array } {
  if (bytes.length < HEAD) throw new PacketError('the record ends in its head', bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const route = ROUTES[bytes[0]];
  if (route === undefined || bytes[1] > LAST + CHECKED + CHANGED)
    throw new PacketError(`a record of route ${bytes[0]}, end ${bytes[1]}`, 0);
  const last = (bytes[1] & LAST) !== 0;
  const isChecked = (bytes[1] & CHECKED) !== 0;
  const seats = view.getUint16(2, true);
  const bits = HEAD + Math.ceil(seats / 32) * 4;
  if (bytes.length < bits) throw new PacketError('the record ends in its ranks', bytes.length);
  const from = unpackRanks(bytes.subarray(HEAD, bits), seats);
  const isChanged = (bytes[1] & CHANGED) !== 0;
  const after = bits + (from.length + (isChecked ? 1 : 0)) * 4;
  const terms = after + (isChanged ? 4 : 0);
  if (bytes.length < terms) throw new PacketError('the record ends in its CRCs', bits);
  const end = terms + (isChanged ? view.getUint32(after, true) : 0);
  if (bytes.length < end) throw new PacketError('the record ends in its terms', after);
  if (isChanged && !last) throw new PacketError('a record with terms that does not end its step', 1);
  if (from.length === 0 && (!last || bytes.length > end))
    throw new PacketError('a record of nobody that has an answer, or does not end its step', bits);
  const crcs = from.map((_, i) => view.getUint32(bits + i * 4, true));
  const checksum = isChecked ? { checksum: view.getUint32(after - 4, true) } : {};
  const change = isChanged ? { change: unpackChange(bytes.subarray(terms, end)) } : {};
  return { record: { route, last, seats, from, crcs, ...checksum, ...change }, answer: bytes.subarray(end) };
}

/** The chain after a closed round: the CRC-32 of the chain before it and that of the message that closed it. */
export function chained(chain: number, closed: Uint8Array): number {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, chain, true);
  view.setUint32(4, crc32(closed), true);
  return crc32(bytes);
}

/** The chain before the first round: which numbers the run began with. */
export function firstChain(parameters: Float32Array): number {
  return crc32(new Uint8Array(parameters.buffer, parameters.byteOffset, parameters.byteLength));
}
