/**
 * Hard threshold: all elements whose magnitude reaches a number, as they are. A. Sahu et al., "Rethinking gradient
 * sparsification as total error minimization", arXiv 2108.00951.
 */
import { requireNumber, requireOptions } from '../arguments.ts';
import type { ReadRequest } from '../backends/backend.ts';
import { selectFrom } from '../kernels/select.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { keptFormatOf, type KeptValues } from './count.ts';
import {
  coderFor,
  codesToRead,
  emptySparseParts,
  isWhole,
  keptParts,
  queueCodes,
  sentCodes,
  sentWhole,
  sparseCodec,
  sparseParts,
} from './sparse-list.ts';

const ID = 3;

/** Read back at once: one element in this many, and at least LEAST. A second read is only for thresholds below that. */
const SHARE = 16;
const LEAST = 4096;

/**
 * Keeps all elements with |x_i| >= t, t rounded to float32; all others decode to zero. How many that are depends on the
 * data: none, perhaps, or all. About log2(n / k) + 2 + 32 bits a kept element; `values: 'bfloat16'` or `'float16'`
 * rounds the values, and makes that 16 bits less; `'levels'` and `'sign'` send 2 bits and one in their place, as topK
 * does. Source: arXiv 2108.00951.
 *
 * @param options `t`, the least magnitude that is kept, in units of x; `values`, the form of kept values: `float32` (if
 *   left out), `bfloat16`, `float16`, `sign` or `levels`
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless t is finite and not negative
 * @example
 * const packet = await device.compress(threshold({ t: 0.01 }), gradient);
 */
export function threshold(options: { readonly t: number } & KeptValues): Compressor {
  requireOptions('threshold', options, ['t', 'values']);
  const t = requireNumber('t', options?.t, 'a number of 0 or more', (value) => value >= 0);
  const format = keptFormatOf(options);
  // k depends on the vector
  const parameters = (): PacketParameters => ({ values: format });
  return defineCompressor('threshold', { ...options }, parameters, function* (scope, x) {
    const { n } = x;
    if (n === 0) return emptySparseParts(ID, format);
    // 1. select: all |x_i| >= t; NaN and infinity have larger keys than any t
    const { indices, values, count } = selectFrom(scope, x, t);
    // where the host sees them, nothing is read but how many they are
    if (scope.coder) {
      const [[capacity]] = yield scope.read(count);
      if (coderFor(scope, capacity))
        return yield* keptParts(scope, ID, x, { indices, values, capacity }, format);
    }
    const most = Math.min(n, Math.max(LEAST, Math.ceil(n / SHARE)));
    const codes = queueCodes(scope, { values, capacity: n, count }, format);
    const part = (k: number): ReadRequest[] => [
      { buffer: indices, count: k },
      ...(codes ? codesToRead(codes, k, format) : [{ buffer: values, count: k }]),
    ];
    const [[found], ...first] = yield scope.read(count, ...part(most));
    const [places, ...words] = found <= most ? first : yield part(found);
    // 2. code where they are
    const sent = isWhole(format)
      ? yield* sentWhole(scope, x, words[0].subarray(0, found), format)
      : yield* sentCodes(scope, x, words, found, format);
    return sparseParts(scope, ID, n, places.subarray(0, found), sent);
  });
}

export const thresholdCodec: Codec = sparseCodec(ID, 'threshold', () => 0);
