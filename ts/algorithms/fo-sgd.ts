/**
 * Flattened one-bit SGD, FO-SGD (arXiv 2405.11095): one bit an element up and down, without error feedback.
 *
 * 1. worker r: sends C(g_r).                                 C: z = H D x / sqrt(d), then sign(z + u)
 * 2. server: g = mean of what it decodes; answers C(g), with signs and dither of its own.
 * 3. worker r: what it decodes is the direction.
 */
import { requireOptions } from '../arguments.ts';
import {
  flattenedOneBit,
  FLATTENED_OPTIONS,
  type FlattenedOptions,
} from '../compressors/flattened-one-bit.ts';
import { parameterServer } from './parameter-server.ts';
import type { System } from './system.ts';

/**
 * FO-SGD with the options of `flattenedOneBit`, in both directions. Source: arXiv 2405.11095; with `scale: 'drive'` the
 * bits are those of DRIVE (arXiv 2105.08339), which trains better. A worker holds one vector of n elements beside the
 * gradient, the direction; the server one on the device, the mean.
 *
 * @param options those of `flattenedOneBit`; `seed` the same at all workers
 * @returns the system, which makes workers and, where it has one, a server
 * @throws RangeError where the options are not those of flattenedOneBit
 * @example
 * const worker = foSgd({ seed: 7 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function foSgd(options: FlattenedOptions): System {
  requireOptions('foSgd', options, FLATTENED_OPTIONS);
  const compressor = flattenedOneBit(options);
  return parameterServer('foSgd', { compressor, feedback: false }, { compressor, feedback: false });
}
