/**
 * Folding words for a CRC-32C: each is added, by XOR, to some that come later, and stands for nothing from then on.
 *
 * The generator of CRC-32C divides 1 + x^2751 + x^4508 + x^5275, and so, squares taken five times, the same of x^32: a
 * word may be moved by 5275, 5275 - 2751 and 5275 - 4508 words towards the end at once. No multiple of four terms is
 * shorter, and of six terms none is shorter than 1 + x^14 + x^39 + x^54 + x^144 + x^209 (found by trying all up to
 * there). With the first, many words become 5275, for which a step of four words takes four loads; with the second
 * these become 209, which are left to tables.
 *
 * fold(window, count): window of SPAN words that were folded last, zeros at the start, then `count` new ones, count >=
 *   1; the last SPAN of all are at its start afterwards. Passes: one read, one write, in the cache.
 * foldLast(window): window of SPAN words that were folded last, then the last SPAN of all. Of these, the last SHORT are
 *   what is left.
 * foldShort(words, count): of `count` words the last SHORT are what is left, count >= SHORT.
 * All of them return whether all words of the message that they were given are finite as float32.
 */
import { MAGNITUDE } from './float-bits';

/** Words from one that is folded to the last that it is added to, and to the others. */
export const SPAN: u32 = 5275;
export const NEAR: u32 = 767;
export const MIDDLE: u32 = 2524;

/** The same of the short multiple. */
export const SHORT: u32 = 209;
const TAP1: u32 = 65;
const TAP2: u32 = 155;
const TAP3: u32 = 170;
const TAP4: u32 = 195;

/** The key of infinity. */
const INFINITE: u32 = 0x7f800000;

// @ts-ignore: decorator
@inline
function wordsOf(count: u32): usize {
  return (<usize>count) << 2;
}

export function fold(window: usize, count: u32): bool {
  let old = window;
  let own = window + wordsOf(SPAN);
  const end = own + wordsOf(count);
  let largest: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const magnitude = i32x4.splat(MAGNITUDE);
    let keys = i32x4.splat(0);
    for (const whole = own + wordsOf(count & ~7); own < whole; own += 32, old += 32) {
      const a = v128.load(own);
      const b = v128.load(own, 16);
      keys = i32x4.max_s(keys, i32x4.max_s(v128.and(a, magnitude), v128.and(b, magnitude)));
      v128.store(own, v128.xor(v128.xor(a, v128.load(old)), taps(old)));
      v128.store(own, v128.xor(v128.xor(b, v128.load(old, 16)), taps(old + 16)), 16);
    }
    largest = largestOf(keys);
  }
  for (; own < end; own += 4, old += 4) {
    const word = load<u32>(own);
    largest = max(largest, word & MAGNITUDE);
    const near = load<u32>(old, (SPAN - NEAR) << 2) ^ load<u32>(old, (SPAN - MIDDLE) << 2);
    store<u32>(own, word ^ load<u32>(old) ^ near);
  }
  memory.copy(window, window + wordsOf(count), wordsOf(SPAN));
  return largest < INFINITE;
}

/** What is added to four words from SPAN behind `old` on, beside those at `old`. */
// @ts-ignore: decorator
@inline
function taps(old: usize): v128 {
  return v128.xor(v128.load(old, (SPAN - NEAR) << 2), v128.load(old, (SPAN - MIDDLE) << 2));
}

// @ts-ignore: decorator
@inline
function largestOf(keys: v128): u32 {
  return max(
    max(<u32>i32x4.extract_lane(keys, 0), <u32>i32x4.extract_lane(keys, 1)),
    max(<u32>i32x4.extract_lane(keys, 2), <u32>i32x4.extract_lane(keys, 3)),
  );
}

export function foldLast(window: usize): bool {
  const last = window + wordsOf(SPAN);
  const largest = add(last, window, SPAN);
  add(last, last - wordsOf(NEAR), NEAR);
  add(last, last - wordsOf(MIDDLE), MIDDLE);
  foldShort(last, SPAN);
  return largest < INFINITE;
}

/** Adds words to others; the largest key of those. */
function add(to: usize, from: usize, count: u32): u32 {
  const end = to + wordsOf(count);
  let largest: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const magnitude = i32x4.splat(MAGNITUDE);
    let keys = i32x4.splat(0);
    for (const whole = to + wordsOf(count & ~3); to < whole; to += 16, from += 16) {
      const word = v128.load(to);
      keys = i32x4.max_s(keys, v128.and(word, magnitude));
      v128.store(to, v128.xor(word, v128.load(from)));
    }
    largest = largestOf(keys);
  }
  for (; to < end; to += 4, from += 4) {
    const word = load<u32>(to);
    largest = max(largest, word & MAGNITUDE);
    store<u32>(to, word ^ load<u32>(from));
  }
  return largest;
}

export function foldShort(words: usize, count: u32): bool {
  const end = words + wordsOf(count);
  // from here on words only take: they stay
  const rest = end - wordsOf(SHORT);
  let own = words;
  let largest: u32 = 0;
  const full = words + wordsOf(SHORT);
  for (; own < min(full, end); own += 4) {
    const word = load<u32>(own);
    largest = max(largest, word & MAGNITUDE);
    store<u32>(own, word ^ before(own, words, rest));
  }
  if (ASC_FEATURE_SIMD) {
    const magnitude = i32x4.splat(MAGNITUDE);
    let keys = i32x4.splat(0);
    for (; own + 16 <= rest; own += 16) {
      const word = v128.load(own);
      keys = i32x4.max_s(keys, v128.and(word, magnitude));
      const far = v128.xor(v128.load(own - wordsOf(SHORT)), v128.load(own - wordsOf(TAP4)));
      const middle = v128.xor(v128.load(own - wordsOf(TAP3)), v128.load(own - wordsOf(TAP2)));
      v128.store(own, v128.xor(v128.xor(word, v128.load(own - wordsOf(TAP1))), v128.xor(far, middle)));
    }
    largest = max(largest, largestOf(keys));
  }
  for (; own < end; own += 4) {
    const word = load<u32>(own);
    largest = max(largest, word & MAGNITUDE);
    store<u32>(own, word ^ before(own, words, rest));
  }
  return largest < INFINITE;
}

/** What is added to the word at `own` from those from `first` on and before `rest`. */
function before(own: usize, first: usize, rest: usize): u32 {
  return (
    tap(own - wordsOf(SHORT), first, rest) ^
    tap(own - wordsOf(TAP4), first, rest) ^
    tap(own - wordsOf(TAP3), first, rest) ^
    tap(own - wordsOf(TAP2), first, rest) ^
    tap(own - wordsOf(TAP1), first, rest)
  );
}

// @ts-ignore: decorator
@inline
function tap(at: usize, first: usize, rest: usize): u32 {
  return at >= first && at < rest ? load<u32>(at) : 0;
}
