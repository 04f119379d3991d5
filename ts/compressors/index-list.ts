/**
 * Lists of ascending indices in packets: what sparse packets begin with, and packets of their own, by which systems
 * tell each other which elements they selected (`fewbits/algorithms`).
 *
 * Parameters: k; coding (0 Rice, 1 bitmap); words of the low part; bits of the unary part (both 0 for a bitmap); in
 * packets of their own a tag, a word that means what the sender says. Sections: head, low, unary, or bitmap.
 */
import { PacketError } from '../errors.ts';
import { wordsOf } from '../kernels/scope.ts';
import {
  bitmapWords,
  decodeBitmap,
  decodeRice,
  encodeIndices,
  headWords,
  type CodedIndices,
  type RiceCoder,
} from '../packet/index-coding.ts';
import {
  cutSections,
  readPacket,
  requireParameters,
  writePacket,
  type Packet,
  type Parts,
} from '../packet/packet.ts';
import type { Bytes } from '../platform.ts';
import type { Codec } from './compressor.ts';
import { NOTHING, sparse } from './decoded.ts';

const ID = 12;

const CODINGS = ['rice', 'bitmap'] as const;

/** The first parameters of a packet with a list. */
export interface ListParameters {
  readonly k: number;
  readonly coding: (typeof CODINGS)[number];
  readonly lowWords: number;
  readonly unaryBits: number;
}

/** A section of a list. */
export interface ListSection {
  readonly name: 'head' | 'low' | 'unary' | 'bitmap';
  readonly words: number;
}

/** A list of indices below n as parameters and sections. */
export function listParts(
  indices: Uint32Array,
  n: number,
  coder?: RiceCoder,
): Pick<Parts, 'parameters' | 'sections'> {
  return codedParts(indices.length, encodeIndices(indices, n, coder));
}

/** The same of k indices that are coded already. */
export function codedParts(k: number, coded: CodedIndices): Pick<Parts, 'parameters' | 'sections'> {
  if (coded.coding === 'bitmap') return { parameters: [k, 1, 0, 0], sections: [coded.bitmap] };
  const { head, low, unary, unaryBits } = coded;
  return { parameters: [k, 0, low.length, unaryBits], sections: [head, low, unary] };
}

/** @throws PacketError unless the packet's first parameters are those of a list of `least` indices or more */
export function listParametersOf(packet: Packet, least: number): ListParameters {
  const [k, coding, lowWords, unaryBits] = packet.parameters;
  requireKept(packet, k, least);
  if (coding >= CODINGS.length) throw new PacketError(`unknown coding ${coding} of the index list`, 20);
  if (CODINGS[coding] === 'bitmap' && k === 0)
    throw new PacketError('a bitmap of no elements; an empty list has coding 0', 20);
  if (CODINGS[coding] === 'bitmap' && (lowWords > 0 || unaryBits > 0))
    throw new PacketError('the lengths of low and unary are not zero beside a bitmap', 24);
  return { k, coding: CODINGS[coding], lowWords, unaryBits };
}

/** @throws PacketError unless the packet's k lies in `least..n` */
export function requireKept(packet: Packet, k: number, least: number): void {
  if (k > packet.n || k < least) throw new PacketError(`k = ${k} of n = ${packet.n} elements`, 16);
}

/** The sections of a list of indices below n. */
export function listSections(n: number, { k, coding, lowWords, unaryBits }: ListParameters): ListSection[] {
  if (coding === 'bitmap') return [{ name: 'bitmap', words: bitmapWords(n) }];
  return [
    { name: 'head', words: headWords(k) },
    { name: 'low', words: lowWords },
    { name: 'unary', words: Math.ceil(unaryBits / 32) },
  ];
}

/** @throws PacketError unless the sections, the first of a packet's body, hold k ascending indices below n */
export function listOf(
  { n, bodyOffset }: Packet,
  { k, coding, unaryBits }: ListParameters,
  { head, low, unary, bitmap }: Record<ListSection['name'], Uint32Array>,
  coder?: RiceCoder,
): Uint32Array {
  return coding === 'bitmap'
    ? decodeBitmap(bitmap, k, n, bodyOffset)
    : decodeRice({ head, low, unary, unaryBits }, k, n, bodyOffset, coder);
}

/** The packet that is a list: ascending `indices` below `length`, and a tag, a u32. */
export function writeIndexList(indices: Uint32Array, length: number, tag: number): Bytes {
  const { parameters, sections } = listParts(indices, length);
  return writePacket({ id: ID, n: length, parameters: [...parameters, tag], sections });
}

/**
 * The reverse.
 * @throws PacketError where the bytes are not a sound packet of a list
 */
export function readIndexList(bytes: Uint8Array): { indices: Uint32Array; length: number; tag: number } {
  const packet = readPacket(bytes);
  if (packet.id !== ID) throw new PacketError(`compressor ${packet.id}, expected a list of indices`, 5);
  const { parameters, tag } = parametersOf(packet);
  const indices = listOf(packet, parameters, cutSections(packet, listSections(packet.n, parameters)));
  return { indices, length: packet.n, tag };
}

function parametersOf(packet: Packet): { parameters: ListParameters; tag: number } {
  const { 4: tag } = requireParameters(packet, 5);
  return { parameters: listParametersOf(packet, 0), tag };
}

/** As a vector a list is 1 at its indices and 0 elsewhere. */
export const indexListCodec: Codec = {
  id: ID,
  name: 'indexList',
  describe(packet) {
    const { parameters, tag } = parametersOf(packet);
    const sections = listSections(packet.n, parameters);
    cutSections(packet, sections);
    const { k, coding } = parameters;
    return { parameters: { k, coding, tag }, sections };
  },
  decode(scope, packet) {
    const { n } = packet;
    const { parameters } = parametersOf(packet);
    const indices = listOf(packet, parameters, cutSections(packet, listSections(n, parameters)), scope.coder);
    const values = wordsOf(new Float32Array(indices.length).fill(1));
    return n === 0 ? NOTHING : sparse(scope, n, { indices, values });
  },
};
