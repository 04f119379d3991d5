/** The CRC-32C of packets and vectors as text, and those that the golden packets have (golden-sums.ts). */
import { crc32c } from '../packet/crc32c.ts';
import { GOLDEN_SUMS } from './golden-sums.ts';

/** What a golden packet and its vector have to have. */
export interface Sums {
  readonly packet: string;
  readonly vector: string;
}

/** The CRC-32C of some bytes, in eight hexadecimal digits. */
export function sumOf(bytes: Uint8Array): string {
  return crc32c(bytes).toString(16).padStart(8, '0');
}

/** That of a packet without its last word, its own CRC: with it all packets would have the same one. */
export function packetSum(packet: Uint8Array): string {
  return sumOf(packet.subarray(0, -4));
}

/** The checksums of `goldenInputs()`, in that order. */
export function goldenSums(): Sums[] {
  return GOLDEN_SUMS.trim()
    .split(/\s+/)
    .map((pair) => ({ packet: pair.slice(0, 8), vector: pair.slice(8) }));
}
