/**
 * QSGD: stochastic levels, unbiased. D. Alistarh et al., "QSGD: Communication-Efficient SGD via Gradient Quantization
 * and Encoding", arXiv 1610.02132; here with rANS (symbols.ts) in the place of Elias codes.
 *
 * Parameters: levels; norm of x 2^e, as the bits of float32; e, as int32; of coded symbols the words of their section.
 * Section: codes, level plus `levels`, ceil(log2(2 levels + 1)) bits an element, or less where they are coded.
 */
import { requireInteger, requireOptions } from '../arguments.ts';
import { PacketError } from '../errors.ts';
import { bitsOf, floatOf, INFINITE, LARGEST } from '../kernels/float-bits.ts';
import { packedWords } from '../kernels/pack.ts';
import { GRID, quantizeKernel, ROUNDINGS } from '../kernels/quantize.ts';
import { nonFiniteError, squareSumKernel } from '../kernels/reduce.ts';
import { levelGridKernel } from '../kernels/scalars.ts';
import { isExponent, scaled, tinyFor } from '../kernels/scaling.ts';
import { floatsOf } from '../kernels/scope.ts';
import { countAbove } from '../packet/codes.ts';
import { cutSections, type Packet } from '../packet/packet.ts';
import { atScale } from './at-scale.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { MOST } from './count.ts';
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

const ID = 9;
/** Parameters of a packet, without that of coded symbols. */
const PARAMETERS = 3;

/** The most levels whose codes fit 16 bits. */
const MOST_LEVELS = 2 ** 15 - 1;

/** Levels times 2^fraction fill as many bits: so fine is the chance of the upper level. */
const RESOLUTION = 22;

export interface QsgdOptions {
  /** Levels above 0, 1 to 32767. */
  readonly levels: number;
  /** Of the draws, 0 to 2^32 - 1. */
  readonly seed: number;
  /** 'packed' sends symbols as they are; 'entropy', the default, by their entropy where that is smaller. */
  readonly coding?: SymbolCoding;
}

/**
 * Sends each element as one of `levels` + 1 magnitudes, evenly spaced from 0 to |x|_2, with its sign: of the two levels
 * around |x_i| the upper with the chance that makes E[decoded] = x_i, exact to within 2^-21 |x|_2 (where no level
 * passes float32). The expected squared
 * error is at most min(n / levels^2, sqrt(n) / levels) |x|_2^2. At most ceil(log2(2 levels + 1)) bits an element and 32
 * bytes: up to 2047 levels, codes are sent by their entropy where that is less.
 * Draws are keyed by (seed, step, stream), the last two from `compress`. Source: arXiv 1610.02132.
 *
 * @param options `levels` above 0, an integer; `seed`, an integer in 0..2^32 - 1; `coding`
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless levels is an integer in 1..32767 and seed in 0..2^32 - 1
 * @example
 * const packet = await device.compress(qsgd({ levels: 7, seed: 1 }), gradient, { step });
 */
export function qsgd(options: QsgdOptions): Compressor {
  requireOptions('qsgd', options, ['levels', 'seed', 'coding']);
  const levels = requireInteger('levels', options?.levels, 1, MOST_LEVELS);
  const seed = requireInteger('seed', options.seed, 0, MOST);
  const coding = codingOf(options.coding);
  const width = widthOf(levels);
  const fraction = RESOLUTION - Math.ceil(Math.log2(levels));
  const parameters = (): PacketParameters => ({ levels, ...codingParameter(coding) });
  return defineCompressor('qsgd', options, parameters, function* (scope, x, draw) {
    const { n } = x;
    if (n === 0) return { id: ID, n, parameters: [levels, 0, 0], sections: [] };
    const [sums, max, grid] = [scope.take(1), scope.take(1), scope.take(GRID)];
    const packed = scope.take(packedWords(n, width));
    const symbols = symbolsToSend(scope, n, width, coding);
    const { codes, norm, e } = yield* atScale(function* (exponent) {
      const power = 2 ** exponent;
      // 1. the norm: the root of the sum of squares, or the largest magnitude where rounding made the root less
      scope.run(
        squareSumKernel,
        { x: x.buffer, sums, max },
        { n, segment: n, tiny: tinyFor(-51, exponent), scale: power },
      );
      // 2. each element to one of the levels around it, by chance
      scope.run(levelGridKernel, { sums, max, grid }, { levels, fraction, power });
      scope.run(
        quantizeKernel,
        { x: x.buffer, grid, packed },
        { n, width, rounding: ROUNDINGS.nearest, power, fraction, seed, ...draw },
      );
      const [sum, [largest], ...codes] = yield scope.read(sums, max, ...symbols.queue(packed));
      if (largest >= INFINITE) throw yield* nonFiniteError(scope, x);
      const root = Math.fround(Math.sqrt(floatsOf(sum)[0]));
      return { codes, deciding: largest, norm: Math.max(root, scaled(largest, power)), e: exponent };
    });
    const { section, more } = symbols.sectionOf(codes);
    return { id: ID, n, parameters: [levels, bitsOf(norm), e >>> 0, ...more], sections: [section] };
  });
}

/** Bits of a code: enough for -levels..levels. */
function widthOf(levels: number): number {
  return 32 - Math.clz32(2 * levels);
}

function parametersOf(packet: Packet): { levels: number; norm: number } {
  const [levels, normBits, e] = requireSymbolParameters(packet, PARAMETERS);
  if (levels < 1 || levels > MOST_LEVELS)
    throw new PacketError(`${levels} levels, expected 1..${MOST_LEVELS}`, 16);
  if (normBits >= INFINITE) throw new PacketError('the norm is negative, NaN or infinite', 20);
  if (!isExponent(e | 0)) throw new PacketError(`an exponent of ${e | 0}`, 24);
  return { levels, norm: floatOf(normBits) * 2 ** -(e | 0) };
}

export const qsgdCodec: Codec = {
  id: ID,
  name: 'qsgd',
  describe(packet) {
    const parameters = { ...parametersOf(packet), coding: codingIn(packet, PARAMETERS) };
    const sections = [{ name: 'codes', words: symbolWords(packet, PARAMETERS, widthOf(parameters.levels)) }];
    cutSections(packet, sections);
    return { parameters, sections };
  },
  decode(scope, packet) {
    const { n, body, bodyOffset } = packet;
    const { levels, norm } = parametersOf(packet);
    const width = widthOf(levels);
    const codes = readSymbols(scope, packet, PARAMETERS, body, width, bodyOffset);
    const above = countAbove(codes, n, width, 2 * levels);
    if (above > 0) throw new PacketError(`${above} codes are above ${2 * levels}`, bodyOffset);
    if (n === 0) return NOTHING;
    // a level beyond float32 decodes to the largest number; zeros are +0
    const levelOf = (code: number): number => {
      const level = (norm * (code - levels)) / levels;
      return Math.fround(Math.min(Math.max(level, -LARGEST), LARGEST)) + 0;
    };
    return decodeLevels(scope, codes, n, width, levelOf);
  },
};
