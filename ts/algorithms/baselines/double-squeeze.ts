/**
 * DoubleSqueeze: compressed in both directions, with error feedback on both sides. H. Tang et al., "DoubleSqueeze:
 * Parallel Stochastic Gradient Descent with Double-Pass Error-Compensated Compression", arXiv 1905.05957.
 *
 * 1. worker r: p_r = g_r + e_r; sends C(p_r); e_r = p_r - C(p_r).
 * 2. server: p = mean of the C(p_r) + E; answers q = C(p); E = p - q.
 * 3. worker r: q is the direction.
 */
import type { Compressor } from '../../compressors/compressor.ts';
import { compressorOf, type CompressorOptions } from '../compressor-options.ts';
import { parameterServer } from '../parameter-server.ts';
import type { System } from '../system.ts';

/**
 * DoubleSqueeze with any compressor, the same in both directions, given by itself or as `{ compressor }`. A worker
 * holds three vectors of n elements beside the gradient: two on the device for its error, and the direction; the server
 * three on the device, two for its error, and the mean. Source: arXiv 1905.05957.
 *
 * @param compressor of both directions
 * @returns the system, which makes workers and, where it has one, a server
 * @throws TypeError unless it is a compressor
 * @example
 * const worker = doubleSqueeze(scaledSign()).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function doubleSqueeze(compressor: Compressor | CompressorOptions): System {
  const both = { compressor: compressorOf('doubleSqueeze', compressor), feedback: true };
  return parameterServer('doubleSqueeze', both, both);
}
