/**
 * The 32 bytes before each part of a message, little-endian:
 *
 *   0  u8   version, 1                  14  u16  which part, from 0
 *   1  u8   kind                        16  u16  parts in all
 *   2  u16  rank of the sender          18  u16  0
 *   4  u32  the run's id                20  u32  bytes of the whole message
 *   8  u32  step                        24  u32  chain
 *  12  u16  round                       28  u32  CRC-32 of bytes 0 to 13, 20 to 27, and of the message's own CRC-32
 */
import { crc32 } from '../../packet/crc32.ts';

export const HEAD_BYTES = 32;
const VERSION = 1;

/** The rank of who has none: the server, and workers without a seat. */
export const NO_RANK = 0xffff;

/** What messages there are, by their number in heads. */
export const KINDS = {
  /** What a worker sends in a round, by its route. */
  server: 1,
  gather: 2,
  sum: 3,
  /** The server: a round is closed; its record and its aggregate. */
  closed: 4,
  /** The server: where the run is, and who has been heard in this round. */
  heartbeat: 5,
  /** The server, to one: a seat. */
  seat: 6,
  /** The server, to one: the model and what goes with it. */
  state: 7,
  /** A worker: where it is, and that it needs to be told how to go on. */
  ask: 8,
  /** The server, to one: text for people. */
  note: 9,
  /** Split learning: a batch's features up, the gradient at the cut down. */
  features: 10,
  cut: 11,
  /** A worker: it leaves this step out. */
  pass: 12,
} as const;

export type Kind = keyof typeof KINDS;

const NAMES: readonly (Kind | undefined)[] = Object.entries(KINDS).reduce<(Kind | undefined)[]>(
  (names, [name, number]) => {
    names[number] = name as Kind;
    return names;
  },
  [],
);

/** Where in a run's history a message belongs. */
export interface Position {
  readonly step: number;
  /** Round in the step; 0 for the first. */
  readonly round: number;
  /** What all closed rounds before it come to, as a u32. */
  readonly chain: number;
}

/** Whether two positions are one. */
export function isSame(one: Position, other: Position): boolean {
  return one.step === other.step && one.round === other.round && one.chain === other.chain;
}

/** What a head says of its message. */
export interface MessageHead extends Position {
  readonly kind: Kind;
  readonly rank: number;
  /** The run's id. */
  readonly run: number;
}

/** A whole message. */
export interface RunMessage extends MessageHead {
  readonly bytes: Uint8Array;
}

/** Which part of what a head stands before. */
export interface PartHead extends MessageHead {
  readonly part: number;
  readonly parts: number;
  /** Bytes of the whole message. */
  readonly length: number;
  readonly crc: number;
}

/** The CRC of a head, over what all parts of a message have in common. */
export function sealOf(head: MessageHead, length: number, crc: number): number {
  const bytes = new Uint8Array(26);
  const view = new DataView(bytes.buffer);
  writeCommon(view, head);
  view.setUint32(14, length, true);
  view.setUint32(18, head.chain, true);
  view.setUint32(22, crc, true);
  return crc32(bytes);
}

function writeCommon(view: DataView, { kind, rank, run, step, round }: MessageHead): void {
  view.setUint8(0, VERSION);
  view.setUint8(1, KINDS[kind]);
  view.setUint16(2, rank, true);
  view.setUint32(4, run, true);
  view.setUint32(8, step, true);
  view.setUint16(12, round, true);
}

/** Writes a head into the first 32 bytes. */
export function writeHead(bytes: Uint8Array, head: PartHead): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  writeCommon(view, head);
  view.setUint16(14, head.part, true);
  view.setUint16(16, head.parts, true);
  view.setUint16(18, 0, true);
  view.setUint32(20, head.length, true);
  view.setUint32(24, head.chain, true);
  view.setUint32(28, head.crc, true);
}

/** The head of a part, or in words why it is none. */
export function readHead(bytes: Uint8Array): PartHead | string {
  if (bytes.length < HEAD_BYTES) return `${bytes.length} bytes, fewer than a head has`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  if (view.getUint8(0) !== VERSION) return `version ${view.getUint8(0)} of the head, expected ${VERSION}`;
  const kind = NAMES[view.getUint8(1)];
  if (kind === undefined) return `no message has the kind ${view.getUint8(1)}`;
  const [part, parts] = [view.getUint16(14, true), view.getUint16(16, true)];
  if (part >= parts) return `part ${part} of ${parts}`;
  if (view.getUint16(18, true) !== 0) return 'bytes 18 and 19 of the head are not zero';
  return {
    kind,
    rank: view.getUint16(2, true),
    run: view.getUint32(4, true),
    step: view.getUint32(8, true),
    round: view.getUint16(12, true),
    part,
    parts,
    length: view.getUint32(20, true),
    chain: view.getUint32(24, true),
    crc: view.getUint32(28, true),
  };
}
