/** From a vector to a packet, with what earlier packets lost where the caller keeps that: error feedback. */
import { isGpuRange } from '../arguments.ts';
import type { DeviceBuffer, ReadRequest } from '../backends/backend.ts';
import { NonFiniteError } from '../errors.ts';
import { accumulateKernel, clearKernel, scaleOf } from '../kernels/accumulate.ts';
import { compensateKernel } from '../kernels/compensate.ts';
import type { VectorLike } from '../kernels/device-vector.ts';
import { INFINITE, keyOfPower } from '../kernels/float-bits.ts';
import { nonFiniteError } from '../kernels/reduce.ts';
import { selectFrom } from '../kernels/select.ts';
import type { Scope, Steps, Target, Vector } from '../kernels/scope.ts';
import type { Shorten } from '../packet/crc32c.ts';
import { viewPacket, writePacket, type RoomFor } from '../packet/packet.ts';
import type { Bytes } from '../platform.ts';
import type { CodecOf, Compressor, Draw, Encoded } from './compressor.ts';

/** The error of earlier packets, and what becomes of it. */
export interface Feedback {
  readonly error: VectorLike;
  readonly decay: number;
  /** Receives p in the error's place. */
  readonly sum?: VectorLike;
}

/** Magnitudes from here on may pass float32's range in a sum. */
const LARGE = keyOfPower(126);

/**
 * Magnitudes from here on may decode to such that p - C(p) passes float32's range: a norm, or a flattened block, is at
 * most 2^32 times its largest element.
 */
const RISKY = keyOfPower(90);

/** The packet of x. @throws NonFiniteError where x holds NaN or infinity */
export function* encode(
  scope: Scope,
  compressor: Compressor,
  x: Vector,
  draw: Draw,
  makeRoom: RoomFor,
): Steps<Bytes> {
  const parts = yield* compressor.encode(scope, x, draw, makeRoom);
  return parts.tail === undefined
    ? writePacket(parts, (words) => scope.shorten(words), makeRoom)
    : yield* copied(scope, x, parts, makeRoom);
}

/** The packet of parts whose words come from x on the way. @throws NonFiniteError where x holds NaN or infinity */
function* copied(scope: Scope, x: Vector, parts: Encoded, makeRoom: RoomFor): Steps<Bytes> {
  let finite = true;
  const shorten: Shorten = (words) => {
    const short = scope.shorten(words, parts.tail);
    finite = short?.finite !== false;
    return short;
  };
  const packet = writePacket(parts, shorten, makeRoom);
  if (finite) return packet;
  // or n itself, in the head of the packet, is as a NaN
  const error = yield* nonFiniteError(scope, x);
  if (error.count > 0) throw error;
  return packet;
}

/**
 * The packet of p = x + decay * error, which goes to `sum`, or leaves p - C(p) in the error.
 * @throws NonFiniteError where x, p or p - C(p) holds NaN or infinity; the error is as it was
 */
export function* encodeWithError(
  scope: Scope,
  compressor: Compressor,
  x: Vector,
  { error, decay, sum }: Feedback,
  draw: Draw,
  codecOf: CodecOf,
  makeRoom: RoomFor,
): Steps<Bytes> {
  const { n } = x;
  if (n === 0) return yield* encode(scope, compressor, x, draw, makeRoom);
  // 1. p = x + decay * error
  const old = scope.vector(error);
  const target: Target | undefined = sum && scope.written(sum);
  const p: Vector = target ?? { buffer: scope.take(n), n };
  const keys = compensate(scope, x, old, decay, p);
  // 2. C(p); the largest magnitudes come with the first of what it reads
  let largest = 0;
  const encoding = compressor.encode(scope, p, draw, makeRoom);
  const parts = yield* beside(encoding, { buffer: keys }, function* (found) {
    largest = yield* largestOf(scope, { x, error: old, decay }, found);
  });
  const packet =
    parts.tail === undefined
      ? writePacket(parts, (words) => scope.shorten(words), makeRoom)
      : yield* copied(scope, p, parts, makeRoom);
  // 3. the error becomes p - C(p)
  const view = viewPacket(packet);
  const lost = parts.sent?.(view, codecOf) ?? codecOf(view).decode(scope, view);
  if (largest >= RISKY)
    yield* requireWithin(scope, n, 'what the packet loses of the sum of x and the error', (quarter) => {
      scope.run(accumulateKernel, { x: p.buffer, y: quarter }, { n, scale: 1 / 4 });
      lost.add(quarter, -1 / 4);
    });
  if (target !== undefined) {
    yield target.done();
    return packet;
  }
  lost.add(p.buffer, -1);
  const left = scope.give(p.buffer, error);
  // a range of the user's has to have it; who reads a vector of the device comes behind
  if (left.length > 0 || isGpuRange(error)) yield left;
  return packet;
}

/** y = x + decay * error, n >= 1; gives the keys of the largest magnitudes of x and error. */
function compensate(scope: Scope, x: Vector, error: Vector, decay: number, y: Vector): DeviceBuffer {
  const keys = scope.take(2);
  const buffers = { x: x.buffer, error: error.buffer, y: y.buffer, keys };
  scope.run(compensateKernel, buffers, { n: x.n, scale: scaleOf(decay) });
  return keys;
}

/** The larger of these keys. @throws NonFiniteError where x, the error or their sum is not finite */
function* largestOf(
  scope: Scope,
  { x, error, decay }: { readonly x: Vector; readonly error: Vector; readonly decay: number },
  [ofX, ofError]: Uint32Array,
  what = 'the error',
): Steps<number> {
  const { n } = x;
  const largest = Math.max(ofX, ofError);
  if (ofX >= INFINITE) throw yield* nonFiniteError(scope, x);
  if (ofError >= INFINITE) {
    const { count, first } = yield* nonFiniteError(scope, error);
    throw new NonFiniteError(count, first, what);
  }
  if (largest >= LARGE)
    yield* requireWithin(scope, n, `the sum of x and ${what}`, (quarter) => {
      scope.run(accumulateKernel, { x: x.buffer, y: quarter }, { n, scale: 1 / 4 });
      const scale = scaleOf(scaleOf(decay) / 4);
      scope.run(accumulateKernel, { x: error.buffer, y: quarter }, { n, scale });
    });
  return largest;
}

/**
 * y = x + decay * error, n >= 1; `what` the error is, if not one.
 * @throws NonFiniteError where one of them is not finite
 */
export function* addError(
  scope: Scope,
  x: Vector,
  error: Vector,
  decay: number,
  y: Target | Vector,
  what?: string,
): Steps<void> {
  const keys = compensate(scope, x, error, decay, y);
  const [found] = yield [{ buffer: keys }, ...('done' in y ? y.done() : [])];
  yield* largestOf(scope, { x, error, decay }, found, what);
}

/** A quarter of what float32 holds, 2^126. */
const QUARTER = 2 ** 126;

/**
 * Looks whether a sum, `what`, passes float32's range, by a quarter of it, which rounds as it does: on a GPU a sum
 * beyond the range may be any number. `add` adds quarters of the terms to zeros.
 * @throws NonFiniteError where it does
 */
function* requireWithin(
  scope: Scope,
  n: number,
  what: string,
  add: (quarter: DeviceBuffer) => void,
): Steps<void> {
  const quarter = scope.take(n);
  scope.run(clearKernel, { y: quarter }, { n });
  add(quarter);
  const { count, indices } = selectFrom(scope, { buffer: quarter, n }, QUARTER);
  const [[found], [first]] = yield scope.read(count, { buffer: indices, count: 1 });
  if (found > 0) throw new NonFiniteError(found, first, what);
}

/**
 * Steps, with one more request beside the first of theirs, or by itself, whose words `check` sees before they go on.
 */
function* beside<T>(
  steps: Steps<T>,
  request: ReadRequest,
  check: (words: Uint32Array) => Steps<void>,
): Steps<T> {
  let next = steps.next();
  const [found, ...first] = yield [request, ...(next.done === true ? [] : next.value)];
  yield* check(found);
  let words = first;
  while (next.done !== true) {
    next = steps.next(words);
    if (next.done !== true) words = yield next.value;
  }
  return next.value;
}
