/**
 * A packet as bytes (docs/packet.md). All numbers are little-endian, everything starts at a multiple of four bytes:
 *
 *   0  4 bytes  'fewb'
 *   4  u8       format version, 1
 *   5  u8       compressor
 *   6  u16      words of parameters, P
 *   8  u32      n, elements of the vector
 *  12  u32      bytes of the whole packet
 *  16  P words  parameters of the compressor
 *   .  words    sections, whose lengths follow from n and the parameters
 *   .  u32      CRC-32C of all bytes before it
 */
import { PacketError } from '../errors.ts';
import type { Bytes, Words } from '../platform.ts';
import { crc32cOfWords, shortened, type Shorten } from './crc32c.ts';

/** 'fewb', read as a little-endian word. */
const MAGIC = 0x62776566;
const VERSION = 1;
const HEADER_WORDS = 4;
const CRC_WORDS = 1;

/** What a compressor makes: everything of a packet that is its own. */
export interface Parts {
  /** The compressor's number in packets. */
  readonly id: number;
  /** Elements of the vector. */
  readonly n: number;
  readonly parameters: readonly number[];
  /** One after the other; word arrays. */
  readonly sections: readonly Uint32Array[];
  /** Memory of `roomFor` that the sections already lie in, and that becomes the packet; of a large packet. */
  readonly room?: Words;
}

/** A packet whose frame is sound: magic, version, lengths and CRC hold. What is inside is the codec's to check. */
export interface Packet {
  readonly id: number;
  readonly n: number;
  readonly bytes: number;
  readonly parameters: Uint32Array;
  /** The words of all sections. */
  readonly body: Uint32Array;
  /** The byte offset of `body` in the packet, for error messages. */
  readonly bodyOffset: number;
  /** Whether all words of the body were seen to be finite as float32; false where nobody looked. */
  readonly finite: boolean;
}

/** A part of a packet's body. */
export interface Section {
  readonly name: string;
  readonly words: number;
}

/** Gives memory for a packet of so many words of parameters and sections. */
export type RoomFor = (parameters: number, bodyWords: number) => Words;

/** Memory of the packet's own. */
export function roomFor(parameters: number, bodyWords: number): Words {
  return new Uint32Array(HEADER_WORDS + parameters + bodyWords + CRC_WORDS);
}

/** The first bytes of `out`, from a multiple of 4 on, where it is long enough; else memory of the packet's own. */
export function roomIn(out: Bytes): RoomFor {
  return (parameters, bodyWords) => {
    const words = HEADER_WORDS + parameters + bodyWords + CRC_WORDS;
    return words * 4 <= out.length
      ? new Uint32Array(out.buffer, out.byteOffset, words)
      : roomFor(parameters, bodyWords);
  };
}

/** The part of a packet's memory that is its sections'. */
export function bodyOf(room: Words, parameters: number): Uint32Array {
  return room.subarray(HEADER_WORDS + parameters, room.length - CRC_WORDS);
}

/**
 * Lays a packet out as bytes, in memory that `makeRoom` gives. `shorten` makes the CRC fast: it gives fewer words with
 * the same CRC (crc32c.ts); the packet is the same with it and without.
 */
export function writePacket(
  { id, n, parameters, sections, room }: Parts,
  shorten?: Shorten,
  makeRoom: RoomFor = roomFor,
): Bytes {
  const bodyWords = sections.reduce((words, section) => words + section.length, 0);
  const words = room ?? makeRoom(parameters.length, bodyWords);
  words[0] = MAGIC;
  words[1] = VERSION | (id << 8) | (parameters.length << 16);
  words[2] = n;
  words[3] = words.byteLength;
  words.set(parameters, HEADER_WORDS);
  let at = HEADER_WORDS + parameters.length;
  for (const section of sections) {
    if (room === undefined) words.set(section, at);
    at += section.length;
  }
  words[at] = crc32cOfWords(words, at, shortened(words, at, shorten));
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

/**
 * The parts of a packet. `shorten` makes the CRC fast, as in `writePacket`.
 * @throws PacketError where the bytes are not a whole packet of this version
 */
export function readPacket(bytes: Uint8Array, shorten?: Shorten): Packet {
  const words = framed(bytes);
  const count = words.length - CRC_WORDS;
  const short = shortened(words, count, shorten);
  if (crc32cOfWords(words, count, short) !== words[count])
    throw new PacketError('the CRC does not match: the packet was damaged', bytes.length - 4);
  return partsIn(requireRoom(words), short?.finite);
}

/** As readPacket, without a look at the CRC: for what is decoded next, where damage is found. */
export function glance(bytes: Uint8Array): Packet {
  return partsIn(requireRoom(framed(bytes)));
}

/** The words of a packet whose magic, version and length are sound. */
function framed(bytes: Uint8Array): Uint32Array {
  const least = (HEADER_WORDS + CRC_WORDS) * 4;
  if (bytes.length < least)
    throw new PacketError(`a packet has at least ${least} bytes, got ${bytes.length}`, bytes.length);
  const words = wordsIn(bytes);
  if (words[0] !== MAGIC) throw new PacketError("the bytes do not start with 'fewb'", 0);
  const version = words[1] & 255;
  if (version !== VERSION)
    throw new PacketError(`format version ${version}; this release reads ${VERSION}`, 4);
  if (words[3] !== bytes.length)
    throw new PacketError(`the packet says ${words[3]} bytes, got ${bytes.length}`, 12);
  if (bytes.length % 4 !== 0) throw new PacketError('the length is not a multiple of four', 12);
  return words;
}

/** @throws PacketError unless the words of a packet have room for its parameters */
function requireRoom(words: Uint32Array): Uint32Array {
  if (HEADER_WORDS + (words[1] >>> 16) > words.length - CRC_WORDS)
    throw new PacketError('the parameters pass the end of the packet', 6);
  return words;
}

/** The parts of a packet that `writePacket` has just made: nothing of it is checked. */
export function viewPacket(bytes: Bytes): Packet {
  return partsIn(wordsIn(bytes));
}

/** A view where the bytes are aligned; else a copy, by the constructor: a Node Buffer's own slice is a view. */
function wordsIn(bytes: Uint8Array): Uint32Array {
  const size = bytes.length >>> 2;
  return bytes.byteOffset % 4 === 0
    ? new Uint32Array(bytes.buffer, bytes.byteOffset, size)
    : new Uint32Array(new Uint8Array(bytes.subarray(0, size * 4)).buffer);
}

function partsIn(words: Uint32Array, finite = false): Packet {
  const bodyFirst = HEADER_WORDS + (words[1] >>> 16);
  return {
    id: (words[1] >>> 8) & 255,
    n: words[2],
    bytes: words.length * 4,
    parameters: words.subarray(HEADER_WORDS, bodyFirst),
    body: words.subarray(bodyFirst, words.length - CRC_WORDS),
    bodyOffset: bodyFirst * 4,
    finite,
  };
}

/** @throws PacketError unless the packet has exactly `count` words of parameters */
export function requireParameters(packet: Packet, count: number): Uint32Array {
  if (packet.parameters.length !== count)
    throw new PacketError(`${packet.parameters.length} words of parameters, expected ${count}`, 6);
  return packet.parameters;
}

/**
 * Bits that fill up the last word are zero, so that a vector has one packet.
 * @throws PacketError where a bit of `words` beyond the first `bits` is set; `words` start at byte `offset`
 */
export function requireZeroTail(words: Uint32Array, bits: number, offset: number): void {
  if (bits % 32 !== 0 && words[words.length - 1] >>> (bits % 32) !== 0)
    throw new PacketError(`the bits beyond the first ${bits} are not zero`, offset + (words.length - 1) * 4);
}

/**
 * The sections of a packet's body by name.
 * @throws PacketError unless the sections fill the body exactly
 */
export function cutSections<Name extends string>(
  packet: Packet,
  sections: readonly (Section & { readonly name: Name })[],
): Record<Name, Uint32Array> {
  const expected = sections.reduce((words, section) => words + section.words, 0);
  if (expected !== packet.body.length)
    throw new PacketError(
      `sections of ${expected * 4} bytes, but the body has ${packet.body.length * 4}`,
      packet.bodyOffset,
    );
  const cut = {} as Record<Name, Uint32Array>;
  let at = 0;
  for (const { name, words } of sections) {
    cut[name] = packet.body.subarray(at, at + words);
    at += words;
  }
  return cut;
}
