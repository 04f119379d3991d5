/**
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4): polynomial 0x1edc6f41, reflected, initial value and final XOR all ones.
 */
import { passed, tablesOf, type Tables } from './crc.ts';

/** The polynomial with its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Made on first use, since nothing runs at import. */
let tables: Tables | undefined;

/** Makes fewer words of many, for which the register, from zero, ends as it does for these from all ones. */
export type Shorten = (words: Uint32Array) => Uint32Array | undefined;

/** Bytes from which on it is worth while to shorten them. */
const LONG = 2 ** 15;

/** The CRC-32C of some bytes. With `shorten`, many of them are first made few. */
export function crc32c(bytes: Uint8Array, shorten?: Shorten): number {
  tables ??= tablesOf(POLYNOMIAL);
  if (shorten !== undefined && bytes.length >= LONG && bytes.byteOffset % 4 === 0) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
    const short = shorten(words);
    if (short !== undefined)
      return (
        ~passed(tables, passed(tables, 0, new Uint8Array(short.buffer)), bytes.subarray(words.byteLength)) >>>
        0
      );
  }
  return ~passed(tables, -1, bytes) >>> 0;
}
