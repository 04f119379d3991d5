/**
 * The record of a closed turn: whose messages it is made of, and the CRC-32 of each. As bytes, before the answer in a message
 * of kind `closed`: u8 route (1 server, 2 gather, 3 sum); u8 1 where the step ends with it; u16 seats; a bit a seat, in words;
 * a u32 CRC for each bit that is set, by rank.
 */
import type { Route } from '../algorithms/system.ts';
import { PacketError } from '../errors.ts';
import { crc32 } from '../packet/crc32.ts';

export interface Record {
  readonly route: Route;
  /** Whether the step ends with this turn. */
  readonly last: boolean;
  /** Seats of the run. */
  readonly seats: number;
  /** Ranks, ascending. */
  readonly from: readonly number[];
  /** The CRC-32 of each one's message. */
  readonly crcs: readonly number[];
}

const ROUTES: readonly (Route | undefined)[] = [undefined, 'server', 'gather', 'sum'];

const HEAD = 4;

/** Ranks as bits in words, as a record and a beat have them. */
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
export function packClosed({ route, last, seats, from, crcs }: Record, answer: Uint8Array): Uint8Array {
  const bits = packRanks(from, seats);
  const bytes = new Uint8Array(HEAD + bits.length + from.length * 4 + answer.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = ROUTES.indexOf(route);
  bytes[1] = last ? 1 : 0;
  view.setUint16(2, seats, true);
  bytes.set(bits, HEAD);
  crcs.forEach((crc, i) => view.setUint32(HEAD + bits.length + i * 4, crc, true));
  bytes.set(answer, bytes.length - answer.length);
  return bytes;
}

/**
 * The reverse; the answer is a view.
 * @throws PacketError where the bytes are no such message
 */
export function unpackClosed(bytes: Uint8Array): { record: Record; answer: Uint8Array } {
  if (bytes.length < HEAD) throw new PacketError('the record ends in its head', bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const route = ROUTES[bytes[0]];
  if (route === undefined || bytes[1] > 1)
    throw new PacketError(`a record of route ${bytes[0]}, end ${bytes[1]}`, 0);
  const seats = view.getUint16(2, true);
  const bits = HEAD + Math.ceil(seats / 32) * 4;
  if (bytes.length < bits) throw new PacketError('the record ends in its ranks', bytes.length);
  const from = unpackRanks(bytes.subarray(HEAD, bits), seats);
  const end = bits + from.length * 4;
  if (from.length === 0 || bytes.length < end) throw new PacketError('the record ends in its CRCs', bits);
  const crcs = from.map((_, i) => view.getUint32(bits + i * 4, true));
  return { record: { route, last: bytes[1] === 1, seats, from, crcs }, answer: bytes.subarray(end) };
}

/** The chain after a closed turn: the CRC-32 of the chain before it and that of the message that closed it. */
export function chained(chain: number, closed: Uint8Array): number {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, chain, true);
  view.setUint32(4, crc32(closed), true);
  return crc32(bytes);
}

/** The chain before the first turn: which numbers the run began with. */
export function firstChain(parameters: Float32Array): number {
  return crc32(new Uint8Array(parameters.buffer, parameters.byteOffset, parameters.byteLength));
}
