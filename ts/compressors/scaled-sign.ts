/**
 * Scaled sign: one bit an element and the mean magnitude, whole or by blocks. S. P. Karimireddy et al., "Error Feedback
 * Fixes SignSGD and other Gradient Compression Schemes", arXiv 1901.09847.
 *
 * Parameters: block, 0 for whole. Sections: scales, one float32 a block; bits, 32 signs a word, 1 for negative.
 */
import { requireInteger, requireOptions } from '../arguments.ts';
import { PacketError } from '../errors.ts';
import { INFINITE } from '../kernels/float-bits.ts';
import { ceilDiv } from '../kernels/kernel.ts';
import { packedWords } from '../kernels/pack.ts';
import { signsAndSums } from '../kernels/reduce.ts';
import { wordsOf } from '../kernels/scope.ts';
import { cutSections, requireParameters, requireZeroTail, type Packet } from '../packet/packet.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { MOST } from './count.ts';
import { NOTHING, signs as signsOf } from './decoded.ts';

const ID = 2;

/**
 * Sends the sign of each element and the mean magnitude: x_i decodes to +-mean |x|, the mean of the whole vector, or of
 * each `block` elements. sign(x) is -1 where x < 0, else +1, for -0 too. n bits, 4 bytes a block and 28 bytes.
 * Source: arXiv 1901.09847.
 *
 * @param options `block`, elements a block; one block of all n if left out
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless block >= 1
 * @example
 * const packet = await device.compress(scaledSign({ block: 4096 }), gradient);
 */
export function scaledSign(options: { readonly block?: number } = {}): Compressor {
  requireOptions('scaledSign', options, ['block']);
  const { block } = options;
  if (block !== undefined) requireInteger('block', block, 1, MOST);
  const parameters = (): PacketParameters => ({ block: block ?? 'whole' });
  return defineCompressor('scaledSign', options, parameters, function* (scope, x) {
    const { n } = x;
    if (n === 0) return { id: ID, n, parameters: [block ?? 0], sections: [] };
    const segment = Math.min(block ?? n, n);
    // 1. signs, and the sums of magnitudes
    const bits = scope.take(packedWords(n, 1));
    const pending = signsAndSums(scope, x, segment, bits);
    const [signs, sumWords, max] = yield scope.read(bits, pending.sums, pending.max);
    const { sums } = yield* pending.finish(sumWords, max);
    // 2. scales: the means, divided in float64 and rounded once
    const scales = new Float32Array(sums.length);
    for (let s = 0; s < scales.length; s++) scales[s] = sums[s] / Math.min(segment, n - s * segment);
    return { id: ID, n, parameters: [block ?? 0], sections: [wordsOf(scales), signs] };
  });
}

/** The length of a block in elements: the whole vector for 0. */
function segmentOf(packet: Packet): number {
  const [block] = requireParameters(packet, 1);
  return block === 0 ? Math.max(1, packet.n) : block;
}

function sectionsOf(packet: Packet): { name: 'scales' | 'bits'; words: number }[] {
  return [
    { name: 'scales', words: ceilDiv(packet.n, segmentOf(packet)) },
    { name: 'bits', words: packedWords(packet.n, 1) },
  ];
}

export const scaledSignCodec: Codec = {
  id: ID,
  name: 'scaledSign',
  describe(packet) {
    const sections = sectionsOf(packet);
    cutSections(packet, sections);
    return { parameters: { block: packet.parameters[0] === 0 ? 'whole' : packet.parameters[0] }, sections };
  },
  decode(scope, packet) {
    const { n } = packet;
    const { scales, bits } = cutSections(packet, sectionsOf(packet));
    const bad = scales.findIndex((scale) => scale >= INFINITE);
    if (bad >= 0)
      throw new PacketError(`scale ${bad} is negative, NaN or infinite`, packet.bodyOffset + bad * 4);
    requireZeroTail(bits, n, packet.bodyOffset + scales.length * 4);
    return n === 0 ? NOTHING : signsOf(scope, n, { bits, scales, segment: segmentOf(packet) });
  },
};
