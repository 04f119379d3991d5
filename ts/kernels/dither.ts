/**
 * Dithered signs: sign(z + u), u uniform in [-lambda, lambda], one bit an element; its expectation is z / lambda
 * wherever |z| <= lambda. What flattened one-bit SGD (arXiv 2405.11095) does to flattened vectors.
 *
 * The draw of element i is the odd number d = (w | 1) - 2^23, w = the upper 24 bits of word i of the generator
 * (random.ts), and -u = d * (lambda * 2^-23), rounded to float32: comparing z with a product leaves nothing to fuse,
 * and odd numbers lie symmetrically around zero.
 *
 * Here: what all backends give. How: ts/backends/js/dither.ts, assembly/dither.ts and wgsl/dither.wgsl.
 */
import { keyOfPower } from './float-bits.ts';
import { type Kernel, partOf, type Parts } from './kernel.ts';
import { absSumKernel } from './reduce.ts';

/** The key below which a magnitude of z, or a lambda, counts as +0. */
export const TINY: number = keyOfPower(-102);

/**
 * Bit i of `bits` = 1 where z_i < d_i * (lambda_s * 2^-23), s = floor(i / segment): where z_i + u_i is negative.
 * Lambdas are finite and not negative. n >= 1, segment >= 1; lambdas has ceil(n / segment) words, bits ceil(n / 32).
 */
export const packDitheredKernel: Kernel<
  'z' | 'lambdas' | 'bits',
  'n' | 'segment' | 'seed' | 'step' | 'stream'
> = {
  name: 'packDithered',
  buffers: ['z', 'lambdas', 'bits'],
  params: ['n', 'segment', 'seed', 'step', 'stream'],
};

/** packDithered, and max[0] = the largest key of z: what a caller that knows its lambdas has still to learn of z. */
export const ditheredAndMaxKernel: Kernel<
  'z' | 'lambdas' | 'bits' | 'max',
  'n' | 'segment' | 'seed' | 'step' | 'stream'
> = {
  name: 'ditheredAndMax',
  buffers: ['z', 'lambdas', 'bits', 'max'],
  params: ['n', 'segment', 'seed', 'step', 'stream'],
  parts: ditheredAndMaxParts,
};

/** Elements of a workgroup: 128 threads make a word each. */
export const TILE = 4096;

export type Numbers = Readonly<Record<'n' | 'segment' | 'seed' | 'step' | 'stream', number>>;

function ditheredAndMaxParts(numbers: Numbers): Parts {
  const { n } = numbers;
  const whole = { n, segment: n, tiny: TINY, scale: 1 };
  return {
    scratch: { unused: 1 },
    runs: [
      partOf(absSumKernel, { x: 'z', sums: 'unused', max: 'max' }, whole),
      partOf(packDitheredKernel, { z: 'z', lambdas: 'lambdas', bits: 'bits' }, numbers),
    ],
  };
}
