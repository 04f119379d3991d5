/**
 * Flattened one-bit compression, the C of FO-SGD: random signs and a Walsh-Hadamard transform spread every element over
 * all, so that one bit an element has bounded variance whatever the data's shape. arXiv 2405.11095; the scale `drive`
 * from S. Vargaftik et al., "DRIVE: One-bit Distributed Mean Estimation", arXiv 2105.08339.
 *
 * Parameters: d, the order of the transform; seed, step, stream, which draw the signs D; the scale's number. Sections:
 * scales, one float32 a block, what each sign is times in units of x; bits, 32 signs a word, 1 for negative, of all
 * blocks with their padding.
 */
import { requireInteger, requireOneOf, requireOptions } from '../arguments.ts';
import type { DeviceBuffer } from '../backends/backend.ts';
import { PacketError } from '../errors.ts';
import { INFINITE } from '../kernels/float-bits.ts';
import { flattenSignsKernel, unflattenSignsKernel, WAYS, type Way } from '../kernels/flatten.ts';
import { transformLength } from '../kernels/fwht.ts';
import { ceilDiv } from '../kernels/kernel.ts';
import { packedWords } from '../kernels/pack.ts';
import { nonFiniteError } from '../kernels/reduce.ts';
import { floatsOf, wordsOf } from '../kernels/scope.ts';
import { cutSections, requireParameters, requireZeroTail, type Packet } from '../packet/packet.ts';
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
import { flatness, requireFactor, requireLambda, type Lambda } from './lambda.ts';

const ID = 11;

/** Ways to the scale, by their number in packets. */
const SCALES = ['dither', 'mean', 'drive'] as const;

export interface FlattenedOptions {
  /** Draws D and the dither, with `step` and `stream` of `compress`. */
  readonly seed: number;
  /** Elements of a block, a power of two, each with its own scale; 4096 if left out. `'whole'`: one block. */
  readonly block?: number | 'whole';
  /**
   * `'dither'`, the default: signs of z + u, unbiased where |z| <= lambda. `'mean'`: signs of z, times the mean |z|.
   * `'drive'`: signs of z, times |z|_2^2 / |z|_1, so that <decoded, x> = |x|_2^2; over D it is unbiased for dense
   * blocks, not for those of a few elements.
   */
  readonly scale?: (typeof SCALES)[number];
  /** How wide the dither is: `'norm'`, the default, is c |x|_2 sqrt(2 ln(2d) / d); `'max'` is max |z|; or a number. */
  readonly lambda?: Lambda;
  /** The c of `'norm'`, 0.3 if left out: c = 1 is unbiased with high probability, less clips more and varies less. */
  readonly c?: number;
}

/** The names of these, for systems that take them. */
export const FLATTENED_OPTIONS: readonly (keyof FlattenedOptions)[] = [
  'seed',
  'lambda',
  'c',
  'block',
  'scale',
];

/**
 * Sends one bit an element of z = H D x / sqrt(d), by blocks of d elements, the last padded with zeros: D are random
 * signs, H the Walsh-Hadamard matrix. q = sign(z + u), u uniform in [-lambda, lambda], decodes to D H (lambda q) /
 * sqrt(d): unbiased where |z| <= lambda, with a variance of lambda^2 - z^2 an element. A vector shorter than a block is
 * one block of the next power of two. The padded length in bits, 4 bytes a block and 40 bytes. Source: arXiv
 * 2405.11095.
 *
 * Elements that are tiny beside the largest count as zero, so a block of them alone decodes to zeros: for 'norm' and
 * 'drive' those below 2^-51, for 'max' and 'mean' those below 2^-102, both times 2^floor(log2 max |x|) where max |x| is
 * outside 2^-27..2^40. For a number as lambda there are no such blocks. Scales that would be below 2^-126 are 0.
 *
 * @param options `seed`, an integer in 0..2^32 - 1; `lambda`, the dither's half width in units of z, or how it is
 *   found; `c`, its factor; `block`, elements a block; `scale`, what a bit decodes to
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless seed is in 0..2^32 - 1, block 'whole' or a power of two up to 2^26, lambda and c as said;
 * compress throws it where a whole vector is longer than 2^26
 * @example
 * const packet = await device.compress(flattenedOneBit({ seed: 7, lambda: 'max' }), gradient, { step, stream: rank });
 */
export function flattenedOneBit(options: FlattenedOptions): Compressor {
  requireOptions('flattenedOneBit', options, FLATTENED_OPTIONS);
  const seed = requireInteger('seed', options?.seed, 0, MOST);
  const { block: length = 4096, scale: way = 'dither', lambda: width } = options;
  const block = requireBlock(length);
  const scale = requireOneOf('scale', way, SCALES);
  if (scale !== 'dither' && (width !== undefined || options.c !== undefined))
    throw new RangeError(`"lambda" and "c" belong to scale 'dither', got scale '${scale}'`);
  const lambda = requireLambda(width === undefined ? 'norm' : width, ['norm', 'max']);
  const c = requireFactor(options.c, lambda);
  const parameters = (n: number): PacketParameters => ({
    block: n === 0 ? 1 : orderFor(block, n),
    seed,
    scale,
  });
  return defineCompressor('flattenedOneBit', options, parameters, function* (scope, x, draw) {
    const { n } = x;
    const key = { seed, ...draw };
    const head = (d: number): number[] => [d, seed, draw.step, draw.stream, SCALES.indexOf(scale)];
    if (n === 0) return { id: ID, n, parameters: head(1), sections: [] };
    const d = orderFor(block, n);
    const total = transformLength(n, d);
    const blocks = total / d;
    const way = scale === 'dither' ? (typeof lambda === 'number' ? 'given' : lambda) : scale;
    const bits = scope.take(packedWords(total, 1));
    const squares = scope.take(way === 'drive' ? blocks : 1);
    const max = scope.take(1);
    const { words, scales } = yield* atScale(function* (exponent) {
      const power = 2 ** exponent;
      const widths = way === 'given' ? scope.put(widthOf(Number(lambda), d, power)) : scope.take(blocks);
      // 1. flatten, z sqrt(d) = H D x; one bit an element, and what it stands for in each block
      scope.run(
        flattenSignsKernel,
        { x: x.buffer, bits, widths, squares, max },
        {
          ...{ n, total, block: d, ...key, scale: power, way: WAYS[way] },
          factor: way === 'norm' ? Math.fround(c * flatness(d)) : 1,
        },
      );
      const left = way === 'given' ? [] : way === 'drive' ? [widths, squares] : [widths];
      const [words, [largest], ...found] = yield scope.read(bits, max, ...left);
      if (largest >= INFINITE) throw yield* nonFiniteError(scope, x);
      // 2. scales, in float64 and rounded once
      const [first, second] = found.map(floatsOf);
      const scales =
        way === 'given'
          ? new Float32Array(blocks).fill(Number(lambda) / Math.sqrt(d))
          : SCALES_OF[way](first, second, d, power);
      return { words, scales: scales.map(normal), deciding: largest };
    });
    return { id: ID, n, parameters: head(d), sections: [wordsOf(scales), words] };
  });
}

/**
 * The one width of a dither that is given, lambda sqrt(d) in units of z: more than 2^100 outweighs any z as 2^100 does.
 */
function widthOf(lambda: number, d: number, power: number): Float32Array {
  return new Float32Array([Math.min(lambda * Math.sqrt(d) * power, 2 ** 100)]);
}

/** lambda / sqrt(d), which sign(z + u) stands for, from lambda sqrt(d) times `power`. */
const ofWidths: ScalesOf = (widths, _, d, power) =>
  widths.map((width) => (width < 2 ** -102 ? 0 : width / d / power));

/** The scales of blocks from what flattenSigns leaves in widths and squares; d elements a block, x times `power`. */
type ScalesOf = (widths: Float32Array, squares: Float32Array, d: number, power: number) => Float32Array;

const SCALES_OF: Readonly<Record<Exclude<Way, 'given'>, ScalesOf>> = {
  norm: ofWidths,
  max: ofWidths,
  // |z|_1 / d / sqrt(d)
  mean: (sums, _, d, power) => sums.map((sum) => sum / d / d / power),
  // |z|_2^2 / |z|_1 / sqrt(d), where |z|_2 = |x|_2
  drive: (sums, squares, _, power) => sums.map((sum, s) => (sum === 0 ? 0 : squares[s] / sum / power)),
};

interface Parameters {
  readonly d: number;
  readonly key: Draw & { readonly seed: number };
  readonly scale: (typeof SCALES)[number];
}

function parametersOf(packet: Packet): Parameters {
  const [d, seed, step, stream, scale] = requireParameters(packet, 5);
  requireOrder(packet, d);
  if (scale >= SCALES.length) throw new PacketError(`unknown scale ${scale}`, 32);
  return { d, key: { seed, step, stream }, scale: SCALES[scale] };
}

function sectionsOf({ n }: Packet, d: number): { name: 'scales' | 'bits'; words: number }[] {
  return [
    { name: 'scales', words: ceilDiv(n, d) },
    { name: 'bits', words: packedWords(transformLength(n, d), 1) },
  ];
}

export const flattenedOneBitCodec: Codec = {
  id: ID,
  name: 'flattenedOneBit',
  describe(packet) {
    const { d, key, scale } = parametersOf(packet);
    const sections = sectionsOf(packet, d);
    cutSections(packet, sections);
    return { parameters: { block: d, ...key, scale }, sections };
  },
  decode(scope, packet) {
    const { n, bodyOffset } = packet;
    const { d, key } = parametersOf(packet);
    const { scales, bits } = cutSections(packet, sectionsOf(packet, d));
    requireScales(scales, bodyOffset);
    const total = transformLength(n, d);
    requireZeroTail(bits, total, bodyOffset + scales.length * 4);
    if (n === 0) return NOTHING;
    // y = D H s by blocks, times their scales, s the signs
    const decode = (y: DeviceBuffer, add: 0 | 1, factor: number): void =>
      scope.run(
        unflattenSignsKernel,
        { bits: scope.put(bits), scales: scope.put(scales), y },
        { n, total, block: d, ...key, add, factor },
      );
    return { write: (y) => decode(y, 0, 1), add: (y, scale) => decode(y, 1, scale) };
  },
};
