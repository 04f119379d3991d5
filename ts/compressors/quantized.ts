/**
 * Uniform quantisation: 2^bits levels between the least and the greatest element, each element to the nearest. The QU
 * of arXiv 2408.13787, and the plainest of the quantisers.
 *
 * Parameters: bits; low and high, as the bits of float32; of coded symbols the words of their section (symbols.ts).
 * Section: codes, `bits` bits an element, or less where they are coded.
 */
import { requireInteger, requireOptions } from '../arguments.ts';
import { PacketError } from '../errors.ts';
import { bitsOf, floatOf, floatOfSignedKey, INFINITE } from '../kernels/float-bits.ts';
import { packedWords, WIDEST } from '../kernels/pack.ts';
import { GRID, quantizeKernel, ROUNDINGS } from '../kernels/quantize.ts';
import { findExtremes, nonFiniteError, rangeOf } from '../kernels/reduce.ts';
import { uniformGridKernel } from '../kernels/scalars.ts';
import { cutSections, type Packet } from '../packet/packet.ts';
import { atScale } from './at-scale.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { NOTHING } from './decoded.ts';
import { decodeLevels } from './levels.ts';
import {
  codingIn,
  codingOf,
  codingParameter,
  readSymbols,
  requireSymbolParameters,
  symbolsToSend,
  symbolWords,
  type SymbolCoding,
} from './symbols.ts';

const ID = 8;
/** Parameters of a packet, without that of coded symbols. */
const PARAMETERS = 3;

export interface QuantizedOptions {
  /** Bits of a code, 1 to 16. */
  readonly bits: number;
  /** 'packed' sends symbols as they are; 'entropy', the default, by their entropy where that is smaller. */
  readonly coding?: SymbolCoding;
}

/** The names of these, for systems that take them. */
export const QUANTIZED_OPTIONS: readonly (keyof QuantizedOptions)[] = ['bits', 'coding'];

/**
 * Sends each element as one of 2^bits levels, evenly spaced from min x to max x, the nearest, half to even:
 * x_i decodes to min + m_i (max - min) / (2^bits - 1), so within half a step of itself (and float32 rounding), min and
 * max to themselves. At most `bits` bits an element and 32 bytes: up to 12 bits, codes are sent by their entropy where
 * that is less, of 6.8 bits each for a normal vector at 8 bits. Biased, by rounding. Source: the baseline QU of arXiv
 * 2408.13787; the coding arXiv 0902.0271.
 *
 * @param options `bits` an element, an integer; `coding`
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless bits is an integer in 1..16
 * @example
 * const packet = await device.compress(quantized({ bits: 4 }), gradient);
 */
export function quantized(options: QuantizedOptions): Compressor {
  requireOptions('quantized', options, QUANTIZED_OPTIONS);
  const bits = requireInteger('bits', options?.bits, 1, WIDEST);
  const coding = codingOf(options.coding);
  const parameters = (): PacketParameters => ({ bits, ...codingParameter(coding) });
  return defineCompressor('quantized', options, parameters, function* (scope, x) {
    const { n } = x;
    if (n === 0) return { id: ID, n, parameters: [bits, 0, 0], sections: [] };
    // 1. the range of x
    const range = findExtremes(scope, x);
    const grid = scope.take(GRID);
    const packed = scope.take(packedWords(n, bits));
    const symbols = symbolsToSend(scope, n, bits, coding);
    // 2. each element to its nearest level
    const { codes, least, greatest } = yield* atScale(function* (exponent) {
      const power = 2 ** exponent;
      scope.run(uniformGridKernel, { range, grid }, { bits, power });
      scope.run(
        quantizeKernel,
        { x: x.buffer, grid, packed },
        { n, width: bits, rounding: ROUNDINGS.nearest, power, fraction: 0, seed: 0, step: 0, stream: 0 },
      );
      const [ends, ...codes] = yield scope.read(range, ...symbols.queue(packed));
      const { largest, ...keys } = rangeOf(ends);
      if (largest >= INFINITE) throw yield* nonFiniteError(scope, x);
      return { codes, deciding: largest, ...keys };
    });
    const ends = [least, greatest].map((key) => bitsOf(floatOfSignedKey(key)));
    const { section, more } = symbols.sectionOf(codes);
    return { id: ID, n, parameters: [bits, ...ends, ...more], sections: [section] };
  });
}

function parametersOf(packet: Packet): { bits: number; low: number; high: number } {
  const [bits, lowBits, highBits] = requireSymbolParameters(packet, PARAMETERS);
  if (bits < 1 || bits > WIDEST) throw new PacketError(`${bits} bits an element, expected 1..${WIDEST}`, 16);
  const [low, high] = [lowBits, highBits].map(floatOf);
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high)
    throw new PacketError(`levels from ${low} to ${high}`, 20);
  return { bits, low, high };
}

export const quantizedCodec: Codec = {
  id: ID,
  name: 'quantized',
  describe(packet) {
    const parameters = { ...parametersOf(packet), coding: codingIn(packet, PARAMETERS) };
    const sections = [{ name: 'codes', words: symbolWords(packet, PARAMETERS, parameters.bits) }];
    cutSections(packet, sections);
    return { parameters, sections };
  },
  decode(scope, packet) {
    const { n, body, bodyOffset } = packet;
    const { bits, low, high } = parametersOf(packet);
    const codes = readSymbols(scope, packet, PARAMETERS, body, bits, bodyOffset);
    if (n === 0) return NOTHING;
    // a product of 24 and 16 bits is exact in float64, so the ends decode to themselves; zeros are +0
    const most = 2 ** bits - 1;
    const levelOf = (m: number): number => Math.fround((low * (most - m) + high * m) / most) + 0;
    return decodeLevels(scope, codes, n, bits, levelOf);
  },
};
