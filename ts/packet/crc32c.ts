/**
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4): polynomial 0x1edc6f41, reflected, initial value and final XOR all ones.
 */
import { passed, passedWords, tablesOf, type Tables } from './crc.ts';

/** The polynomial with its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Made on first use, since nothing runs at import. */
let tables: Tables | undefined;

/** What many words were made of for their CRC, and what was seen of them on the way. */
export interface Short {
  /** Few words, for which the register, from zero, ends as it does for all from all ones; until the next is made. */
  readonly words: Uint32Array;
  /** Whether all but the first, taken as float32, are finite. */
  readonly finite: boolean;
}

/** Makes few words of many. */
export type Shorten = (words: Uint32Array) => Short | undefined;

/** Words from which on it is worth while to shorten them. */
export const LONG: number = 2 ** 11;

/** The CRC-32C of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  tables ??= tablesOf(POLYNOMIAL);
  return ~passed(tables, -1, bytes) >>> 0;
}

/** The first `count` words made few, where these are many and there is something that does so. */
export function shortened(words: Uint32Array, count: number, shorten?: Shorten): Short | undefined {
  return shorten !== undefined && count >= LONG ? shorten(words.subarray(0, count)) : undefined;
}

/** The CRC-32C of the bytes of the first `count` words, by the few words that they were made, if they were. */
export function crc32cOfWords(words: Uint32Array, count: number, short?: Short): number {
  tables ??= tablesOf(POLYNOMIAL);
  return short === undefined
    ? ~passedWords(tables, -1, words, count) >>> 0
    : ~passedWords(tables, 0, short.words, short.words.length) >>> 0;
}
