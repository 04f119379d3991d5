/**
 * Flattened levels, 2 to 4 bits an element: random signs and a Walsh-Hadamard transform make any vector look normal, so
 * that the levels which are best for a normal distribution are best for it. S. Vargaftik et al., "EDEN:
 * Communication-Efficient and Robust Distributed Mean Estimation for Federated Learning", arXiv 2108.08842, over the
 * flattening by blocks of FO-SGD (arXiv 2405.11095).
 *
 * Parameters: d, the order of the transform; seed, step, stream, which draw the signs D; bits of a code; the scale's
 * number; the coding of the codes, and of coded ones the words of their section (symbols.ts). Sections: scales, one
 * float32 a block; codes of all blocks with their padding.
 */
import { requireInteger, requireOneOf, requireOptions, shown } from '../arguments.ts';
import type { DeviceBuffer } from '../backends/backend.ts';
import { PacketError } from '../errors.ts';
import { INFINITE } from '../kernels/float-bits.ts';
import { transformLength } from '../kernels/fwht.ts';
import { ceilDiv } from '../kernels/kernel.ts';
import { flattenLevelsKernel, levelsOf, tableOf, unflattenLevelsKernel } from '../kernels/centroids.ts';
import { packedWords } from '../kernels/pack.ts';
import { nonFiniteError } from '../kernels/reduce.ts';
import { floatsOf, wordsOf } from '../kernels/scope.ts';
import { cutSections, type Packet } from '../packet/packet.ts';
import { atScale } from './at-scale.ts';
import {
  defineCompressor,
  type Codec,
  type Compressor,
  type Draw,
  type PacketParameters,
} from './compressor.ts';
import { MOST } from './count.ts';
import { NOTHING } from './decoded.ts';
import { normal, orderFor, requireBlock, requireOrder, requireScales } from './flattening.ts';
import {
  codingOf,
  codingParameter,
  readSymbols,
  requireSymbolParameters,
  symbolsToSend,
  symbolWords,
  type SymbolCoding,
  type Symbols,
} from './symbols.ts';

const ID = 14;
/** Parameters of a packet, without that of coded symbols. */
const PARAMETERS = 7;

/** Ways to the scale, by their number in packets. */
const SCALES = ['unbiased', 'least'] as const;

/** How codes are written, by its number in packets. */
const CODINGS = ['packed', 'entropy'] as const;

/** Bits of a code that packets may have. */
const LEAST_BITS = 2;
const MOST_BITS = 4;

type Scale = (typeof SCALES)[number];

export interface LevelsOptions {
  /** Draws D, with `step` and `stream` of `compress`. */
  readonly seed: number;
  /** Bits of an element: 2, the default, 3 or 4; one of them is its sign. */
  readonly bits?: 2 | 3 | 4;
  /** Elements of a block, a power of two, each with its own scale; 4096 if left out. `'whole'`: one block. */
  readonly block?: number | 'whole';
  /**
   * `'unbiased'`, the default: <decoded, x> = |x|_2^2; over D it is unbiased for dense blocks, not for those of a few
   * elements. `'least'`: the scale of the least squared error.
   */
  readonly scale?: Scale;
  /** 'packed' sends codes as they are; 'entropy', the default, by their entropy where that is smaller. */
  readonly coding?: SymbolCoding;
}

/**
 * Sends each element of z = H D x, by blocks of d elements, the last padded with zeros, as its sign and one of
 * 2^(bits - 1) levels: D are random signs, H the Walsh-Hadamard matrix. z is close to normal, with the standard
 * deviation |x|_2, and the levels are those of the least squared error for it (Lloyd and Max's); q, the levels with
 * their signs, decodes to s D H q, s the scale of the block. The squared error, beside |x|_2^2, is the same for any
 * data: .133, .0357 and .0096 at 2, 3 and 4 bits, with scale 'least' .1175, .0345 and .0095; but up to twice that, or
 * none at all, where three to five elements make up most of a block, and less so up to a hundred of them. A vector
 * shorter than a block is one block of the next power of two.
 * At most `bits` times the padded length in bits, 4 bytes a block and 48 bytes: codes are sent by their entropy where
 * that is less, of 1.91, 2.83 and 3.77 bits each. Source: arXiv 2108.08842; the coding arXiv 0902.0271.
 *
 * Elements below 2^-51 count as zero in the sum of squares that the scale of their block is made of, those below 2^-102
 * everywhere; both times 2^floor(log2 max |x|) where max |x| is outside 2^-27..2^40. Scales that would be below 2^-126
 * are 0.
 *
 * @param options `seed`, an integer in 0..2^32 - 1; `bits` an element, 2, 3 or 4; `block`, elements a block; `scale`,
 *   what levels are times; `coding`
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless seed is in 0..2^32 - 1, bits is 2, 3 or 4, block 'whole' or a power of two up to 2^26;
 * compress throws it where a whole vector is longer than 2^26
 * @example
 * const packet = await device.compress(flattenedLevels({ seed: 7, bits: 3 }), gradient, { step, stream: rank });
 */
export function flattenedLevels(options: LevelsOptions): Compressor {
  requireOptions('flattenedLevels', options, ['seed', 'bits', 'block', 'scale', 'coding']);
  requireInteger('seed', options?.seed, 0, MOST);
  const { bits = LEAST_BITS } = options;
  requireInteger('bits', bits, LEAST_BITS, MOST_BITS);
  return compressorOf(options, bits);
}

/** The compressor of codes of `bits` bits, 1 to 4: one bit, which no packet has, is the scale `drive` of one bit. */
export function compressorOf(options: LevelsOptions, bits: number): Compressor {
  const { block: length = 4096, scale: way = 'unbiased' } = options;
  const seed = requireInteger('seed', options.seed, 0, MOST);
  const block = requireBlock(length);
  const scale = requireOneOf('scale', way, SCALES);
  const coding = codingOf(options.coding);
  const parameters = (n: number): PacketParameters => ({
    ...{ block: n === 0 ? 1 : orderFor(block, n), seed },
    ...{ bits, scale, ...codingParameter(coding) },
  });
  return defineCompressor('flattenedLevels', options, parameters, function* (scope, x, draw) {
    const { n } = x;
    const key = { seed, ...draw };
    const head = (d: number, ...more: readonly number[]): number[] => [
      ...[d, seed, draw.step, draw.stream],
      ...[bits, SCALES.indexOf(scale), more.length, ...more],
    ];
    if (n === 0) return { id: ID, n, parameters: head(1), sections: [] };
    const d = orderFor(block, n);
    const total = transformLength(n, d);
    const blocks = total / d;
    const tallied = blocks * levelsOf(bits).length;
    const codes = scope.take(packedWords(total, bits));
    const [squares, max] = [scope.take(blocks), scope.take(1)];
    const [sums, counts] = [scope.take(tallied), scope.take(tallied)];
    const symbols = symbolsToSend(scope, total, bits, coding);
    const { sent, scales } = yield* atScale(function* (exponent) {
      const power = 2 ** exponent;
      // 1. flatten, z = H D x; 2. the level of each |z_i|, whose edges are times |x|_2; 3. what scales are made of
      scope.run(
        flattenLevelsKernel,
        { x: x.buffer, codes, squares, sums, counts, max },
        { n, total, block: d, bits, ...key, scale: power },
      );
      const wanted = [max, squares, sums, ...(scale === 'least' ? [counts] : [])];
      const read = yield scope.read(...wanted, ...symbols.queue(codes));
      const [[largest], ...found] = read.slice(0, wanted.length);
      if (largest >= INFINITE) throw yield* nonFiniteError(scope, x);
      // 4. scales, in float64 and rounded once
      const [own, byLevel] = [floatsOf(found[0]), floatsOf(found[1])];
      const scales = own.map((sum, s) => {
        const dot = weighted(byLevel, s, levelsOf(bits));
        if (dot === 0) return 0;
        if (scale === 'unbiased') return normal(sum / dot / power);
        const squaresOfLevels = levelsOf(bits).map((level) => level * level);
        return normal(dot / (d * weighted(found[2], s, squaresOfLevels)) / power);
      });
      return { sent: read.slice(wanted.length), scales, deciding: largest };
    });
    const { section, more } = symbols.sectionOf(sent);
    return { id: ID, n, parameters: head(d, ...more), sections: [wordsOf(scales), section] };
  });
}

/** The sum of what block s has of each level times the level's weight, in ascending order. */
function weighted(values: Float32Array | Uint32Array, s: number, weights: readonly number[]): number {
  return weights.reduce((sum, weight, l) => sum + weight * values[s * weights.length + l], 0);
}

interface Parameters {
  readonly d: number;
  readonly key: Draw & { readonly seed: number };
  readonly bits: number;
  readonly scale: Scale;
  readonly coding: (typeof CODINGS)[number];
}

function parametersOf(packet: Packet): Parameters {
  const given = requireSymbolParameters(packet, PARAMETERS);
  const [d, seed, step, stream, bits, scale, coding] = given;
  requireOrder(packet, d);
  if (bits < LEAST_BITS || bits > MOST_BITS)
    throw new PacketError(`codes of ${shown(bits)} bits, expected ${LEAST_BITS}..${MOST_BITS}`, 32);
  if (scale >= SCALES.length) throw new PacketError(`unknown scale ${scale}`, 36);
  if (coding >= CODINGS.length) throw new PacketError(`unknown coding ${coding} of codes`, 40);
  if (coding !== given.length - PARAMETERS)
    throw new PacketError(`${CODINGS[coding]} codes with ${given.length} words of parameters`, 40);
  return { d, key: { seed, step, stream }, bits, scale: SCALES[scale], coding: CODINGS[coding] };
}

/** The symbols of a packet: with those of the padding. */
function padded({ n, parameters }: Packet, d: number): Symbols {
  return { n: transformLength(n, d), parameters };
}

function sectionsOf(packet: Packet, { d, bits }: Parameters): { name: 'scales' | 'codes'; words: number }[] {
  return [
    { name: 'scales', words: ceilDiv(packet.n, d) },
    { name: 'codes', words: symbolWords(padded(packet, d), PARAMETERS, bits) },
  ];
}

export const flattenedLevelsCodec: Codec = {
  id: ID,
  name: 'flattenedLevels',
  describe(packet) {
    const own = parametersOf(packet);
    const sections = sectionsOf(packet, own);
    cutSections(packet, sections);
    const { d, key, bits, scale, coding } = own;
    return { parameters: { block: d, ...key, bits, scale, coding }, sections };
  },
  decode(scope, packet) {
    const { n, bodyOffset } = packet;
    const own = parametersOf(packet);
    const { scales, codes: sent } = cutSections(packet, sectionsOf(packet, own));
    requireScales(scales, bodyOffset);
    const { d, key, bits } = own;
    const symbols = padded(packet, d);
    const codes = readSymbols(scope, symbols, PARAMETERS, sent, bits, bodyOffset + scales.length * 4);
    const total = symbols.n;
    if (n === 0) return NOTHING;
    // y = D H q by blocks, times their scales, q the levels with their signs
    const decode = (y: DeviceBuffer, add: 0 | 1, factor: number): void =>
      scope.run(
        unflattenLevelsKernel,
        { codes: scope.put(codes), table: scope.put(tableOf(bits)), scales: scope.put(scales), y },
        { n, total, block: d, bits, ...key, add, factor },
      );
    return { write: (y) => decode(y, 0, 1), add: (y, scale) => decode(y, 1, scale) };
  },
};
