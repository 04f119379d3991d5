/**
 * Quantisation: each element to a code of 1 to 16 bits, packed (pack.ts has the layout), and codes back to elements by
 * a table. One kernel serves uniform levels, mask symbols and stochastic levels, since all of them round
 * |x - origin| * scale; where the levels lie is in a grid of five words, which scalars.ts leaves on the device.
 *
 *   grid = [origin, scale, limit, offset, top]    float32, float32, u32, u32, key
 *
 *   x' = x * 2^e, exactly; +0 where that is below 2^-126, and its magnitude held to at most 2^126
 *                                                               (`power` = 2^e, e = 0, -126..-40 or 28..96)
 *   d  = x' - origin                                            in float32
 *   p  = min(|d|, top) * scale                                  in float32; magnitudes compared by their keys
 *   P  = p rounded half to even, or down
 *   m  = P >> fraction, one more where the upper `fraction` bits of random word i are below P's lower `fraction` bits
 *   m  = min(m, limit); where d < 0: -min(m, offset)
 *   code_i = offset + m
 *
 * p is below 2^23. `fraction` is 0 for deterministic rounding. A code of all ones marks an element that is sent whole:
 * `mark` sets it, `findMarked` finds it.
 *
 * Here: what all backends give. How: ts/backends/js/quantize.ts, assembly/quantize.ts and wgsl/quantize.wgsl.
 */
import type { Kernel } from './kernel.ts';

/** Words of a grid. */
export const GRID = 5;

/** How p becomes a whole number: half to even, or towards zero. */
export type Rounding = 'nearest' | 'floor';

/** The number by which kernels know a rounding. */
export const ROUNDINGS: Readonly<Record<Rounding, number>> = { nearest: 0, floor: 1 };

/** packed = the codes of x, `width` bits each. n >= 1, 1 <= width <= 16; packed has ceil(n * width / 32) words. */
export const quantizeKernel: Kernel<
  'x' | 'grid' | 'packed',
  'n' | 'width' | 'rounding' | 'power' | 'fraction' | 'seed' | 'step' | 'stream'
> = {
  name: 'quantize',
  buffers: ['x', 'grid', 'packed'],
  params: ['n', 'width', 'rounding', 'power', 'fraction', 'seed', 'step', 'stream'],
};

/** y_i = table[code_i], words as they are. n >= 1; table has 2^width words. */
export const lookupKernel: Kernel<'packed' | 'table' | 'y', 'n' | 'width'> = {
  name: 'lookup',
  buffers: ['packed', 'table', 'y'],
  params: ['n', 'width'],
};

/**
 * y_i = y_i + table[code_i], in place. Magnitudes below 2^-102 count as +0, and a sum of zero is +0 (accumulate.ts).
 * n >= 1; table has 2^width words.
 */
export const addLookupKernel: Kernel<'packed' | 'table' | 'y', 'n' | 'width'> = {
  name: 'addLookup',
  buffers: ['packed', 'table', 'y'],
  params: ['n', 'width'],
};

/** Sets the codes at `indices` to all ones, in place. Indices are distinct and below n. n >= 1, count >= 0. */
export const markKernel: Kernel<'indices' | 'packed', 'n' | 'count' | 'width'> = {
  name: 'mark',
  buffers: ['indices', 'packed'],
  params: ['n', 'count', 'width'],
};

/** Bit i of `bits` = 1 where code i is all ones. n >= 1; bits has ceil(n / 32) words. */
export const findMarkedKernel: Kernel<'packed' | 'bits', 'n' | 'width'> = {
  name: 'findMarked',
  buffers: ['packed', 'bits'],
  params: ['n', 'width'],
};

/** Elements of a workgroup that quantizes. */
export const TILE = 4096;

/** Elements of a workgroup of lookup and addLookup. */
export const UNPACK_TILE = 1024;

/** Elements of a workgroup of findMarked, 32 a thread. */
export const FLAG_TILE = 8192;

/** Indices of a workgroup of mark, one a thread. */
export const WIDTH = 256;
