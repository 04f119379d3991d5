/**
 * Random-k sparsification: k elements drawn without replacement, as they are. S. U. Stich et al., "Sparsified SGD with
 * Memory", arXiv 1809.07599.
 *
 * Parameters: k, seed, step, stream, format of the values. Section: values, k of them, by ascending index. The receiver
 * draws the same places.
 */
import { requireInteger } from '../arguments.ts';
import type { DeviceBuffer } from '../backends/backend.ts';
import { NonFiniteError } from '../errors.ts';
import { randomBitsKernel } from '../kernels/random.ts';
import { findNonFinite } from '../kernels/reduce.ts';
import type { Scope } from '../kernels/scope.ts';
import { selectTopK } from '../kernels/select.ts';
import { gatherKernel } from '../kernels/sparse.ts';
import { cutSections, requireParameters, type Packet } from '../packet/packet.ts';
import { decodeValues, encodeValues, VALUE_FORMATS, valueWords, type ValueFormat } from '../packet/values.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { countFor, formatOf, MOST, requireCount, type Count, type Values } from './count.ts';
import { NOTHING, sparse } from './decoded.ts';
import { requireKept } from './index-list.ts';
import { requireFormat } from './sparse-list.ts';

const ID = 4;

/**
 * Keeps k elements drawn at random without replacement, each with the same chance; all others decode to zero. Values
 * are sent as they are: times n / k they are unbiased, E[n / k * decoded] = x; as they are they suit error feedback.
 * The places are not sent, since the receiver draws the same: 32 bits a kept element, 16 with `values: 'bfloat16'` or
 * `'float16'`. Draws are keyed by
 * (seed, step, stream), the last two from `compress`. Source: arXiv 1809.07599.
 *
 * @param options `k` elements, or `ratio`, the kept share of n in 0..1; `values`, the format of a kept value, `float32`
 *   if left out; `seed`, an integer in 0..2^32 - 1
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless k >= 1 or 0 < ratio <= 1, and seed in 0..2^32 - 1; compress throws it where k > n
 * @example
 * const packet = await device.compress(randomK({ ratio: 0.01, seed: 7 }), gradient, { step });
 */
export function randomK(options: Count & Values & { readonly seed: number }): Compressor {
  requireCount('randomK', options, 'seed');
  const seed = requireInteger('seed', options.seed, 0, MOST);
  const format = formatOf(options);
  const number = VALUE_FORMATS.indexOf(format);
  const parameters = (n: number): PacketParameters => ({
    k: n === 0 ? 0 : countFor(options, n),
    seed,
    values: format,
  });
  return defineCompressor('randomK', options, parameters, function* (scope, x, { step, stream }) {
    const { n } = x;
    if (n === 0) return { id: ID, n, parameters: [0, seed, step, stream, number], sections: [] };
    const k = countFor(options, n);
    // 1. draw the places
    const indices = drawPlaces(scope, n, k, { seed, step, stream });
    // 2. take what is there
    const values = scope.take(k);
    scope.run(gatherKernel, { x: x.buffer, indices, values }, { n, count: k });
    const [words, [bad, first]] = yield scope.read(values, findNonFinite(scope, x));
    if (bad > 0) throw new NonFiniteError(bad, first);
    const coded = encodeValues(words, format);
    return {
      id: ID,
      n,
      parameters: [k, seed, step, stream, number],
      sections: [coded],
      sent: () => sparse(scope, n, { places: indices, values: decodeValues(coded, k, format, 0) }),
    };
  });
}

/**
 * k of n places, ascending: those of the k largest random words, of 31 bits. Where two words at the cut are equal the
 * lower place is taken, which happens once in about 2^31 / n draws.
 */
function drawPlaces(
  scope: Scope,
  n: number,
  k: number,
  key: { seed: number; step: number; stream: number },
): DeviceBuffer {
  const bits = scope.take(n);
  scope.run(randomBitsKernel, { bits }, { n, ...key });
  return selectTopK(scope, { buffer: bits, n }, k, 'magnitude').indices;
}

function parametersOf(packet: Packet): {
  k: number;
  seed: number;
  step: number;
  stream: number;
  values: ValueFormat;
} {
  const [k, seed, step, stream, format] = requireParameters(packet, 5);
  requireKept(packet, k, Math.min(packet.n, 1));
  return { k, seed, step, stream, values: requireFormat(VALUE_FORMATS, format, 32) };
}

export const randomKCodec: Codec = {
  id: ID,
  name: 'randomK',
  describe(packet) {
    const parameters = parametersOf(packet);
    const sections = [{ name: 'values', words: valueWords(parameters.k, parameters.values) }];
    cutSections(packet, sections);
    return { parameters, sections };
  },
  decode(scope, packet) {
    const { n } = packet;
    const { k, values: format, ...key } = parametersOf(packet);
    const values = decodeValues(packet.body, k, format, packet.bodyOffset);
    return n === 0 ? NOTHING : sparse(scope, n, { places: drawPlaces(scope, n, k, key), values });
  },
};
