/**
 * Error compensation: what a step sends is the gradient and what earlier steps left out, y = x + scale * error.
 *
 * The product is rounded to float32, then the sum. Magnitudes below 2^-102 count as +0, of x and error at the input and
 * of the product, so no result depends on how a GPU treats subnormals. A sum of zero is +0. The largest magnitudes say
 * whether all is finite, and how far the sum can be from float32's bounds.
 *
 * Here: what all backends give. How: ts/backends/js/compensate.ts, assembly/compensate.ts and wgsl/compensate.wgsl.
 */
import type { Kernel } from './kernel.ts';

/**
 * y_i = x_i + scale * error_i; keys = [the largest key of x, that of error], of the words as they are, so that a key of
 * infinity or above says that an element is not finite: then its y is undefined. n >= 1; x, error and y are different
 * buffers of n words; scale is a float32, 0 or normal.
 */
export const compensateKernel: Kernel<'x' | 'error' | 'y' | 'keys', 'n' | 'scale'> = {
  name: 'compensate',
  buffers: ['x', 'error', 'y', 'keys'],
  params: ['n', 'scale'],
};
