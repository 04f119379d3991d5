/**
 * Packing: signs at one bit an element, codes at 1 to 16 bits an element, and back, signs also as terms of a sum.
 *
 * Bits fill words from the lowest bit on, and words follow each other without a gap: code i takes bits i * b to
 * i * b + b - 1 of the whole. So 32 codes of b bits fill exactly b words. The last word is filled up with zeros.
 *
 * Here: what all backends give, and the public functions. How: ts/backends/js/pack.ts, assembly/pack.ts and
 * wgsl/pack.wgsl.
 */
import { requireInteger, requireNumber, requireUint32Array } from '../arguments.ts';
import { lengthOf, requireVectorLike, type VectorLike } from './device-vector.ts';
import { bitsOf } from './float-bits.ts';
import { ceilDiv, type Kernel } from './kernel.ts';
import { floatsOf, type Host } from './scope.ts';

/** Bit i of `bits` = 1 where x_i < 0, so 0 for -0. n >= 1; bits has ceil(n / 32) words. */
export const packSignsKernel: Kernel<'x' | 'bits', 'n'> = {
  name: 'packSigns',
  buffers: ['x', 'bits'],
  params: ['n'],
};

/**
 * y_i = scales[floor(i / segment)], with its sign flipped where bit i is 1. Moves words, so scale 0 gives -0.
 * n >= 1; scales has ceil(n / segment) words. A segment of 0: the signs alone, 1 or -1; scales is not read, any buffer
 * of a word or more.
 */
export const unpackSignsKernel: Kernel<'bits' | 'scales' | 'y', 'n' | 'segment'> = {
  name: 'unpackSigns',
  buffers: ['bits', 'scales', 'y'],
  params: ['n', 'segment'],
};

/**
 * y_i = y_i + scales[floor(i / segment)], that with its sign flipped where bit i is 1, in place. Magnitudes below
 * 2^-102 count as +0, and a sum of zero is +0 (accumulate.ts). n >= 1; scales has ceil(n / segment) words.
 */
export const addSignsKernel: Kernel<'bits' | 'scales' | 'y', 'n' | 'segment'> = {
  name: 'addSigns',
  buffers: ['bits', 'scales', 'y'],
  params: ['n', 'segment'],
};

/**
 * Packs the low `width` bits of each word of `codes`, 1 <= width <= 16. n >= 1; packed has ceil(n * width / 32) words.
 */
export const packBitsKernel: Kernel<'codes' | 'packed', 'n' | 'width'> = {
  name: 'packBits',
  buffers: ['codes', 'packed'],
  params: ['n', 'width'],
};

/** The reverse of packBits: codes_i = bits i * width to i * width + width - 1. n >= 1. */
export const unpackBitsKernel: Kernel<'packed' | 'codes', 'n' | 'width'> = {
  name: 'unpackBits',
  buffers: ['packed', 'codes'],
  params: ['n', 'width'],
};

/** Words that n codes of `width` bits fill. */
export function packedWords(n: number, width: number): number {
  return ceilDiv(n * width, 32);
}

/** The widest code. */
export const WIDEST = 16;

/**
 * The signs of x, 32 a word, lowest bit first: 1 where x_i < 0, 0 elsewhere, for -0 too.
 *
 * @example
 * await device.kernels.packSigns(new Float32Array([1, -2, -3])); // Uint32Array [6]
 */
export async function packSigns(host: Host, x: VectorLike): Promise<Uint32Array> {
  const n = lengthOf(requireVectorLike('x', x));
  if (n === 0) return new Uint32Array(0);
  return host.use(function* (scope) {
    const bits = scope.take(packedWords(n, 1));
    scope.run(packSignsKernel, { x: scope.vector(x).buffer, bits }, { n });
    return (yield scope.read(bits))[0];
  });
}

/**
 * n numbers from their packed signs: scale where the bit is 0, -scale where it is 1.
 *
 * @throws RangeError where `bits` is not ceil(n / 32) words long
 * @example
 * await device.kernels.unpackSigns(new Uint32Array([6]), 3, 0.5); // 0.5, -0.5, -0.5
 */
export async function unpackSigns(
  host: Host,
  bits: Uint32Array,
  n: number,
  scale: number,
): Promise<Float32Array> {
  requireUint32Array('bits', bits);
  requireInteger('n', n, 0, 2 ** 32 - 1);
  requireInteger('bits.length', bits.length, packedWords(n, 1), packedWords(n, 1));
  requireNumber('scale', scale, 'a finite number', () => true);
  if (n === 0) return new Float32Array(0);
  return host.use(function* (scope) {
    const y = scope.take(n);
    const scales = scope.put(new Uint32Array([bitsOf(scale)]));
    scope.run(unpackSignsKernel, { bits: scope.put(bits), scales, y }, { n, segment: n });
    return floatsOf((yield scope.read(y))[0]);
  });
}

/**
 * Packs codes of `width` bits, 1 to 16, without gaps, lowest bit first. Only the low `width` bits of a code are taken.
 *
 * @throws RangeError unless 1 <= width <= 16
 * @example
 * await device.kernels.packBits(new Uint32Array([1, 2, 3]), 4); // Uint32Array [0x321]
 */
export async function packBits(host: Host, codes: Uint32Array, width: number): Promise<Uint32Array> {
  requireUint32Array('codes', codes);
  requireInteger('width', width, 1, WIDEST);
  const n = codes.length;
  if (n === 0) return new Uint32Array(0);
  return host.use(function* (scope) {
    const packed = scope.take(packedWords(n, width));
    scope.run(packBitsKernel, { codes: scope.put(codes), packed }, { n, width });
    return (yield scope.read(packed))[0];
  });
}

/**
 * n codes of `width` bits from their packed words.
 *
 * @throws RangeError unless 1 <= width <= 16 and `packed` is ceil(n * width / 32) words long
 * @example
 * await device.kernels.unpackBits(new Uint32Array([0x321]), 3, 4); // 1, 2, 3
 */
export async function unpackBits(
  host: Host,
  packed: Uint32Array,
  n: number,
  width: number,
): Promise<Uint32Array> {
  requireUint32Array('packed', packed);
  requireInteger('n', n, 0, 2 ** 32 - 1);
  requireInteger('width', width, 1, WIDEST);
  requireInteger('packed.length', packed.length, packedWords(n, width), packedWords(n, width));
  if (n === 0) return new Uint32Array(0);
  return host.use(function* (scope) {
    const codes = scope.take(n);
    scope.run(unpackBitsKernel, { packed: scope.put(packed), codes }, { n, width });
    return (yield scope.read(codes))[0];
  });
}

/** Elements that a workgroup packs. */
export const TILE = 4096;

/** Elements that a workgroup unpacks, or adds. */
export const UNPACK_TILE = 1024;
