/**
 * The messages of a federated round (docs/messages.md has them in full). All begin alike, little-endian:
 *
 *   0  u32  'fbfd'
 *   4  u32  CRC-32C of the head from byte 8 on
 *   8  u8   version of the format
 *   9  u8   kind: 1 hello, 2 welcome, 3 update, 4 answer
 *  10  u16  bytes of the text behind the numbers of the kind
 *  12  u32  round
 *  16  u64  digest of the round's start
 *  24       numbers of the kind; the text in UTF-8, filled up with zeros to whole words; here the head ends
 *           the body, a packet, which has a CRC of its own
 */
import { requireBytes } from '../arguments.ts';
import { PacketError, StartError, type RoundStart } from '../errors.ts';
import { crc32 } from '../packet/crc32.ts';
import { crc32c } from '../packet/crc32c.ts';
import type { Bytes } from '../platform.ts';

const MAGIC = 0x64666266;
/** The formats that this release reads and writes. */
export const VERSIONS: Range = { least: 1, most: 1 };
const COMMON = 24;
const MOST_TEXT = 0xffff;

/** Versions of the format that somebody speaks. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

const KINDS = ['hello', 'welcome', 'update', 'answer'] as const;
export type Kind = (typeof KINDS)[number];

/** A message taken apart: views of it. */
export interface Opened extends RoundStart {
  /** What the kind has between the common head and the text. */
  readonly numbers: DataView;
  readonly text: string;
  readonly body: Uint8Array;
}

/** What a message is made of. */
export interface Written extends RoundStart {
  readonly version: number;
  readonly numbers?: Uint8Array;
  readonly text?: string;
  readonly body?: Uint8Array;
}

/** Bytes of a kind's numbers; of an answer the fixed ones, behind which stand the digests of what was used. */
const NUMBERS: Readonly<Record<Kind, number>> = { hello: 0, welcome: 8, update: 8, answer: 12 };

export const NO_DIGEST = '0000000000000000';

/**
 * What models and contributions are told apart by: their CRC-32 and CRC-32C, 64 bits. It finds every mistake, and
 * stops nobody who makes two alike on purpose.
 */
export function digestOf(bytes: Uint8Array): string {
  return hex(crc32(bytes)) + hex(crc32c(bytes));
}

/** The digest of a model: of its float32 as little-endian bytes. */
export function digestOfModel({ buffer, byteOffset, byteLength }: Float32Array): string {
  return digestOf(new Uint8Array(buffer, byteOffset, byteLength));
}

/** The digest of an update: of all but the packet's own CRC at its end, behind which a CRC-32C says nothing. */
export function digestOfUpdate(message: Uint8Array): string {
  return digestOf(message.subarray(0, -4));
}

const hex = (word: number): string => word.toString(16).padStart(8, '0');

export function putDigest(view: DataView, at: number, digest: string): void {
  view.setUint32(at, parseInt(digest.slice(0, 8), 16), true);
  view.setUint32(at + 4, parseInt(digest.slice(8), 16), true);
}

export function digestAt(view: DataView, at: number): string {
  return hex(view.getUint32(at, true)) + hex(view.getUint32(at + 4, true));
}

/** A message, in an ArrayBuffer of its own. */
export function written(kind: Kind, { version, round, digest, ...parts }: Written): Bytes {
  const { numbers = new Uint8Array(0), body = new Uint8Array(0) } = parts;
  const text = new TextEncoder().encode(parts.text ?? '');
  if (text.length > MOST_TEXT)
    throw new RangeError(`the text of a ${kind} expected at most ${MOST_TEXT} bytes, got ${text.length}`);
  const at = COMMON + numbers.length;
  const end = at + wholeWords(text.length);
  const message = new Uint8Array(end + body.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(8, version);
  view.setUint8(9, KINDS.indexOf(kind) + 1);
  view.setUint16(10, text.length, true);
  view.setUint32(12, round, true);
  putDigest(view, 16, digest);
  message.set(numbers, COMMON);
  message.set(text, at);
  message.set(body, end);
  view.setUint32(4, crc32c(message.subarray(8, end)), true);
  return message;
}

const wholeWords = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/**
 * A message taken apart; what its body is, is left to see.
 * @throws PacketError where it is damaged, of another kind, or of a format that this release does not read
 */
export function opened(kind: Kind, given: Uint8Array): Opened {
  const { buffer, byteOffset, length } = requireBytes(kind, given);
  const view = new DataView(buffer, byteOffset, length);
  if (length < COMMON || view.getUint32(0, true) !== MAGIC)
    throw new PacketError("the bytes do not start with 'fbfd': no message of a federated round", 0);
  const version = view.getUint8(8);
  if (version < VERSIONS.least || version > VERSIONS.most)
    throw new PacketError(`format version ${version}; this release reads ${shownRange(VERSIONS)}`, 8);
  const came = KINDS[view.getUint8(9) - 1];
  if (came !== kind)
    throw new PacketError(`a message of kind ${came ?? view.getUint8(9)}, expected ${kind}`, 9);
  const least = COMMON + NUMBERS[kind];
  if (length < least) throw new PacketError(`${length} bytes, expected ${least} at least`, length);
  const listed = kind === 'answer' ? view.getUint32(COMMON + 8, true) * 8 : 0;
  const at = least + listed;
  const size = view.getUint16(10, true);
  const end = at + wholeWords(size);
  if (end > length) throw new PacketError(`a head of ${end} bytes passes the end, ${length}`, 10);
  if (view.getUint32(4, true) !== crc32c(given.subarray(8, end)))
    throw new PacketError('the CRC does not match: the head was damaged', 4);
  return {
    round: view.getUint32(12, true),
    digest: digestAt(view, 16),
    numbers: new DataView(buffer, byteOffset + COMMON, at - COMMON),
    text: textOf(given.subarray(at, at + size), at),
    body: given.subarray(end),
  };
}

/** @throws PacketError unless the bytes are UTF-8 */
function textOf(bytes: Uint8Array, at: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new PacketError('the text is no UTF-8', at);
  }
}

export const shownRange = ({ least, most }: Range): string =>
  least === most ? `${least}` : `${least} to ${most}`;

/** @throws StartError where a message is against another start */
export function requireStart(what: string, came: RoundStart, own: RoundStart): void {
  if (came.round === own.round && came.digest === own.digest) return;
  const { round, digest } = came;
  throw new StartError(what, { round, digest }, own);
}
