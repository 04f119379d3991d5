/**
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4): polynomial 0x1edc6f41, reflected, initial value and final XOR all ones.
 */
import { passed, passedWords, tablesOf, type Tables } from './crc.ts';

/** The polynomial with its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Made on first use, since nothing runs at import. */
let tables: Tables | undefined;

/** Makes fewer words of many, for which the register, from zero, ends as it does for these from all ones. */
export type Shorten = (words: Uint32Array) => Uint32Array | undefined;

/** Words from which on it is worth while to shorten them. */
const LONG = 2 ** 13;

/** The CRC-32C of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  tables ??= tablesOf(POLYNOMIAL);
  return ~passed(tables, -1, bytes) >>> 0;
}

/** The CRC-32C of the bytes of the first `count` words. With `shorten`, many of them are first made few. */
export function crc32cOfWords(words: Uint32Array, count: number, shorten?: Shorten): number {
  tables ??= tablesOf(POLYNOMIAL);
  const short = shorten !== undefined && count >= LONG ? shorten(words.subarray(0, count)) : undefined;
  return short === undefined
    ? ~passedWords(tables, -1, words, count) >>> 0
    : ~passedWords(tables, 0, short, short.length) >>> 0;
}
