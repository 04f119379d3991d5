/**
 * The k-th largest key of words, by digits: a histogram of the highest 11 bits, of the next 11 among the words that
 * have the digit found, and of the last 10.
 *
 * keyOf(word, order): what elements are compared by, unsigned integers in the order that was asked for: the key of the
 *   magnitude, or the signed key (-0 equals +0) plus 2^31.
 * kthKey(words, n, k, order, bins, numbers): scratch of BINS words, and two numbers: WANTED of the words of this key
 *   are among the k largest, EQUAL is how many there are. 1 <= k <= n.
 *
 * Passes: three reads of the words.
 */
import { at } from './compaction';
import { MAGNITUDE, SIGN } from './float-bits';
import { VALUE } from './order';

/** Words of the histogram of one digit. */
export const BINS: u32 = 2048;

/** The numbers, by their offset in bytes: what is still wanted of the key, and how many words have it. */
export const WANTED: usize = 0;
export const EQUAL: usize = 4;

/** The key of a word. */
// @ts-ignore: decorator
@inline
export function keyOf(word: u32, order: u32): u32 {
  const magnitude = word & MAGNITUDE;
  if (order != VALUE) return magnitude;
  return word > magnitude ? SIGN - magnitude : SIGN + magnitude;
}

/**
 * The key of the k-th largest of n words, 1 <= k <= n, by digits of 11, 11 and 10 bits. The numbers: WANTED of the
 * words of this key are among the k largest, EQUAL is how many there are.
 */
export function kthKey(words: usize, n: u32, k: u32, order: u32, bins: usize, numbers: usize): u32 {
  store<u32>(numbers, k, WANTED);
  let key = digit(words, n, order, 0, 0, 21, 2047, bins, numbers);
  key = digit(words, n, order, key, ~0 << 21, 10, 2047, bins, numbers);
  return digit(words, n, order, key, ~0 << 10, 0, 1023, bins, numbers);
}

/** One digit more of a key whose bits in `fixed` are known: the histogram of the words that have them. */
function digit(
  words: usize,
  n: u32,
  order: u32,
  key: u32,
  fixed: u32,
  shift: u32,
  last: u32,
  bins: usize,
  numbers: usize,
): u32 {
  memory.fill(bins, 0, BINS << 2);
  for (const end = at(words, n); words < end; words += 4) {
    const own = keyOf(load<u32>(words), order);
    if (((own ^ key) & fixed) != 0) continue;
    const bin = at(bins, (own >> shift) & last);
    store<u32>(bin, load<u32>(bin) + 1);
  }
  let wanted = load<u32>(numbers, WANTED);
  let digit = last;
  let found = load<u32>(at(bins, digit));
  while (found < wanted) {
    wanted -= found;
    found = load<u32>(at(bins, --digit));
  }
  store<u32>(numbers, wanted, WANTED);
  store<u32>(numbers, found, EQUAL);
  return key | (digit << shift);
}
