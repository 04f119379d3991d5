/** Vectors that went through a packet of flattenedOneBit, and what the packet holds. */
import { openJs } from '../../ts/backends/js/index.ts';
import { flattenedOneBit, type FlattenedOptions } from '../../ts/compressors/flattened-one-bit.ts';
import { Device } from '../../ts/device.ts';
import { readPacket } from '../../ts/packet/packet.ts';
import { unpack } from '../reference/pack.ts';
import { type Key } from '../reference/random.ts';

export const device: Device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

export async function sent(
  x: Float32Array,
  options: FlattenedOptions,
  step = 0,
  stream = 0,
): Promise<Float32Array> {
  return device.decompress(await device.compress(flattenedOneBit(options), x, { step, stream }));
}

/** What a packet holds, by docs/packet.md. */
interface Contents {
  readonly d: number;
  readonly key: Key;
  readonly scales: Float32Array;
  /** -1 where the bit is 1, else 1. */
  readonly signs: Float64Array;
}

export function contentsOf(packet: Uint8Array): Contents {
  const { n, parameters, body } = readPacket(packet);
  const [d, seed, step, stream] = parameters;
  const blocks = Math.ceil(n / d);
  const bits = unpack(body.subarray(blocks), blocks * d, 1);
  return {
    d,
    key: { seed, step, stream },
    scales: new Float32Array(body.slice(0, blocks).buffer),
    signs: Float64Array.from(bits, (bit) => 1 - 2 * bit),
  };
}

/** The blocks of z or of x, the last perhaps shorter. */
export function blocksOf<T extends Float32Array | Float64Array>(v: T, d: number): T[] {
  return Array.from({ length: Math.ceil(v.length / d) }, (_, s) => v.slice(s * d, (s + 1) * d) as T);
}

export const largest = (v: ArrayLike<number>): number =>
  Array.from(v).reduce((a, b) => Math.max(a, Math.abs(b)), 0);

/** sqrt(2 ln(2d) / d), the factor of lambda 'norm'. */
export const spread = (d: number): number => Math.sqrt((2 * Math.log(2 * d)) / d);
