/**
 * SGD with memory: compressed up with error feedback, dense down. S. U. Stich et al., "Sparsified SGD with Memory",
 * arXiv 1809.07599.
 *
 * 1. worker r: p_r = g_r + e_r; sends C(p_r); e_r = p_r - C(p_r).
 * 2. server: answers the mean of the C(p_r), in float32.
 */
import type { Compressor } from '../../compressors/compressor.ts';
import { float32 } from '../../compressors/float32.ts';
import { compressorOf, type CompressorOptions } from '../compressor-options.ts';
import { parameterServer } from '../parameter-server.ts';
import type { System } from '../system.ts';

/**
 * MEM-SGD with any compressor, given by itself or as `{ compressor }`. A worker holds three vectors of n elements
 * beside the gradient: two on the device for its error, and the direction; the server one, the mean. Source: arXiv
 * 1809.07599.
 *
 * @param compressor of the workers' messages; answers are float32
 * @returns the system, which makes workers and, where it has one, a server
 * @throws TypeError unless it is a compressor
 * @example
 * const worker = memSgd(topK({ ratio: 0.01 })).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function memSgd(compressor: Compressor | CompressorOptions): System {
  return parameterServer(
    'memSgd',
    { compressor: compressorOf('memSgd', compressor), feedback: true },
    { compressor: float32(), feedback: false },
  );
}
