/** The steps that systems share: what a vector becomes on its way through a compressor, sums of what others sent. */
import { requireBytes, requireInteger } from '../arguments.ts';
import type { Compressor } from '../compressors/compressor.ts';
import type { CompressOptions, Device } from '../device.ts';
import { PacketError } from '../errors.ts';
import { inspect } from '../inspect.ts';
import type { Model } from './system.ts';
import { copyInto, requireFinite, type Vector } from './vectors.ts';

/** target += source */
export function add(target: Float32Array, source: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] += source[i];
}

/**
 * Error feedback: compresses p = vector + error, and leaves in `error` what the packet lost, p - C(p) as its receiver
 * decodes it. Where compress refuses, `error` is as it was. `scratch` has their length.
 */
export async function squeezeWithError(
  device: Device,
  compressor: Compressor,
  vector: Vector,
  error: Float32Array,
  scratch: Float32Array,
  draw: CompressOptions,
): Promise<Uint8Array> {
  await copyInto(device, vector, scratch);
  add(scratch, error);
  const packet = await device.compress(compressor, scratch, draw);
  error.set(scratch);
  await device.decompress(packet, { into: error, accumulate: -1 });
  return packet;
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
 * acc = residual + gradient
 * @throws NonFiniteError where that is not finite; the residual stays as it is
 */
export async function accumulate(
  device: Device,
  residual: Float32Array,
  gradient: Vector,
  acc: Float32Array,
): Promise<void> {
  await copyInto(device, gradient, acc);
  add(acc, residual);
  requireFinite(acc);
}

/**
 * At `indices` the direction is the mean, sums / count; everywhere else it is 0 and the residual keeps acc. So it does at
 * the indices where acc was not `among` the sums.
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

/** Momentum SGD's step: velocity = momentum velocity + direction; parameters -= learningRate velocity. */
export function descend(
  { parameters, velocity, learningRate, momentum }: Model,
  direction: Float32Array,
): void {
  for (let i = 0; i < parameters.length; i++) {
    velocity[i] = momentum * velocity[i] + direction[i];
    parameters[i] -= learningRate * velocity[i];
  }
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

/** @throws PacketError unless the packet stands for n elements */
export async function requirePacket(device: Device, packet: Uint8Array, n: number): Promise<void> {
  const has = inspect(packet).n;
  if (has !== n) throw new PacketError(`a packet of ${has} elements, expected ${n}`, 8);
  await device.decompress(packet);
}

/** `check` of systems that have no `gather` rounds. */
export async function notGathered(): Promise<void> {
  throw new PacketError('a message among peers, and this round is none', 0);
}

/** What a worker that only follows says where a server answers: nothing of it is read. */
export const SILENT: { readonly route: 'server'; readonly bytes: Uint8Array } = {
  route: 'server',
  bytes: new Uint8Array(0),
};

/** The one message that a round with a server, or a sum, leaves in an inbox. */
export function only(inbox: readonly Uint8Array[]): Uint8Array {
  requireMessages('inbox', inbox, 1);
  return requireBytes('inbox[0]', inbox[0]);
}

/**
 * The sum of a round of route `sum`: float32 vectors of one length, added in the order of ranks.
 * @throws PacketError where the messages are no such vectors
 */
export function sumMessages(messages: readonly Uint8Array[]): Uint8Array {
  const length = Math.floor((messages[0]?.length ?? 0) / 4);
  const sum = new Float32Array(length);
  for (const message of messages) add(sum, floatsOf(message, length));
  return bytesOf(sum);
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

/** A vector as a message: its own memory. */
export function bytesOf(floats: Float32Array): Uint8Array {
  return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
}
