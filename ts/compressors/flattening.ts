/** What compressors that flatten by blocks share: the order of the transform, and one scale a block. */
import { requireInteger, shown } from '../arguments.ts';
import { PacketError } from '../errors.ts';
import { INFINITE, keyOfPower, LARGEST } from '../kernels/float-bits.ts';
import { LONGEST, transformLength } from '../kernels/fwht.ts';
import type { Packet } from '../packet/packet.ts';

const LEAST_NORMAL = keyOfPower(-126);

/** @throws RangeError or TypeError unless `block` is 'whole' or a power of two up to LONGEST */
export function requireBlock(block: unknown): number | 'whole' {
  if (block === 'whole') return block;
  if (typeof block === 'string' || (requireInteger('block', block, 1, LONGEST) & (Number(block) - 1)) !== 0)
    throw new RangeError(`"block" expected 'whole' or a power of two, got ${shown(block)}`);
  return Number(block);
}

/** d for a vector of n elements: the block, or where that is longer than the vector needs, the next power of two. */
export function orderFor(block: number | 'whole', n: number): number {
  if (block === 'whole') requireInteger('x.length', n, 1, LONGEST);
  const whole = transformLength(n, 'whole');
  return block === 'whole' ? whole : Math.min(block, whole);
}

/** A scale as decoders take it: +0 where it would be subnormal, finite where it would be infinite. */
export function normal(scale: number): number {
  return scale < 2 ** -126 ? 0 : Math.min(scale, LARGEST);
}

/** @throws PacketError unless d, the packet's first parameter, is the order of a transform of its elements */
export function requireOrder({ n }: Packet, d: number): void {
  if (d < 1 || d > LONGEST || (d & (d - 1)) !== 0 || d > transformLength(n, 'whole'))
    throw new PacketError(`a transform of order ${d} for ${n} elements`, 16);
}

/** @throws PacketError unless these scales, a section from byte `offset` on, are +0 or normal, positive and finite */
export function requireScales(scales: Uint32Array, offset: number): void {
  const bad = scales.findIndex((scale) => scale >= INFINITE || (scale > 0 && scale < LEAST_NORMAL));
  if (bad >= 0)
    throw new PacketError(`scale ${bad} is negative, subnormal, NaN or infinite`, offset + bad * 4);
}
