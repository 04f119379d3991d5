/** The steps that systems share: what a vector becomes on its way through a compressor, sums of what others sent. */
import { requireBytes, requireFloat32Array, requireInteger, requireNumber } from '../arguments.ts';
import type { Compressor } from '../compressors/compressor.ts';
import type { CompressOptions, Device } from '../device.ts';
import { OverflowError, PacketError } from '../errors.ts';
import type { Bytes } from '../platform.ts';
import type { Model } from './system.ts';
import { copyInto, nonFiniteIn, requireFinite, requireFiniteVector, type Vector } from './vectors.ts';

/** target += source */
export function add(target: Float32Array, source: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] += source[i];
}

/** The result of compressing a vector with error feedback. */
export interface Squeezed {
  readonly packet: Bytes;
  /** p = vector + error. */
  readonly sum: Float32Array;
  /** p - C(p), as the receiver of the packet decodes it: what the packet lost. */
  readonly rest: Float32Array;
}

/**
 * Error feedback: compresses p = vector + error. The error stays as it is; `sum` and `rest` are written to, also where
 * it refuses.
 * @throws NonFiniteError where p, or what the packet loses of it, is not finite
 */
export async function squeezeWithError(
  device: Device,
  compressor: Compressor,
  vector: Vector,
  error: Float32Array,
  { sum, rest }: Omit<Squeezed, 'packet'>,
  draw: CompressOptions,
): Promise<Squeezed> {
  await addTo(device, error, vector, sum, 'the sum of gradient and error memory');
  const packet = await device.compress(compressor, sum, draw);
  rest.set(sum);
  await device.decompress(packet, { into: rest, accumulate: -1 });
  requireFinite(rest, 'what the packet loses of gradient and error memory');
  return { packet, sum, rest };
}

/**
 * sum = kept + vector
 * @throws NonFiniteError where the vector, or the sum, `what`, is not finite
 */
async function addTo(
  device: Device,
  kept: Float32Array,
  vector: Vector,
  sum: Float32Array,
  what: string,
): Promise<void> {
  await copyInto(device, vector, sum);
  add(sum, kept);
  const { count } = nonFiniteIn(sum);
  if (count === 0) return;
  // whose fault it is: the kept vector is finite
  await requireFiniteVector(device, vector, sum.length);
  requireFinite(sum, what);
}

/** into += the mean of what the packets stand for, added in their order. */
export async function addMean(
  device: Device,
  packets: readonly Uint8Array[],
  into: Float32Array,
): Promise<void> {
  for (const packet of packets) await device.decompress(packet, { into, accumulate: 1 / packets.length });
}

/**
 * Says whose fault it is that the mean of packets of these ranks, and what was added to it, is not finite.
 * @throws PacketError where one of them decodes to NaN or infinity; else OverflowError
 */
export async function blameOverflow(
  device: Device,
  packets: readonly Uint8Array[],
  ranks: readonly number[],
  what: string,
  { count, first }: { readonly count: number; readonly first: number },
): Promise<never> {
  const values: string[] = [];
  for (const [i, packet] of packets.entries()) {
    const vector = await device.decompress(packet);
    const bad = nonFiniteIn(vector);
    if (bad.count > 0)
      throw new PacketError(`the packet from rank ${ranks[i]} has no finite value at ${bad.first}`, 16);
    values.push(`${vector[first]} from rank ${ranks[i]}`);
  }
  throw new OverflowError(what, count, first, `: ${someOf(values)}`);
}

/** The first of a list, for messages. */
function someOf(values: readonly string[]): string {
  const shown = values.slice(0, 4).join(', ');
  return values.length > 4 ? `${shown} and ${values.length - 4} more` : shown;
}

/**
 * acc = residual + gradient
 * @throws NonFiniteError where that is not finite; the residual stays as it is
 */
export async function accumulate(
  device: Device,
  residual: Float32Array,
  gradient: Vector,
  acc: Float32Array,
): Promise<void> {
  await addTo(device, residual, gradient, acc, 'the sum of gradient and residual');
}

/**
 * At `indices` the direction is the mean, sums / count; everywhere else it is 0 and the residual keeps acc. So it does
 * at the indices where acc was not `among` the sums.
 */
export function takeMean(
  indices: ArrayLike<number>,
  sums: Float32Array,
  { count, among }: { readonly count: number; readonly among: boolean },
  acc: Float32Array,
  residual: Float32Array,
  direction: Float32Array,
): void {
  direction.fill(0);
  residual.set(acc);
  for (let j = 0; j < indices.length; j++) {
    direction[indices[j]] = sums[j] / count;
    if (among) residual[indices[j]] = 0;
  }
}

/**
 * Momentum SGD's step: velocity = momentum velocity + direction; parameters -= learningRate velocity.
 *
 * @param model parameters and velocity, n elements each; both are changed
 * @param direction n elements
 * @example
 * const state = { parameters: new Float32Array(2), velocity: new Float32Array(2) };
 * descend({ ...state, learningRate: 0.5, momentum: 0.9 }, Float32Array.of(2, 4));
 */
export function descend(
  { parameters, velocity, learningRate, momentum }: Model,
  direction: Float32Array,
): void {
  for (let i = 0; i < parameters.length; i++) {
    velocity[i] = momentum * velocity[i] + direction[i];
    parameters[i] -= learningRate * velocity[i];
  }
}

/**
 * The model that a step asks for.
 * @throws TypeError or RangeError unless parameters and velocity have n elements, and learningRate and momentum are
 * numbers
 */
export function requireModel(model: Model | undefined, n: number, step: number): Model {
  if (model === undefined)
    throw new TypeError(`"model" expected in step ${step}, which averages the models, got none`);
  for (const name of ['parameters', 'velocity'] as const)
    requireInteger(`model.${name}.length`, requireFloat32Array(`model.${name}`, model[name]).length, n, n);
  requireNumber('model.learningRate', model.learningRate, 'a finite number', () => true);
  requireNumber('model.momentum', model.momentum, 'a number of 0 or more', (value) => value >= 0);
  return model;
}

/** Two vectors take each other's values. */
export function swapValues(a: Float32Array, b: Float32Array): void {
  for (let i = 0; i < a.length; i++) [a[i], b[i]] = [b[i], a[i]];
}

/** @throws RangeError unless there is one message of each of `count` senders */
export function requireMessages(name: string, messages: readonly Uint8Array[], count: number): void {
  requireInteger(`${name}.length`, messages.length, count, count);
}

/**
 * Whose messages a round is made of: `from`, or all.
 * @throws RangeError unless they are ranks below `workers`, ascending, at least one
 */
export function ranksOf(from: readonly number[] | undefined, workers: number): readonly number[] {
  if (from === undefined) return Array.from({ length: workers }, (_, rank) => rank);
  requireInteger('from.length', from.length, 1, workers);
  from.forEach((rank, i) => requireInteger(`from[${i}]`, rank, i === 0 ? 0 : from[i - 1] + 1, workers - 1));
  return from;
}

/** `check` of systems that have no `gather` rounds. */
export async function notGathered(): Promise<void> {
  throw new PacketError('a message among peers, and this round is none', 0);
}

/** What a worker that only follows says where a server answers: nothing of it is read. */
export const SILENT: { readonly route: 'server'; readonly bytes: Bytes } = {
  route: 'server',
  bytes: new Uint8Array(0),
};

/** The one message that a round with a server, or a sum, leaves in an inbox. */
export function only(inbox: readonly Uint8Array[]): Uint8Array {
  requireMessages('inbox', inbox, 1);
  return requireBytes('inbox[0]', inbox[0]);
}

/**
 * The sum of a round of route `sum`: float32 vectors of one length, added in the order of ranks. `from` has the ranks
 * whose messages they are, 0 and so on if left out; errors name them.
 *
 * @param messages of the round, by rank: float32, little-endian
 * @param from ranks, ascending
 * @returns the sum as float32 in bytes, of the length of one message
 * @throws PacketError where the messages are no such vectors, or have NaN or infinity in them
 * @throws OverflowError where they do not, and their sum does
 * @example
 * const [a, b] = [Float32Array.of(1, 2), Float32Array.of(3, 4)].map(({ buffer }) => new Uint8Array(buffer));
 * const total = new Float32Array(sumMessages([a, b]).buffer);
 */
export function sumMessages(
  messages: readonly Uint8Array[],
  from: readonly number[] = messages.map((_, rank) => rank),
): Bytes {
  const length = Math.floor((messages[0]?.length ?? 0) / 4);
  const sum = new Float32Array(length);
  for (const message of messages) add(sum, floatsOf(message, length));
  const { count, first } = nonFiniteIn(sum);
  if (count > 0) {
    const vectors = messages.map((message) => finiteFloatsOf(message, length));
    const values = vectors.map((vector, i) => `${vector[first]} from rank ${from[i]}`);
    throw new OverflowError(`the sum of ${messages.length} messages`, count, first, `: ${someOf(values)}`);
  }
  return bytesOf(sum);
}

/**
 * The sum that a round of route `sum` left in an inbox.
 * @throws PacketError where it has another length, or NaN in it; OverflowError where it has infinity
 */
export function sumOf(inbox: readonly Uint8Array[], length: number): Float32Array {
  const bytes = only(inbox);
  const sum = floatsOf(bytes, length);
  const { count, first } = nonFiniteIn(sum);
  if (count > 0 && !sum.some(Number.isNaN)) throw new OverflowError('the sum in the inbox', count, first);
  return finiteFloatsOf(bytes, length);
}

/**
 * A message that is a vector of `length` float32.
 * @throws PacketError where it has another length
 */
export function floatsOf(bytes: Uint8Array, length: number): Float32Array {
  if (bytes.length !== length * 4)
    throw new PacketError(`a message of ${bytes.length} bytes, expected ${length * 4}`, bytes.length);
  // a view where the bytes are aligned; else a copy, by the constructor: a Node Buffer's own slice is a view
  const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(buffer, byteOffset, length);
}

/**
 * As floatsOf, of finite numbers.
 * @throws PacketError also where one is NaN or infinite
 */
export function finiteFloatsOf(bytes: Uint8Array, length: number): Float32Array {
  const floats = floatsOf(bytes, length);
  const bad = floats.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new PacketError(`value ${bad} of the message is NaN or infinite`, bad * 4);
  return floats;
}

/**
 * A vector as a message: its own memory, or a copy where that is shared, since sockets take none that is, or is part of
 * another's, since messages may be transferred.
 */
export function bytesOf(floats: Float32Array): Bytes {
  const { buffer, byteLength } = floats;
  const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  return new Uint8Array(whole ? buffer : floats.slice().buffer);
}
