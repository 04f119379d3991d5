/**
 * Hard threshold: all elements whose magnitude reaches a number, as they are. A. Sahu et al., "Rethinking gradient
 * sparsification as total error minimization", arXiv 2108.00951.
 */
import { requireNumber, requireOptions } from '../arguments.ts';
import type { ReadRequest } from '../backends/backend.ts';
import { nonFiniteError } from '../kernels/reduce.ts';
import { selectFrom } from '../kernels/select.ts';
import { firstNonFinite } from '../packet/values.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { formatOf, type Values } from './count.ts';
import { coderFor, emptySparseParts, keptParts, sparseCodec, sparseParts } from './sparse-list.ts';

const ID = 3;

/** Read back at once: one element in this many, and at least LEAST. A second read is only for thresholds below that. */
const SHARE = 16;
const LEAST = 4096;

/**
 * Keeps all elements with |x_i| >= t, t rounded to float32; all others decode to zero. How many that are depends on the
 * data: none, perhaps, or all. About log2(n / k) + 2 + 32 bits a kept element; `values: 'bfloat16'` or `'float16'`
 * rounds the values, and makes that 16 bits less. Source: arXiv 2108.00951.
 *
 * @param options `t`, the least magnitude that is kept, in units of x; `values`, the format of a kept value, `float32`
 * if left out
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless t is finite and not negative
 * @example
 * const packet = await device.compress(threshold({ t: 0.01 }), gradient);
 */
export function threshold(options: { readonly t: number } & Values): Compressor {
  requireOptions('threshold', options, ['t', 'values']);
  const t = requireNumber('t', options?.t, 'a number of 0 or more', (value) => value >= 0);
  const format = formatOf(options);
  // k depends on the vector
  const parameters = (): PacketParameters => ({ values: format });
  return defineCompressor('threshold', { ...options }, parameters, function* (scope, x) {
    const { n } = x;
    if (n === 0) return emptySparseParts(ID, format);
    // 1. select: all |x_i| >= t
    const { indices, values, count } = selectFrom(scope, x, t);
    // where the host sees them, nothing is read but how many they are
    if (scope.coder) {
      const [[k]] = yield scope.read(count);
      const coder = coderFor(scope, k);
      if (coder?.finite(values, k) === false) throw yield* nonFiniteError(scope, x);
      if (coder) return keptParts(scope, ID, n, { indices, values, k }, format, coder);
    }
    const most = Math.min(n, Math.max(LEAST, Math.ceil(n / SHARE)));
    const part = (items: number): [ReadRequest, ReadRequest] => [
      { buffer: indices, count: items },
      { buffer: values, count: items },
    ];
    const [[found], ...first] = yield scope.read(count, ...part(most));
    const [kept, words] =
      found <= most ? first.map((list) => list.subarray(0, found)) : yield scope.read(...part(found));
    // NaN and infinity have larger keys than any t
    if (firstNonFinite(words) >= 0) throw yield* nonFiniteError(scope, x);
    // 2. code where they are
    return sparseParts(scope, ID, n, { indices: kept, values: words }, format);
  });
}

export const thresholdCodec: Codec = sparseCodec(ID, 'threshold', () => 0);
