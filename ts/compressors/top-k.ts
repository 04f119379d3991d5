/**
 * Top-k sparsification: the k elements of the largest magnitude as they are, zero elsewhere. The classic of A. F. Aji
 * and K. Heafield, "Sparse Communication for Distributed Gradient Descent", arXiv 1704.05021.
 */
import { selectTopK } from '../kernels/select.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { countFor, keptFormatOf, requireCount, type Count, type KeptValues } from './count.ts';
import { emptySparseParts, keptParts, sparseCodec } from './sparse-list.ts';

const ID = 1;

/**
 * Keeps the k elements of the largest magnitude, exactly, ties to the lowest index; all others decode to zero.
 * `topK({ k })` keeps k; `topK({ ratio })` keeps a share of n: k = floor(ratio * n + 1e-9), at least 1.
 * About log2(n / k) + 2 + 32 bits a kept element. `values: 'bfloat16'` or `'float16'` rounds them: 16 bits less.
 * `'levels'` sends 2 bits a value, its sign and whether its magnitude is above the mean of all, and decodes to the mean
 * of those that are or of the others; `'sign'` sends one bit, and decodes to the mean of all. The last, with error
 * feedback on both sides, is sparse ternary compression, F. Sattler et al., "Robust and Communication-Efficient
 * Federated Learning from Non-IID Data", arXiv 1903.02891: `doubleSqueeze(topK({ ratio: 0.01, values: 'sign' }))`.
 * Source: arXiv 1704.05021.
 *
 * @param options `k` elements, or `ratio`, the kept share of n in 0..1; `values`, the form of kept values: `float32`
 *   (if left out), `bfloat16`, `float16`, `sign` or `levels`
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless k >= 1 or 0 < ratio <= 1; compress throws it where k > n
 * @example
 * const packet = await device.compress(topK({ ratio: 0.01 }), gradient);
 */
export function topK(options: Count & KeptValues): Compressor {
  requireCount('topK', options);
  const format = keptFormatOf(options);
  const parameters = (n: number): PacketParameters => ({
    k: n === 0 ? 0 : countFor(options, n),
    values: format,
  });
  return defineCompressor('topK', options, parameters, function* (scope, x) {
    const { n } = x;
    if (n === 0) return emptySparseParts(ID, format);
    // 1. select: the k largest |x_i|
    const capacity = countFor(options, n);
    const kept = selectTopK(scope, x, capacity, 'magnitude');
    // 2. code where they are. Keys of NaN and infinity are the largest, so where x has any, one of them was kept
    return yield* keptParts(scope, ID, x, { ...kept, capacity }, format);
  });
}

export const topKCodec: Codec = sparseCodec(ID, 'topK', (n) => Math.min(n, 1));
