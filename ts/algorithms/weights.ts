/**
 * What a message counts for in the means of its round: its weight, the sender's number of samples for example. It
 * stands before the message, so that every transport carries it, and every receiver that means are made by reads it:
 *
 *   0  u32  'fbwt'
 *   4  u32  CRC-32C of bytes 8 to 15
 *   8  f64  the weight, above 0 and finite
 *  16       the message
 *
 * Little-endian. A message of weight 1 stands alone.
 */
import { requireBytes, requireNumber } from '../arguments.ts';
import { PacketError } from '../errors.ts';
import { requireLength } from '../kernels/device-vector.ts';
import { crc32c } from '../packet/crc32c.ts';
import type { Bytes } from '../platform.ts';
import type { SendOptions } from './system.ts';
import type { Vector } from './vectors.ts';

const MAGIC = 0x74776266;
const HEAD = 16;

/** A message without its weight, and that. */
export interface Unweighted {
  readonly bytes: Uint8Array;
  readonly weight: number;
}

/**
 * The weight that a step was begun with.
 * @throws TypeError or RangeError unless it is above 0 and finite
 */
export function requireWeight(weight: unknown = 1): number {
  return requireNumber('weight', weight, 'a finite number above 0', (value) => value > 0);
}

/**
 * What a step of a system begins with whose messages all count alike: n elements, and no other weight than 1.
 * @throws TypeError or RangeError where it is not so
 */
export function requireUnweighted(gradient: Vector, n: number, { weight = 1 }: SendOptions = {}): void {
  requireLength('gradient', gradient, n);
  requireNumber('weight', weight, '1: all workers of this system count alike', (value) => value === 1);
}

/** A message with its weight. */
export function weighted(bytes: Bytes, weight: number): Bytes {
  if (weight === 1) return bytes;
  const message = new Uint8Array(HEAD + bytes.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, MAGIC, true);
  view.setFloat64(8, weight, true);
  view.setUint32(4, crc32c(message.subarray(8, HEAD)), true);
  message.set(bytes, HEAD);
  return message;
}

/**
 * The reverse: the message itself where it stands alone, else a view.
 * @throws PacketError where the weight is damaged, or not above 0 and finite
 */
export function unweighted(message: Uint8Array): Unweighted {
  const { buffer, byteOffset, length } = requireBytes('message', message);
  if (length < 4) return { bytes: message, weight: 1 };
  const view = new DataView(buffer, byteOffset, length);
  if (view.getUint32(0, true) !== MAGIC) return { bytes: message, weight: 1 };
  if (length < HEAD) throw new PacketError(`a weight of ${length} bytes, expected ${HEAD}`, length);
  if (view.getUint32(4, true) !== crc32c(message.subarray(8, HEAD)))
    throw new PacketError('the CRC does not match: the weight was damaged', 4);
  const weight = view.getFloat64(8, true);
  if (!(weight > 0 && weight < Infinity))
    throw new PacketError(`a weight of ${weight}, expected a finite number above 0`, 8);
  return { bytes: message.subarray(HEAD), weight };
}

/** Messages without their weights, and these; all are 1 where they are left out. */
export interface Parted {
  readonly bytes: readonly Uint8Array[];
  readonly weights?: readonly number[];
}

/**
 * The messages of a round without their weights.
 * @throws PacketError where a weight is damaged, or their sum is more than float64 holds
 */
export function parted(messages: readonly Uint8Array[]): Parted {
  const all = messages.map(unweighted);
  if (all.every(({ weight }) => weight === 1)) return { bytes: messages };
  const weights = all.map(({ weight }) => weight);
  if (sumOf(weights) === Infinity) throw new PacketError('the sum of the weights is not finite', 8);
  return { bytes: all.map(({ bytes }) => bytes), weights };
}

/** The sum of weights, in their order. */
export function sumOf(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}
