/**
 * Dithered signs: sign(z + u), u uniform in [-lambda, lambda], one bit an element; its expectation is z / lambda wherever
 * |z| <= lambda. What flattened one-bit SGD (arXiv 2405.11095) does to flattened vectors.
 *
 * The draw of element i is the odd number d = (w | 1) - 2^23, w = the upper 24 bits of word i of the generator
 * (random.ts), and -u = d * (lambda * 2^-23), rounded to float32: comparing z with a product leaves nothing to fuse, and
 * odd numbers lie symmetrically around zero.
 */
import { keyOfPower } from './float-bits.ts';
import { ceilDiv, type Kernel, type Limits, pass, type Plan, runs } from './kernel.ts';
import { around, part, segmentsOf, wordsAround } from './windows.ts';

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
  plan: packDitheredPlan,
};

/** Elements of a workgroup: 128 threads make a word each. */
export const TILE = 4096;

function packDitheredPlan(
  { n, segment, ...key }: { n: number; segment: number; seed: number; step: number; stream: number },
  limits: Limits,
): Plan {
  const fits = (first: number, count: number): boolean =>
    Math.max(count, wordsAround(...segmentsOf(first, count, segment))) <= limits.bindingWords;
  const steps = runs(n, TILE, fits).map(({ first, count }) => {
    const lambdas = around('lambdas', ...segmentsOf(first, count, segment)).window;
    return pass(
      'dither',
      'packDithered',
      ceilDiv(count, TILE),
      { z: part('z', count, first), lambdas, bits: part('bits', ceilDiv(count, 32), first / 32) },
      { n: count, first, segment, owner: lambdas.first, ...key },
    );
  });
  return { scratch: {}, steps };
}
