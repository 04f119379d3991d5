/**
 * Flattened one-bit compression, the C of FO-SGD: random signs and a Walsh-Hadamard transform spread every element over
 * all, so that one bit an element has bounded variance whatever the data's shape. arXiv 2405.11095; the scale `drive` from
 * S. Vargaftik et al., "DRIVE: One-bit Distributed Mean Estimation", arXiv 2105.08339.
 *
 * Parameters: d, the order of the transform; seed, step, stream, which draw the signs D; the scale's number. Sections:
 * scales, one float32 a block, what each sign is times in units of x; bits, 32 signs a word, 1 for negative, of all blocks
 * with their padding.
 */
import { requireInteger, requireOneOf, requireOptions, shown } from '../arguments.ts';
import type { DeviceBuffer } from '../backends/backend.ts';
import { PacketError } from '../errors.ts';
import { packDitheredKernel, TINY } from '../kernels/dither.ts';
import { INFINITE, keyOfPower, LARGEST } from '../kernels/float-bits.ts';
import { ORDERS } from '../kernels/order.ts';
import { flattenKernel, fwhtKernel, LONGEST, transformLength, unflattenKernel } from '../kernels/fwht.ts';
import { ceilDiv } from '../kernels/kernel.ts';
import { packedWords, packSignsKernel, unpackSignsKernel } from '../kernels/pack.ts';
import { absSumKernel, extremesKernel, nonFiniteError, squareSumKernel } from '../kernels/reduce.ts';
import { lambdasKernel } from '../kernels/scalars.ts';
import { tinyFor } from '../kernels/scaling.ts';
import { floatsOf, wordsOf, type Scope, type Vector } from '../kernels/scope.ts';
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
import { flatness, requireFactor, requireLambda, type Lambda } from './lambda.ts';

const ID = 11;

const LEAST_NORMAL = keyOfPower(-126);

/** Ways to the scale, by their number in packets. */
const SCALES = ['dither', 'mean', 'drive'] as const;

export interface FlattenedOptions {
  /** Draws D and the dither, with `step` and `stream` of `compress`. */
  readonly seed: number;
  /** Elements of a block, a power of two, each with its own scale; 4096 if left out. `'whole'`: one block. */
  readonly block?: number | 'whole';
  /**
   * `'dither'`, the default: signs of z + u, unbiased where |z| <= lambda. `'mean'`: signs of z, times the mean |z|.
   * `'drive'`: signs of z, times |z|_2^2 / |z|_1, so that <decoded, x> = |x|_2^2; over D it is unbiased for dense blocks,
   * not for those of a few elements.
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
 * signs, H the Walsh-Hadamard matrix. q = sign(z + u), u uniform in [-lambda, lambda], decodes to D H (lambda q) / sqrt(d):
 * unbiased where |z| <= lambda, with a variance of lambda^2 - z^2 an element. A vector shorter than a block is one block of
 * the next power of two. The padded length in bits, 4 bytes a block and 40 bytes. Source: arXiv 2405.11095.
 *
 * Elements that are tiny beside the largest count as zero, so a block of them alone decodes to zeros: for 'norm' and 'drive'
 * those below 2^-51, for 'max' and 'mean' those below 2^-102, both times 2^floor(log2 max |x|) where max |x| is outside
 * 2^-27..2^40. For a number as lambda there are no such blocks. Scales that would be below 2^-126 are 0.
 *
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
  return defineCompressor('flattenedOneBit', options, parameters, async (scope, x, draw) => {
    const { n } = x;
    const key = { seed, ...draw };
    const head = (d: number): number[] => [d, seed, draw.step, draw.stream, SCALES.indexOf(scale)];
    if (n === 0) return { id: ID, n, parameters: head(1), sections: [] };
    const d = orderFor(block, n);
    const z = { buffer: scope.take(transformLength(n, d)), n: transformLength(n, d) };
    const range = scope.take(2);
    const { bits, scales } = await atScale(async (exponent) => {
      // 1. flatten: z sqrt(d) = H D x
      scope.run(
        flattenKernel,
        { x: x.buffer, y: z.buffer },
        { n, total: z.n, block: d, ...key, tiny: tinyFor(-102, exponent), scale: 2 ** exponent },
      );
      // 2. one bit an element, and what it stands for in each block
      const flat = { scope, x, z, d, key, exponent };
      const signs = scale === 'dither' ? dithered(flat, lambda, c) : undithered(flat, scale);
      scope.run(extremesKernel, { x: x.buffer, range }, { n, order: ORDERS.magnitude });
      const [words, [, largest], ...found] = await scope.read(signs.bits, range, ...signs.found);
      if (largest >= INFINITE) throw await nonFiniteError(scope, x);
      return { bits: words, scales: signs.scales(...found.map(floatsOf)).map(normal), deciding: largest };
    });
    return { id: ID, n, parameters: head(d), sections: [wordsOf(scales), bits] };
  });
}

/** @throws RangeError or TypeError unless `block` is 'whole' or a power of two up to LONGEST */
function requireBlock(block: unknown): number | 'whole' {
  if (block === 'whole') return block;
  if (typeof block === 'string' || (requireInteger('block', block, 1, LONGEST) & (Number(block) - 1)) !== 0)
    throw new RangeError(`"block" expected 'whole' or a power of two, got ${shown(block)}`);
  return Number(block);
}

/** d for a vector of n elements: the block, or where that is longer than the vector needs, the next power of two. */
function orderFor(block: number | 'whole', n: number): number {
  if (block === 'whole') requireInteger('x.length', n, 1, LONGEST);
  const whole = transformLength(n, 'whole');
  return block === 'whole' ? whole : Math.min(block, whole);
}

/** A vector and its flattened blocks, z sqrt(d), both times 2^exponent where they were reduced. */
interface Flat {
  readonly scope: Scope;
  readonly x: Vector;
  readonly z: Vector;
  readonly d: number;
  readonly key: Draw & { readonly seed: number };
  readonly exponent: number;
}

/** Queued signs, and the scales of the blocks from what was found on the device. */
interface Signs {
  readonly bits: DeviceBuffer;
  readonly found: readonly DeviceBuffer[];
  scales(...found: Float32Array[]): Float32Array;
}

/** sign(z + u), which stands for lambda / sqrt(d). */
function dithered(flat: Flat, lambda: Lambda, c: number): Signs {
  const { scope, z, d, key, exponent } = flat;
  const bits = scope.take(packedWords(z.n, 1));
  const lambdas = lambdasOf(flat, lambda, c);
  scope.run(packDitheredKernel, { z: z.buffer, lambdas, bits }, { n: z.n, segment: d, ...key });
  const scale = (width: number): number => (width < 2 ** -102 ? 0 : width / d / 2 ** exponent);
  return {
    bits,
    found: [lambdas],
    scales: (widths) => (typeof lambda === 'number' ? widths.fill(lambda / Math.sqrt(d)) : widths.map(scale)),
  };
}

/** lambda sqrt(d) of each block, times 2^exponent, on the device. */
function lambdasOf({ scope, x, z, d, exponent }: Flat, lambda: Lambda, c: number): DeviceBuffer {
  const blocks = z.n / d;
  const power = 2 ** exponent;
  if (typeof lambda === 'number') {
    // more than 2^100 outweighs any z as much as 2^100 does
    const width = Math.min(lambda * Math.sqrt(d) * power, 2 ** 100);
    return scope.put(new Float32Array(blocks).fill(width));
  }
  if (lambda === 'max') return magnitudesOf(scope, z, d).max;
  const { sums } = squaresOf(scope, x, d, exponent);
  const lambdas = scope.take(blocks);
  scope.run(lambdasKernel, { sums, lambdas }, { count: blocks, factor: Math.fround(c * flatness(d)) });
  return lambdas;
}

/** sign(z), which stands for |z|_1 / d / sqrt(d), or |z|_2^2 / |z|_1 / sqrt(d), where |z|_2 = |x|_2. */
function undithered({ scope, x, z, d, exponent }: Flat, scale: 'mean' | 'drive'): Signs {
  const bits = scope.take(packedWords(z.n, 1));
  scope.run(packSignsKernel, { x: z.buffer, bits }, { n: z.n });
  const { sums } = magnitudesOf(scope, z, d);
  const power = 2 ** exponent;
  if (scale === 'mean')
    return { bits, found: [sums], scales: (first) => first.map((sum) => sum / d / d / power) };
  return {
    bits,
    found: [sums, squaresOf(scope, x, d, exponent).sums],
    scales: (first, squares) => first.map((sum, s) => (sum === 0 ? 0 : squares[s] / sum / power)),
  };
}

/** Queues the sums of magnitudes, and the largest, of the blocks of z. */
function magnitudesOf(scope: Scope, z: Vector, d: number): { sums: DeviceBuffer; max: DeviceBuffer } {
  return reduced(scope, absSumKernel, z, d, { tiny: TINY, scale: 1 });
}

/** Queues the sums of squares of the blocks of x times 2^exponent. */
function squaresOf(scope: Scope, x: Vector, d: number, exponent: number): { sums: DeviceBuffer } {
  return reduced(scope, squareSumKernel, x, d, { tiny: tinyFor(-51, exponent), scale: 2 ** exponent });
}

function reduced(
  scope: Scope,
  kernel: typeof absSumKernel,
  { buffer, n }: Vector,
  segment: number,
  range: { tiny: number; scale: number },
): { sums: DeviceBuffer; max: DeviceBuffer } {
  const blocks = ceilDiv(n, segment);
  const [sums, max] = [scope.take(blocks), scope.take(blocks)];
  scope.run(kernel, { x: buffer, sums, max }, { n, segment, ...range });
  return { sums, max };
}

/** A scale as decoders take it: +0 where it would be subnormal, finite where a large lambda would make it infinite. */
function normal(scale: number): number {
  return scale < 2 ** -126 ? 0 : Math.min(scale, LARGEST);
}

interface Parameters {
  readonly d: number;
  readonly key: Draw & { readonly seed: number };
  readonly scale: (typeof SCALES)[number];
}

function parametersOf(packet: Packet): Parameters {
  const [d, seed, step, stream, scale] = requireParameters(packet, 5);
  if (d < 1 || d > LONGEST || (d & (d - 1)) !== 0 || d > transformLength(packet.n, 'whole'))
    throw new PacketError(`a transform of order ${d} for ${packet.n} elements`, 16);
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
    const bad = scales.findIndex((scale) => scale >= INFINITE || (scale > 0 && scale < LEAST_NORMAL));
    if (bad >= 0)
      throw new PacketError(`scale ${bad} is negative, subnormal, NaN or infinite`, bodyOffset + bad * 4);
    const total = transformLength(n, d);
    requireZeroTail(bits, total, bodyOffset + scales.length * 4);
    const y = scope.take(n);
    if (n === 0) return { buffer: y, n };
    // whole numbers up to d, so the sums are exact up to d = 2^24; then D and the scales
    const [ones, t] = [scope.take(total), scope.take(total)];
    const one = scope.put(new Float32Array([1]));
    scope.run(
      unpackSignsKernel,
      { bits: scope.put(bits), scales: one, y: ones },
      { n: total, segment: total },
    );
    scope.run(fwhtKernel, { x: ones, y: t }, { n: total, total, block: d });
    scope.run(unflattenKernel, { t, scales: scope.put(scales), y }, { n, segment: d, ...key });
    return { buffer: y, n };
  },
};
