/**
 * CRC-32 (that of zlib; RFC 1952, section 8): polynomial 0x04c11db7, reflected, initial value and final XOR all ones.
 * For what is to tell packets from each other: a packet ends with its own CRC-32C, and the CRC-32C of all of its bytes
 * is one and the same number, 0x48674bc7, whatever the packet.
 */
import { passed, tablesOf, type Tables } from './crc.ts';

/** The polynomial with its bits reversed. */
const POLYNOMIAL = 0xedb88320;

/** Made on first use, since nothing runs at import. */
let tables: Tables | undefined;

/** The CRC-32 of some bytes. */
export function crc32(bytes: Uint8Array): number {
  tables ??= tablesOf(POLYNOMIAL);
  return ~passed(tables, -1, bytes) >>> 0;
}
