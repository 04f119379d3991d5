/**
 * Ascending index lists as bits: Rice codes of the gaps in blocks of 128, or a bitmap where that is smaller.
 *
 * gap_i = index_i - index_{i-1} - 1, with index_{-1} = -1. A block of up to 128 gaps has a parameter r of its own and
 * three parts, so that a decoder finds every block by prefix sums and can decode blocks side by side:
 *   head   16 bits: r in the low 5, the bits of its unary part in the high 11
 *   low    the low r bits of each gap, lowest bit first; filled up to whole words
 *   unary  for each gap, (gap >> r) zeros and a one; all blocks' parts follow each other without a gap
 * Rice codes: R. F. Rice, "Some practical universal noiseless coding techniques", JPL Publication 79-22, 1979.
 */
import { PacketError } from '../errors.ts';
import { requireZeroTail } from './packet.ts';

/** Gaps that share one Rice parameter: short enough to follow clusters, long enough that the head costs little. */
const BLOCK = 128;

/** Bits of a head that hold r. */
const R_BITS = 5;

/** A Rice-coded list: its three parts, and the exact bits of the last. */
export interface RiceCode {
  readonly head: Uint32Array;
  readonly low: Uint32Array;
  readonly unary: Uint32Array;
  readonly unaryBits: number;
}

/** An index list, coded one way or the other. */
export type CodedIndices =
  | (RiceCode & { readonly coding: 'rice' })
  | { readonly coding: 'bitmap'; readonly bitmap: Uint32Array };

/** What codes long lists faster than this file, to the same bits (`Coder` of ts/backends/backend.ts). */
export interface RiceCoder {
  /** undefined where the code has more than `most` words; k >= 1. */
  encode(indices: Uint32Array, k: number, most: number): RiceCode | undefined;
  /** undefined where something is wrong with the code, but for zeros that fill up its parts; k >= 1. */
  decode(code: RiceCode, k: number, n: number): Uint32Array | undefined;
}

/** Indices of a list that is long enough for another coder. */
export const LONG = 256;

/** Words of the heads of k gaps: two heads a word. */
export function headWords(k: number): number {
  return Math.ceil(Math.ceil(k / BLOCK) / 2);
}

/** Codes ascending indices below n in the smaller of the two ways; Rice where they are equal. */
export function encodeIndices(indices: Uint32Array, n: number, coder?: RiceCoder): CodedIndices {
  const k = indices.length;
  const most = bitmapWords(n);
  const code = coder !== undefined && k >= LONG ? coder.encode(indices, k, most) : encodeRice(indices, most);
  return codedAs(code, () => indices, n);
}

/** A list below n by its Rice code, or where that has too many words, and so is undefined, as a bitmap. */
export function codedAs(code: RiceCode | undefined, indices: () => Uint32Array, n: number): CodedIndices {
  if (code === undefined) return { coding: 'bitmap', bitmap: encodeBitmap(indices(), n) };
  // by name: to spread it takes as long as to code a short list
  const { head, low, unary, unaryBits } = code;
  return { coding: 'rice', head, low, unary, unaryBits };
}

/** Words of a bitmap of n elements. */
export function bitmapWords(n: number): number {
  return Math.ceil(n / 32);
}

/** A one at each of the indices below n. */
function encodeBitmap(indices: Uint32Array, n: number): Uint32Array {
  const bitmap = new Uint32Array(bitmapWords(n));
  for (const index of indices) bitmap[index >>> 5] |= 1 << (index & 31);
  return bitmap;
}

/** The Rice code of ascending indices, unless it has more than `most` words. */
function encodeRice(indices: Uint32Array, most: number): RiceCode | undefined {
  const k = indices.length;
  const heads = planBlocks(indices);
  if (headWords(k) + heads.lowWords + Math.ceil(heads.unaryBits / 32) > most) return undefined;
  const low = new Uint32Array(heads.lowWords);
  const unary = new Uint32Array(Math.ceil(heads.unaryBits / 32));
  const places = int32(indices);
  let lowWord = 0;
  // the word of the unary part that is being filled
  let ones = 0;
  let unaryWord = 0;
  let unaryBit = 0;
  let next = 0;
  for (let block = 0, first = 0; first < k; block++, first += BLOCK) {
    const r = headAt(heads.head, block) & (2 ** R_BITS - 1);
    const mask = (1 << r) - 1;
    const end = Math.min(k, first + BLOCK);
    let rests = 0;
    let fill = 0;
    for (let i = first; i < end; i++) {
      const gap = (places[i] - next) | 0;
      next = (places[i] + 1) | 0;
      unaryBit += gap >>> r;
      if (unaryBit >= 32) {
        unary[unaryWord] = ones;
        unaryWord += unaryBit >>> 5;
        unaryBit &= 31;
        ones = 0;
      }
      ones |= 1 << unaryBit++;
      const rest = gap & mask;
      rests |= rest << fill;
      fill += r;
      if (fill < 32) continue;
      low[lowWord++] = rests;
      fill -= 32;
      rests = fill > 0 ? rest >>> (r - fill) : 0;
    }
    if (fill > 0) low[lowWord++] = rests;
  }
  if (ones !== 0) unary[unaryWord] = ones;
  return { head: heads.head, low, unary, unaryBits: heads.unaryBits };
}

/** Words of an array that engines keep without an ArrayBuffer until it is asked for: a copy costs less than a view. */
const TINY = 16;

/** The same words as signed numbers, which engines add without a check; sums are taken modulo 2^32. */
function int32(words: Uint32Array): Int32Array {
  if (words.length <= TINY) return new Int32Array(words);
  return new Int32Array(words.buffer, words.byteOffset, words.length);
}

/**
 * The heads of all blocks. r of a block is floor(log2(mean gap)) or one less, whichever gives fewer bits, the larger of
 * equals. No other r gives fewer: from r to r - 1 each of the block's gaps saves a bit of its low part and the unary
 * part grows by sum (gap >> r) or more, which from r = log2(mean gap) - 1 down is more than there are gaps. Integers
 * only, so that every implementation chooses alike.
 */
function planBlocks(indices: Uint32Array): { head: Uint32Array; lowWords: number; unaryBits: number } {
  const k = indices.length;
  const head = new Uint32Array(headWords(k));
  const places = int32(indices);
  let lowWords = 0;
  let unaryBits = 0;
  for (let block = 0, first = 0; first < k; block++, first += BLOCK) {
    const count = Math.min(BLOCK, k - first);
    const before = first === 0 ? -1 : indices[first - 1];
    const span = indices[first + count - 1] - before - count;
    const mean = Math.floor(span / count);
    const largest = mean === 0 ? 0 : 31 - Math.clz32(mean);
    const smaller = Math.max(0, largest - 1);
    let ones = 0;
    let onesOfSmaller = 0;
    let next = (before + 1) | 0;
    for (let i = first; i < first + count; i++) {
      const gap = (places[i] - next) | 0;
      next = (places[i] + 1) | 0;
      ones += gap >>> largest;
      onesOfSmaller += gap >>> smaller;
    }
    let r = largest;
    if (count * smaller + onesOfSmaller < count * largest + ones) {
      r = smaller;
      ones = onesOfSmaller;
    }
    head[block >>> 1] |= (r | ((ones + count) << R_BITS)) << ((block & 1) * 16);
    lowWords += Math.ceil((count * r) / 32);
    unaryBits += ones + count;
  }
  return { head, lowWords, unaryBits };
}

/** The head of a block: the low or high half of a word. */
function headAt(head: Uint32Array, block: number): number {
  return (head[block >>> 1] >>> ((block & 1) * 16)) & 0xffff;
}

/**
 * The indices of a Rice-coded list.
 * @param offset the byte offset of the list in its packet, for error messages
 * @throws PacketError unless the three parts agree with each other and give k ascending indices below n
 */
export function decodeRice(
  code: RiceCode,
  k: number,
  n: number,
  offset: number,
  coder?: RiceCoder,
): Uint32Array {
  const { head, low, unary, unaryBits } = code;
  // where the coder refuses, this file says why
  const indices = (k >= LONG ? coder?.decode(code, k, n) : undefined) ?? gapsOf(code, k, n, offset);
  requireZeroTail(unary, unaryBits, offset + (head.length + low.length) * 4);
  requireZeroTail(head, Math.ceil(k / BLOCK) * 16, offset);
  return indices;
}

/** The indices of a code, with all that can be wrong but the zeros behind the last bits. */
function gapsOf(
  { head, low, unary, unaryBits }: RiceCode,
  k: number,
  n: number,
  offset: number,
): Uint32Array {
  const lowOffset = offset + head.length * 4;
  const indices = new Uint32Array(k);
  let lowWord = 0;
  let unaryBit = 0;
  let last = -1;
  for (let block = 0, first = 0; first < k; block++, first += BLOCK) {
    const own = headAt(head, block);
    const r = own & (2 ** R_BITS - 1);
    const mask = (1 << r) - 1;
    const unit = 2 ** r;
    const count = Math.min(BLOCK, k - first);
    const blockEnd = unaryBit + (own >>> R_BITS);
    const lowEnd = lowWord + Math.ceil((count * r) / 32);
    if (blockEnd > unaryBits || lowEnd > low.length)
      throw new PacketError(`block ${block} of the index list passes the end of its section`, offset);
    let at = 0;
    for (let i = first; i < first + count; i++) {
      const start = unaryBit;
      // only words that hold bits of this block are read: behind the last of them there may be none
      let ahead = 0;
      while (unaryBit < blockEnd && (ahead = unary[unaryBit >>> 5] >>> (unaryBit & 31)) === 0)
        unaryBit = (unaryBit | 31) + 1;
      // the lowest one, where there is one
      if (ahead !== 0) unaryBit += 31 - Math.clz32(ahead & -ahead);
      if (ahead === 0 || unaryBit >= blockEnd)
        throw new PacketError(`block ${block} of the index list has too few ones`, offset);
      let rest = 0;
      if (r > 0) {
        const word = lowWord + (at >>> 5);
        const shift = at & 31;
        rest = low[word] >>> shift;
        if (shift + r > 32) rest |= low[word + 1] << (32 - shift);
        rest &= mask;
        at += r;
      }
      // in float64: a hostile quotient must not wrap around
      last += 1 + (unaryBit - start) * unit + rest;
      unaryBit++;
      if (last >= n) throw new PacketError(`the index list holds ${last}, but n is ${n}`, offset);
      indices[i] = last;
    }
    if (unaryBit !== blockEnd)
      throw new PacketError(`block ${block} of the index list is longer than its gaps`, offset);
    requireZeroTail(low.subarray(lowWord, lowEnd), count * r, lowOffset + lowWord * 4);
    lowWord = lowEnd;
  }
  if (unaryBit !== unaryBits || lowWord !== low.length)
    throw new PacketError('the index list is shorter than its sections', offset);
  return indices;
}

/**
 * The indices of a bitmap.
 * @throws PacketError unless exactly k bits are set, all below n
 */
export function decodeBitmap(bitmap: Uint32Array, k: number, n: number, offset: number): Uint32Array {
  const indices = new Uint32Array(k);
  let found = 0;
  for (let word = 0; word < bitmap.length; word++) {
    let bits = bitmap[word];
    while (bits !== 0) {
      const index = word * 32 + 31 - Math.clz32(bits & -bits);
      if (index >= n || found === k)
        throw new PacketError(`the bitmap has a one too many, at ${index}`, offset + word * 4);
      indices[found++] = index;
      bits &= bits - 1;
    }
  }
  if (found !== k) throw new PacketError(`the bitmap has ${found} ones, expected ${k}`, offset);
  return indices;
}
