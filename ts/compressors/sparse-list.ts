/**
 * Packets that are a list of elements: where they are, and their values as they are. What topK and threshold share.
 *
 * Parameters: k; coding (0 Rice, 1 bitmap); words of the low part; bits of the unary part (both 0 for a bitmap).
 * Sections: head, low, unary, or bitmap; then values, k float32.
 */
import { PacketError } from '../errors.ts';
import { INFINITE, MAGNITUDE } from '../kernels/float-bits.ts';
import { scatterKernel } from '../kernels/sparse.ts';
import { decodeBitmap, decodeRice, encodeIndices, headWords } from '../packet/index-coding.ts';
import { cutSections, requireParameters, type Packet, type Parts } from '../packet/packet.ts';
import type { Codec } from './compressor.ts';

const CODINGS = ['rice', 'bitmap'] as const;

const isNonFinite = (bits: number): boolean => (bits & MAGNITUDE) >= INFINITE;

/** Whether any of these words is NaN or infinite. */
export function someNonFinite(words: Uint32Array): boolean {
  return words.some(isNonFinite);
}

/** The packet for the elements at ascending `indices`, whose words are `values`. */
export function sparseParts(id: number, n: number, indices: Uint32Array, values: Uint32Array): Parts {
  const k = indices.length;
  const coded = encodeIndices(indices, n);
  if (coded.coding === 'bitmap') return { id, n, parameters: [k, 1, 0, 0], sections: [coded.bitmap, values] };
  const { head, low, unary, unaryBits } = coded;
  return { id, n, parameters: [k, 0, low.length, unaryBits], sections: [head, low, unary, values] };
}

/** What reads such packets back. `least` is the least k that a vector of n elements may have. */
export function sparseCodec(id: number, name: string, least: (n: number) => number): Codec {
  function parametersOf(packet: Packet): {
    k: number;
    coding: (typeof CODINGS)[number];
    lowWords: number;
    unaryBits: number;
  } {
    const [k, coding, lowWords, unaryBits] = requireParameters(packet, 4);
    requireKept(packet, k, least(packet.n));
    if (coding >= CODINGS.length) throw new PacketError(`unknown coding ${coding} of the index list`, 20);
    if (CODINGS[coding] === 'bitmap' && (lowWords > 0 || unaryBits > 0))
      throw new PacketError('the lengths of low and unary are not zero beside a bitmap', 24);
    return { k, coding: CODINGS[coding], lowWords, unaryBits };
  }

  function sectionsOf(
    packet: Packet,
  ): { name: 'head' | 'low' | 'unary' | 'bitmap' | 'values'; words: number }[] {
    const { k, coding, lowWords, unaryBits } = parametersOf(packet);
    const values = { name: 'values', words: k } as const;
    if (coding === 'bitmap') return [{ name: 'bitmap', words: Math.ceil(packet.n / 32) }, values];
    return [
      { name: 'head', words: headWords(k) },
      { name: 'low', words: lowWords },
      { name: 'unary', words: Math.ceil(unaryBits / 32) },
      values,
    ];
  }

  return {
    id,
    name,
    describe(packet) {
      const { k, coding } = parametersOf(packet);
      const sections = sectionsOf(packet);
      cutSections(packet, sections);
      return { parameters: { k, coding }, sections };
    },
    decode(scope, packet) {
      const { n, bodyOffset } = packet;
      const { k, coding, unaryBits } = parametersOf(packet);
      const { head, low, unary, bitmap, values } = cutSections(packet, sectionsOf(packet));
      const indices =
        coding === 'bitmap'
          ? decodeBitmap(bitmap, k, n, bodyOffset)
          : decodeRice({ head, low, unary }, k, n, unaryBits, bodyOffset);
      requireFinite(values, packet.bytes - 4 - k * 4);
      const y = scope.take(n);
      if (n > 0)
        scope.run(
          scatterKernel,
          { indices: scope.put(indices), values: scope.put(values), y },
          { n, count: k },
        );
      return { buffer: y, n };
    },
  };
}

/** @throws PacketError where a value, the first of which stands at byte `offset`, is NaN or infinite */
export function requireFinite(values: Uint32Array, offset: number): void {
  const bad = values.findIndex(isNonFinite);
  if (bad >= 0) throw new PacketError(`value ${bad} is NaN or infinite`, offset + bad * 4);
}

/** @throws PacketError unless the packet's k lies in `least..n` */
export function requireKept(packet: Packet, k: number, least: number): void {
  if (k > packet.n || k < least) throw new PacketError(`k = ${k} of n = ${packet.n} elements`, 16);
}
