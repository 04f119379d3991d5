/**
 * Scalars between passes, kept on the device so that a compress needs one submit: where the levels of a quantiser lie
 * (grids, quantize.ts), how wide a dither is. Quotients and square roots are rounded to the nearest float32, as float64
 * rounded once gives it; a GPU, whose own are less exact, makes them of integers.
 *
 * `power` is 2^e, by which quantize scales x, and a magnitude below 2^-126 after it counts as 0.
 *
 * Here: what all backends give. How: ts/backends/js/scalars.ts, assembly/scalars.ts and wgsl/scalars.wgsl.
 */
import { keyOfPower } from './float-bits.ts';
import type { Kernel } from './kernel.ts';

/** The key below which a lambda counts as +0, and what is divided by as 0, so that no quotient is infinite. */
export const TINY: number = keyOfPower(-102);

/** Whether mask symbols carry a sign: as said, or where x has an element below zero. */
export const SIGNED = { no: 0, yes: 1, found: 2 } as const;

/**
 * The grid of mask symbols (arXiv 2408.13787): `kept` = extremes of the values that are sent whole, in the order of
 * their selection, so T = kept[0]; `range` = extremes of x by value. With L = 2^bits - 1, or 2^(bits - 1) where signed,
 * and T' = T * power: [0, L / T', L - 1, signed ? L - 1 : 0, key of T'], a scale of 0 where T' is below 2^-102.
 */
export const maskGridKernel: Kernel<'kept' | 'range' | 'grid', 'bits' | 'signed' | 'power'> = {
  name: 'maskGrid',
  buffers: ['kept', 'range', 'grid'],
  params: ['bits', 'signed', 'power'],
};

/**
 * The grid of 2^bits levels from the least to the greatest element, `range` = extremes of x by value. With
 * low = least * power and width = greatest * power - low, in float32: [low, (2^bits - 1) / width, 2^bits - 1, 0, key of
 * infinity less 1], a scale of 0 where width is below 2^-102.
 */
export const uniformGridKernel: Kernel<'range' | 'grid', 'bits' | 'power'> = {
  name: 'uniformGrid',
  buffers: ['range', 'grid'],
  params: ['bits', 'power'],
};

/**
 * The grid of stochastic levels (arXiv 1610.02132): `sums` and `max` of squareSum over x * power as one segment. With
 * norm = the larger of the root of sums[0] and max[0] * power: [0, levels * 2^fraction / norm, levels, levels, key of
 * infinity less 1], a scale of 0 where norm is below 2^-102. levels * 2^fraction is at most 2^22.
 */
export const levelGridKernel: Kernel<'sums' | 'max' | 'grid', 'levels' | 'fraction' | 'power'> = {
  name: 'levelGrid',
  buffers: ['sums', 'max', 'grid'],
  params: ['levels', 'fraction', 'power'],
};

/**
 * lambdas_s = factor * root(sums_s), the root rounded, then the product; +0 below 2^-102. Sums are not negative, +0 or
 * normal; factor is a positive normal float32. count >= 1.
 */
export const lambdasKernel: Kernel<'sums' | 'lambdas', 'count' | 'factor'> = {
  name: 'lambdas',
  buffers: ['sums', 'lambdas'],
  params: ['count', 'factor'],
};

/** Segments of a workgroup, one a thread. */
export const WIDTH = 256;
