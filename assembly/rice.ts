/**
 * Ascending index lists as Rice codes of their gaps in blocks of 128, and back: the format of
 * ts/packet/index-coding.ts, whose bits these are.
 *
 * ricePlan(indices, k, head, size): the heads of all blocks, 16 bits each, to ceil(ceil(k / 128) / 2) words, of which
 *   an unused half is 0; size[0] = words of the low part, size[1] = bits of the unary part.
 * riceEncode(indices, k, head, low, unary, unaryBits): low and unary by the heads of ricePlan. low has one word more
 *   than its part, for what is stored ahead; unary of ceil(unaryBits / 32) words.
 * riceDecode(head, low, lowWords, unary, unaryBits, k, n, indices): k ascending indices below n; false where the parts
 *   do not agree with each other or give others. The unused bits behind the last head and the last one of the unary
 *   part are not looked at. Eight bytes behind low and unary are read, and do not matter. unaryBits < 2^31.
 *
 * k >= 1. Scratch: none. Passes: one over the list each.
 */
import { at, lanesSum } from './compaction';

/** Gaps that share one parameter. */
export const BLOCK: u32 = 128;

/** Bits of a head that hold r. */
const R_BITS: u32 = 5;
const R_MASK: u32 = 31;

export function ricePlan(indices: usize, k: u32, head: usize, size: usize): void {
  let lowWords: u32 = 0;
  let unaryBits: u32 = 0;
  let next: u32 = 0;
  for (let first: u32 = 0; first < k; first += BLOCK, head += 2) {
    const count = min<u32>(BLOCK, k - first);
    const own = at(indices, first);
    const last = load<u32>(at(own, count - 1));
    const mean = (last + 1 - next - count) / count;
    const larger: u32 = mean == 0 ? 0 : 31 - clz(mean);
    const smaller: u32 = larger == 0 ? 0 : larger - 1;
    const gap = load<u32>(own) - next;
    let ones = gap >> larger;
    let onesOfSmaller = gap >> smaller;
    let i: u32 = 1;
    if (ASC_FEATURE_SIMD) {
      let ones4 = i32x4.splat(0);
      let onesOfSmaller4 = i32x4.splat(0);
      for (; i + 4 <= count; i += 4) {
        const p = at(own, i);
        // place - before - 1
        const gaps = v128.not(i32x4.sub(v128.load(p - 4), v128.load(p)));
        ones4 = i32x4.add(ones4, i32x4.shr_u(gaps, larger));
        onesOfSmaller4 = i32x4.add(onesOfSmaller4, i32x4.shr_u(gaps, smaller));
      }
      ones += lanesSum(ones4);
      onesOfSmaller += lanesSum(onesOfSmaller4);
    }
    for (; i < count; i++) {
      const p = at(own, i);
      const gap = load<u32>(p) - load<u32>(p - 4) - 1;
      ones += gap >> larger;
      onesOfSmaller += gap >> smaller;
    }
    let r = larger;
    if (count * smaller + onesOfSmaller < count * larger + ones) {
      r = smaller;
      ones = onesOfSmaller;
    }
    store<u16>(head, r | ((ones + count) << R_BITS));
    lowWords += (count * r + 31) >> 5;
    unaryBits += ones + count;
    next = last + 1;
  }
  // the unused half of the last word
  if ((((k + BLOCK - 1) / BLOCK) & 1) != 0) store<u16>(head, 0);
  store<u32>(size, lowWords);
  store<u32>(size, unaryBits, 4);
}

export function riceEncode(
  indices: usize,
  k: u32,
  head: usize,
  low: usize,
  unary: usize,
  unaryBits: u32,
): void {
  memory.fill(unary, 0, (<usize>((unaryBits + 31) >> 5)) << 2);
  let next: u32 = 0;
  // the word of the unary part that is being filled
  let ones: u32 = 0;
  let unaryBit: u32 = 0;
  for (let first: u32 = 0; first < k; first += BLOCK, head += 2) {
    const r = (<u32>load<u16>(head)) & R_MASK;
    const mask: u32 = (1 << r) - 1;
    let rests: u64 = 0;
    let fill: u32 = 0;
    for (const end = at(indices, min<u32>(BLOCK, k - first)); indices < end; indices += 4) {
      const index = load<u32>(indices);
      const gap = index - next;
      next = index + 1;
      unaryBit += gap >> r;
      if (unaryBit >= 32) {
        store<u32>(unary, ones);
        unary += (<usize>(unaryBit >> 5)) << 2;
        unaryBit &= 31;
        ones = 0;
      }
      ones |= 1 << unaryBit++;
      // stored before it is full: a branch would be taken at every other step
      rests |= (<u64>(gap & mask)) << fill;
      store<u32>(low, <u32>rests);
      fill += r;
      low += (<usize>(fill >> 5)) << 2;
      rests >>= <u64>(fill & 32);
      fill &= 31;
    }
    if (fill > 0) {
      store<u32>(low, <u32>rests);
      low += 4;
    }
  }
  if (ones != 0) store<u32>(unary, ones);
}

export function riceDecode(
  head: usize,
  low: usize,
  lowWords: u32,
  unary: usize,
  unaryBits: u32,
  k: u32,
  n: u32,
  indices: usize,
): bool {
  const lowStop = at(low, lowWords);
  let unaryBit: u32 = 0;
  let last: i64 = -1;
  for (let first: u32 = 0; first < k; first += BLOCK, head += 2) {
    const own = <u32>load<u16>(head);
    const r = own & R_MASK;
    const mask: u32 = (1 << r) - 1;
    const count = min<u32>(BLOCK, k - first);
    const blockEnd = unaryBit + (own >> R_BITS);
    const lowEnd = at(low, (count * r + 31) >> 5);
    if (blockEnd > unaryBits || lowEnd > lowStop) return false;
    let bit: u32 = 0;
    for (const end = at(indices, count); indices < end; indices += 4) {
      const start = unaryBit;
      let ahead = load<u64>(unary + (unaryBit >> 3)) >> (<u64>(unaryBit & 7));
      if (ahead == 0) {
        unaryBit += 64 - (unaryBit & 7);
        for (; unaryBit < blockEnd; unaryBit += 64) {
          ahead = load<u64>(unary + (unaryBit >> 3));
          if (ahead != 0) break;
        }
        if (ahead == 0) return false;
      }
      unaryBit += <u32>ctz(ahead);
      if (unaryBit >= blockEnd) return false;
      const rest = (<u32>(load<u64>(low + (bit >> 3)) >> (<u64>(bit & 7)))) & mask;
      bit += r;
      // in 64 bits: a hostile quotient must not wrap around
      last += 1 + ((<i64>(unaryBit - start)) << r) + <i64>rest;
      unaryBit++;
      if (last >= <i64>n) return false;
      store<u32>(indices, <u32>last);
    }
    const tail = bit & 31;
    if (unaryBit != blockEnd || (tail != 0 && load<u32>(lowEnd - 4) >> tail != 0)) return false;
    low = lowEnd;
  }
  return unaryBit == unaryBits && low == lowStop;
}
