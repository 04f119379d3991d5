/**
 * Randomised top-k: k elements drawn without replacement, most of them from the k largest. F. Zheng et al., "Reducing
 * Communication for Split Learning by Randomized Top-k Sparsification", arXiv 2305.18469.
 *
 * The packet is that of topK, under its own number.
 */
import { requireInteger, requireNumber } from '../arguments.ts';
import { NonFiniteError } from '../errors.ts';
import { MAGNITUDE } from '../kernels/float-bits.ts';
import { FLIP_COUNTER, pcg4d, randomBitsKernel } from '../kernels/random.ts';
import { findNonFinite } from '../kernels/reduce.ts';
import { selectTopK } from '../kernels/select.ts';
import { gatherKernel } from '../kernels/sparse.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { countFor, keptFormatOf, MOST, requireCount, type Count, type KeptValues } from './count.ts';
import {
  codesToRead,
  emptySparseParts,
  isWhole,
  queueCodes,
  sentCodes,
  sentWhole,
  sparseCodec,
  sparseParts,
} from './sparse-list.ts';

const ID = 6;

/** The options beside k or ratio. */
export interface RandomizedOptions extends KeptValues {
  /** The chance of each draw to come from outside the k largest. */
  readonly alpha: number;
  readonly seed: number;
}

/**
 * Sends exactly k elements as they are, drawn without replacement: each draw is from outside the k largest with
 * probability alpha, else from the k largest, and uniform there; where the elements outside are used up, from the k
 * largest. All others decode to zero. About log2(n / k) + 2 + 32 bits a kept element, 16 less with `values: 'bfloat16'`
 * or `'float16'`, 30 and 31 less with `'levels'` and `'sign'`, as topK has them. Biased. Draws are keyed by (seed,
 * step, stream), the last two from `compress`. Source: arXiv 2305.18469.
 *
 * @param options `k` elements, or `ratio`, the kept share of n in 0..1; `alpha`, a probability; `seed`, an integer in
 *   0..2^32 - 1; `values`, the form of kept values as of topK, `float32` if left out
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless k >= 1 or 0 < ratio <= 1, 0 <= alpha <= 1, and seed in 0..2^32 - 1; compress throws it
 * where k > n
 * @example
 * const packet = await device.compress(randomizedTopK({ ratio: 0.01, alpha: 0.1, seed: 7 }), featureMap, { step });
 */
export function randomizedTopK(options: Count & RandomizedOptions): Compressor {
  requireCount('randomizedTopK', options, 'alpha', 'seed');
  const alpha = requireNumber(
    'alpha',
    options.alpha,
    'a number in 0..1',
    (value) => value >= 0 && value <= 1,
  );
  const seed = requireInteger('seed', options.seed, 0, MOST);
  const format = keptFormatOf(options);
  const parameters = (n: number): PacketParameters => ({
    k: n === 0 ? 0 : countFor(options, n),
    values: format,
  });
  return defineCompressor('randomizedTopK', options, parameters, function* (scope, x, { step, stream }) {
    const { n } = x;
    if (n === 0) return emptySparseParts(ID, format);
    const k = countFor(options, n);
    const key = { seed, step, stream };
    // 1. how many of the k draws are from outside
    const outside = Math.min(outsideDraws(k, alpha, key), n - k);
    // 2. a random word for each element: among equals in rank, those with the largest words are drawn
    const words = scope.take(n);
    scope.run(randomBitsKernel, { bits: words }, { n, ...key });
    // 3. the k largest, and enough of the largest words to have `outside` of other elements
    const top = selectTopK(scope, x, k, 'magnitude');
    const drawn = selectTopK(scope, { buffer: words, n }, k + outside, 'magnitude');
    const topWords = scope.take(k);
    const drawnValues = scope.take(k + outside);
    scope.run(gatherKernel, { x: words, indices: top.indices, values: topWords }, { n, count: k });
    scope.run(
      gatherKernel,
      { x: x.buffer, indices: drawn.indices, values: drawnValues },
      { n, count: k + outside },
    );
    const [topIndices, topValues, luckOfTop, places, values, luck, [bad, first]] = yield scope.read(
      top.indices,
      top.values,
      topWords,
      drawn.indices,
      drawnValues,
      drawn.values,
      findNonFinite(scope, x),
    );
    if (bad > 0) throw new NonFiniteError(bad, first);
    // 4. the draws; all lists ascend by index
    const others = outsideOf(places, topIndices);
    const fromTop = luckiest(luckOfTop, k - outside);
    const fromOthers = luckiest(
      others.map((place) => luck[place]),
      outside,
    ).map((j) => others[j]);
    const [indices, kept] = merged(
      { places: fromTop, indices: topIndices, values: topValues },
      { places: fromOthers, indices: places, values },
    );
    // 5. code where they are
    if (isWhole(format)) return sparseParts(scope, ID, n, indices, yield* sentWhole(scope, x, kept, format));
    const codes = queueCodes(scope, { values: scope.put(kept), capacity: k }, format)!;
    const sent = yield* sentCodes(scope, x, yield codesToRead(codes, k, format), k, format);
    return sparseParts(scope, ID, n, indices, sent);
  });
}

/** The places in `indices` of those that are not in `without`; both ascend. */
function outsideOf(indices: Uint32Array, without: Uint32Array): Uint32Array {
  const places = new Uint32Array(indices.length);
  let found = 0;
  let next = 0;
  for (let j = 0; j < indices.length; j++) {
    while (next < without.length && without[next] < indices[j]) next++;
    if (next === without.length || without[next] !== indices[j]) places[found++] = j;
  }
  return places.subarray(0, found);
}

/** The places, ascending, of the `count` largest words of 31 bits; among equals the first. */
function luckiest(luck: Uint32Array, count: number): Uint32Array {
  const places = new Uint32Array(count);
  if (count === 0) return places;
  const words = luck.map((word) => word & MAGNITUDE);
  const sorted = words.slice().sort();
  const least = sorted[sorted.length - count];
  // those above the least are in; of those equal to it, as many as there is room for
  let equals = 0;
  for (let j = sorted.length - count; j < sorted.length && sorted[j] === least; j++) equals++;
  let found = 0;
  for (let j = 0; j < words.length; j++)
    if (words[j] > least || (words[j] === least && equals-- > 0)) places[found++] = j;
  return places;
}

/** Some places of a list of elements, ascending. */
interface Drawn {
  readonly places: Uint32Array;
  readonly indices: Uint32Array;
  readonly values: Uint32Array;
}

/** Indices and values of both, ascending by index; they have none in common. */
function merged(a: Drawn, b: Drawn): [indices: Uint32Array, values: Uint32Array] {
  const count = a.places.length + b.places.length;
  const indices = new Uint32Array(count);
  const values = new Uint32Array(count);
  let [i, j] = [0, 0];
  for (let out = 0; out < count; out++) {
    const fromA =
      j === b.places.length || (i < a.places.length && a.indices[a.places[i]] < b.indices[b.places[j]]);
    const from = fromA ? a : b;
    const place = from.places[fromA ? i++ : j++];
    indices[out] = from.indices[place];
    values[out] = from.values[place];
  }
  return [indices, values];
}

/** How many of k draws are from outside: each with probability alpha, by a random word of its own. */
function outsideDraws(
  k: number,
  alpha: number,
  { seed, step, stream }: { seed: number; step: number; stream: number },
): number {
  const four = new Int32Array(4);
  let count = 0;
  for (let draw = 0; draw < k; draw++) {
    if (draw % 4 === 0) pcg4d(FLIP_COUNTER + draw / 4, seed, step, stream, four);
    if (four[draw % 4] >>> 0 < alpha * 2 ** 32) count++;
  }
  return count;
}

export const randomizedTopKCodec: Codec = sparseCodec(ID, 'randomizedTopK', (n) => Math.min(n, 1));
