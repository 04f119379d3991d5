/**
 * Top-k sparsification: the k elements of the largest magnitude as they are, zero elsewhere. The classic of A. F. Aji
 * and K. Heafield, "Sparse Communication for Distributed Gradient Descent", arXiv 1704.05021.
 */
import { nonFiniteError } from '../kernels/reduce.ts';
import { selectTopK } from '../kernels/select.ts';
import { firstNonFinite } from '../packet/values.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { countFor, formatOf, requireCount, type Count, type Values } from './count.ts';
import { coderFor, emptySparseParts, keptParts, sparseCodec, sparseParts } from './sparse-list.ts';

const ID = 1;

/**
 * Keeps the k elements of the largest magnitude, exactly, ties to the lowest index; all others decode to zero.
 * `topK({ k })` keeps k; `topK({ ratio })` keeps a share of n: k = floor(ratio * n + 1e-9), at least 1.
 * About log2(n / k) + 2 + 32 bits a kept element; `values: 'bfloat16'` or `'float16'` rounds the values, and makes that
 * 16 bits less. Source: arXiv 1704.05021.
 *
 * @param options `k` elements, or `ratio`, the kept share of n in 0..1; `values`, the format of a kept value, `float32`
 * if left out
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless k >= 1 or 0 < ratio <= 1; compress throws it where k > n
 * @example
 * const packet = await device.compress(topK({ ratio: 0.01 }), gradient);
 */
export function topK(options: Count & Values): Compressor {
  requireCount('topK', options);
  const format = formatOf(options);
  const parameters = (n: number): PacketParameters => ({
    k: n === 0 ? 0 : countFor(options, n),
    values: format,
  });
  return defineCompressor('topK', options, parameters, function* (scope, x) {
    const { n } = x;
    if (n === 0) return emptySparseParts(ID, format);
    // 1. select: the k largest |x_i|
    const k = countFor(options, n);
    const kept = selectTopK(scope, x, k, 'magnitude');
    const coder = coderFor(scope, k);
    const [indices, values] = yield coder ? [] : scope.read(kept.indices, kept.values);
    // keys of NaN and infinity are the largest, so where x has any, one of them was kept
    if (coder ? !coder.finite(kept.values, k) : firstNonFinite(values) >= 0)
      throw yield* nonFiniteError(scope, x);
    // 2. code where they are
    return coder
      ? keptParts(scope, ID, n, { ...kept, k }, format, coder)
      : sparseParts(scope, ID, n, { indices, values }, format);
  });
}

export const topKCodec: Codec = sparseCodec(ID, 'topK', (n) => Math.min(n, 1));
