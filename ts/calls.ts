/**
 * Calls on a device: what their options are, how arguments are checked, which memory they touch, and the work that the
 * device runs.
 */
import { requireBytes, requireInteger, requireNumber, requireOptions, shown } from './arguments.ts';
import { decodeInto, meanInto, type Rules } from './compressors/decode.ts';
import { requireCompressor, type Compressor } from './compressors/compressor.ts';
import { encode, encodeWithError } from './compressors/encode.ts';
import { requireScale } from './kernels/accumulate.ts';
import {
  isArray,
  lengthOf,
  requireLength,
  requireVectorLike,
  type VectorLike,
} from './kernels/device-vector.ts';
import type { Scope, Steps } from './kernels/scope.ts';
import { roomFor, roomIn } from './packet/packet.ts';
import type { Bytes } from './platform.ts';
import { overlap, touchOf, type Touch } from './schedule.ts';

/** What random compressors key their draws by, and what of earlier steps a packet carries. */
export interface CompressOptions {
  /** The step of the training run; 0 if left out. */
  readonly step?: number;
  /** The user of the step, for example a worker's rank; 0 if left out. */
  readonly stream?: number;
  /**
   * Error feedback (arXiv 1901.09847): the packet is C(p), p = x + decay * error, and `error` becomes p - C(p), what
   * the receiver lacks. As many elements as x, finite, in other memory; start with zeros. A call that is refused leaves
   * it as it was.
   */
  readonly error?: VectorLike;
  /** What the error is multiplied by, in 0..1, rounded to float32; 1 if left out. */
  readonly decay?: number;
  /**
   * Receives p, and `error` stays as it is: for callers that learn later whether the packet was used. `decompress` of
   * the packet with `into: sum, accumulate: -1` makes the next error of it.
   */
  readonly sum?: VectorLike;
  /**
   * Memory for the packet, from a multiple of 4 bytes of its ArrayBuffer on and apart from the vectors: where it is
   * long enough, the packet is a view of its first bytes. It may be a packet that is no longer wanted; of a long one
   * this saves the pages of new memory. A call that is refused may leave anything there.
   */
  readonly out?: Uint8Array;
}

/** What decoding may cost. */
export interface MostElements {
  /**
   * The most elements that a packet may decode to, so that a hostile packet cannot take all memory; 2^28 if left out.
   */
  readonly maxElements?: number;
}

/** Where a vector goes and how. */
export interface DecompressOptions<Target = Float32Array> extends MostElements {
  /** Receives the vector, and must have its length; a new array if left out. */
  readonly into?: Target;
  /**
   * into_i += accumulate * x_i instead of into_i = x_i, the product and the sum rounded to float32 in turn, magnitudes
   * below 2^-102 as zero. Elements that a sparse packet does not carry stay as they are, every bit.
   */
  readonly accumulate?: number;
}

/** Where a mean goes, and what it is over. */
export interface MeanOptions<Target = Float32Array> extends MostElements {
  /** Receives the mean, and must have its length; a new array if left out. */
  readonly into?: Target;
  /** One for each packet, above 0 and finite, for example numbers of samples; all alike if left out. */
  readonly weights?: readonly number[];
}

/** `2^28` elements are 1 GiB: more than any model that is trained in a browser, less than a machine's memory. */
export const MAX_ELEMENTS: number = 2 ** 28;
const LAST_WORD = 2 ** 32 - 1;

/** A call, its arguments checked. */
export interface Call<T> {
  readonly work: (scope: Scope) => Steps<T>;
  readonly touches: readonly Touch[];
  /** About how many bytes it takes on the backend. */
  readonly bytes: number;
}

type CodecOf = Rules['codecOf'];

/** @throws TypeError or RangeError where an argument is not as `compress` says */
export function compressCall(
  codecOf: CodecOf,
  name: string,
  compressor: Compressor,
  x: VectorLike,
  options: CompressOptions,
): Call<Bytes> {
  requireCompressor('compressor', compressor);
  requireVectorLike('x', x);
  requireOptions(name, options, ['step', 'stream', 'error', 'decay', 'sum', 'out']);
  const { step = 0, stream = 0, error, decay = 1, sum, out } = options;
  requireInteger('step', step, 0, LAST_WORD);
  requireInteger('stream', stream, 0, LAST_WORD);
  requireNumber('decay', decay, 'a number in 0..1', (value) => value >= 0 && value <= 1);
  const draw = { step, stream };
  const touches = [touchOf(x, 'reads', false)];
  const names = ['x'];
  const makeRoom = out === undefined ? roomFor : roomIn(requireRoom(out));
  if (out !== undefined) {
    names.push('out');
    touches.push(touchOf(out, 'writes', false));
  }
  if (error === undefined) {
    for (const [name, given] of [
      ['decay', options.decay],
      ['sum', sum],
    ] as const)
      if (given !== undefined) throw new RangeError(`"${name}" expected "error" beside it, got none`);
    requireApart(names, touches);
    return {
      work: (scope) => encode(scope, compressor, scope.vector(x), draw, makeRoom),
      touches,
      bytes: lengthOf(x) * 4,
    };
  }
  const n = lengthOf(x);
  touches.push(touchOf(requireLength('error', error, n), sum ? 'reads' : 'writes', false));
  if (sum !== undefined) touches.push(touchOf(requireLength('sum', sum, n), 'writes', false));
  requireApart([...names, 'error', 'sum'], touches);
  return {
    work: (scope) =>
      encodeWithError(scope, compressor, scope.vector(x), { error, decay, sum }, draw, codecOf, makeRoom),
    touches,
    bytes: n * 12,
  };
}

/** @throws TypeError or RangeError where an argument is not as `decompress` says */
export function decompressCall(
  codecOf: CodecOf,
  name: string,
  packet: Uint8Array,
  options: DecompressOptions<VectorLike>,
): Call<VectorLike> {
  requireBytes('packet', packet);
  requireOptions(name, options, ['into', 'accumulate', 'maxElements']);
  const { into, accumulate } = options;
  if (into !== undefined) requireVectorLike('into', into);
  if (accumulate !== undefined) {
    requireScale('accumulate', accumulate);
    if (into === undefined) throw new RangeError('"accumulate" expected "into" beside it, got none');
  }
  const rules = rulesOf(codecOf, options);
  const touches = [touchOf(packet, 'reads', true)];
  // a GPU's queue keeps the order of what it is given, the packet with it; memory is written when it has answered
  if (into !== undefined) touches.push(touchOf(into, 'writes', !isArray(into)));
  return {
    work: (scope) => decodeInto(scope, packet, { into, accumulate }, rules),
    touches,
    bytes: packet.byteLength + elementsOf(packet, rules.maxElements) * 4,
  };
}

/** @throws TypeError or RangeError where an argument is not as `mean` says */
export function meanCall(
  codecOf: CodecOf,
  packets: readonly Uint8Array[],
  options: MeanOptions<VectorLike>,
): Call<VectorLike> {
  requireArray('packets', packets);
  requireInteger('packets.length', packets.length, 1, LAST_WORD);
  packets.forEach((packet, i) => requireBytes(`packets[${i}]`, packet));
  requireOptions('mean', options, ['into', 'weights', 'maxElements']);
  const { into, weights } = options;
  if (into !== undefined) requireVectorLike('into', into);
  if (weights !== undefined) requireWeights(weights, packets.length);
  const rules = rulesOf(codecOf, options);
  const touches = packets.map((packet) => touchOf(packet, 'reads', true));
  if (into !== undefined) touches.push(touchOf(into, 'writes', !isArray(into)));
  const held = packets.reduce((sum, packet) => sum + packet.byteLength, 0);
  const work = (scope: Scope): Steps<VectorLike> => meanInto(scope, packets, { into, weights }, rules);
  return { work, touches, bytes: held + elementsOf(packets[0], rules.maxElements) * 4 };
}

function rulesOf(codecOf: CodecOf, { maxElements = MAX_ELEMENTS }: MostElements): Rules {
  return { codecOf, maxElements: requireInteger('maxElements', maxElements, 0, LAST_WORD) };
}

/** @throws TypeError unless `value` is an array */
function requireArray(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw new TypeError(`"${name}" expected an array, got ${shown(value)}`);
}

/** @throws TypeError or RangeError unless there are `count` weights, each above 0 and finite */
function requireWeights(weights: readonly number[], count: number): void {
  requireArray('weights', weights);
  requireInteger('weights.length', weights.length, count, count);
  weights.forEach((weight, i) =>
    requireNumber(`weights[${i}]`, weight, 'a number above 0', (value) => value > 0),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum === Infinity) throw new RangeError('"weights" expected a sum within float64, got Infinity');
}

/** @throws TypeError or RangeError unless a packet can be written there */
function requireRoom(out: unknown): Bytes {
  const { buffer, byteOffset } = requireBytes('out', out);
  if (Object.prototype.toString.call(buffer) !== '[object ArrayBuffer]')
    throw new TypeError('"out" expected memory that is not shared');
  if (byteOffset % 4 !== 0)
    throw new RangeError(`"out" expected to start at a multiple of 4 bytes, got ${byteOffset}`);
  return out as Bytes;
}

/** @throws RangeError where memory that is written is memory of another vector of the call */
function requireApart(names: readonly string[], touches: readonly Touch[]): void {
  touches.forEach((touch, i) => {
    const other = touches.findIndex((one, j) => j < i && overlap(one, touch));
    if (other >= 0)
      throw new RangeError(`"${names[i]}" expected memory apart from that of "${names[other]}"`);
  });
}

/** What a packet says that it decodes to, before anything of it is checked; `most` at the most. */
function elementsOf(packet: Uint8Array, most: number): number {
  if (packet.length < 12) return 0;
  const n = packet[8] | (packet[9] << 8) | (packet[10] << 16) | (packet[11] << 24);
  return Math.min(n >>> 0, most);
}
