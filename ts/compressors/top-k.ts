/**
 * Top-k sparsification: the k elements of the largest magnitude as they are, zero elsewhere. The classic of A. F. Aji
 * and K. Heafield, "Sparse Communication for Distributed Gradient Descent", arXiv 1704.05021.
 *
 * Parameters: k; coding (0 Rice, 1 bitmap); words of the low part; bits of the unary part (both 0 for a bitmap).
 * Sections: head, low, unary, or bitmap; then values, k float32.
 */
import { PacketError } from '../errors.ts';
import { INFINITE, MAGNITUDE } from '../kernels/float-bits.ts';
import { nonFiniteError } from '../kernels/reduce.ts';
import { selectTopK } from '../kernels/select.ts';
import { scatterKernel } from '../kernels/sparse.ts';
import { decodeBitmap, decodeRice, encodeIndices, headWords } from '../packet/index-coding.ts';
import { cutSections, requireParameters, type Packet } from '../packet/packet.ts';
import { defineCompressor, type Codec, type Compressor } from './compressor.ts';
import { countFor, requireCount, type Count } from './count.ts';

const ID = 1;
const CODINGS = ['rice', 'bitmap'] as const;

/**
 * Keeps the k elements of the largest magnitude, exactly, ties to the lowest index; all others decode to zero.
 * `topK({ k })` keeps k; `topK({ ratio })` keeps a share of n: k = floor(ratio * n + 1e-9), at least 1.
 * About log2(n / k) + 2 + 32 bits a kept element. Source: arXiv 1704.05021.
 *
 * @throws RangeError unless k >= 1 or 0 < ratio <= 1; compress throws it where k > n
 * @example
 * const packet = await device.compress(topK({ ratio: 0.01 }), gradient);
 */
export function topK(count: Count): Compressor {
  requireCount('topK', count);
  return defineCompressor('topK', count, async (scope, x) => {
    const { n } = x;
    if (n === 0) return { id: ID, n, parameters: [0, 0, 0, 0], sections: [] };
    const k = countFor(count, n);
    // 1. select: the k largest |x_i|
    const kept = selectTopK(scope, x, k, 'magnitude');
    const [indices, values] = await scope.read(kept.indices, kept.values);
    // keys of NaN and infinity are the largest, so where x has any, one of them was kept
    if (values.some((bits) => (bits & MAGNITUDE) >= INFINITE)) throw await nonFiniteError(scope, x);
    // 2. code where they are
    const coded = encodeIndices(indices, n);
    if (coded.coding === 'bitmap')
      return { id: ID, n, parameters: [k, 1, 0, 0], sections: [coded.bitmap, values] };
    const { head, low, unary, unaryBits } = coded;
    return { id: ID, n, parameters: [k, 0, low.length, unaryBits], sections: [head, low, unary, values] };
  });
}

function parametersOf(packet: Packet): {
  k: number;
  coding: 'rice' | 'bitmap';
  lowWords: number;
  unaryBits: number;
} {
  const [k, coding, lowWords, unaryBits] = requireParameters(packet, 4);
  if (k > packet.n || (k === 0 && packet.n > 0))
    throw new PacketError(`k = ${k} of n = ${packet.n} elements`, 16);
  if (coding >= CODINGS.length) throw new PacketError(`unknown coding ${coding} of the index list`, 20);
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

export const topKCodec: Codec = {
  id: ID,
  name: 'topK',
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
    const bad = values.findIndex((bits) => (bits & MAGNITUDE) >= INFINITE);
    if (bad >= 0) throw new PacketError(`value ${bad} is NaN or infinite`, packet.bytes - 4 - (k - bad) * 4);
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
