/**
 * CRC-32 (that of zlib; RFC 1952, section 8): polynomial 0x04c11db7, reflected, initial value and final XOR all ones.
 * For what is to tell packets from each other: a packet ends with its own CRC-32C, and the CRC-32C of all of its bytes
 * is one and the same number, 0x48674bc7, whatever the packet.
 */
import { passed, tablesOf, type Tables } from './crc.ts';

/** The polynomial with its bits reversed. */
const POLYNOMIAL = 0xedb88320;

/** What Node has beside the language: zlib's own, three times as fast as tables. Deno and Bun have it too. */
interface Runtime {
  readonly process?: {
    getBuiltinModule?(name: 'node:zlib'): { readonly crc32?: Crc32 } | undefined;
  };
}

type Crc32 = (bytes: Uint8Array) => number;

/** Found on first use, since nothing runs at import. */
let fastest: Crc32 | undefined;

/** The CRC-32 of some bytes. */
export function crc32(bytes: Uint8Array): number {
  fastest ??= native() ?? byTables();
  return fastest(bytes);
}

/** The runtime's own; undefined where it has none, as before Node 20.15. */
function native(): Crc32 | undefined {
  const { process } = globalThis as Runtime;
  return process?.getBuiltinModule?.('node:zlib')?.crc32;
}

/** By tables of the polynomial, wherever JavaScript runs. */
export function byTables(): Crc32 {
  const tables: Tables = tablesOf(POLYNOMIAL);
  return (bytes) => ~passed(tables, -1, bytes) >>> 0;
}
