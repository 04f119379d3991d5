/**
 * Parallel SGD without compression: float32 gradients up, their float32 mean down. What every other system is compared
 * with.
 */
import { requireOptions } from '../../arguments.ts';
import { float32 } from '../../compressors/float32.ts';
import { parameterServer } from '../parameter-server.ts';
import type { System } from '../system.ts';

/**
 * Dense data-parallel SGD through a server: 32 bits an element in each direction. A worker holds one vector of n
 * elements beside the gradient, the direction; the server one on the device, the mean.
 *
 * @param options none; an object without properties
 * @returns the system, which makes workers and, where it has one, a server
 * @throws RangeError where the options have a property
 * @example
 * const worker = pSgd().worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function pSgd(options: Readonly<Record<string, never>> = {}): System {
  requireOptions('pSgd', options, []);
  const dense = { compressor: float32(), feedback: false };
  return parameterServer('pSgd', dense, dense);
}
