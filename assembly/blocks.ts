/**
 * Selection by blocks, and the levels that stand for what is selected (ts/kernels/blocks.ts).
 *
 * blockTopK(x, indices, values, scratch, from, n, block, k): of the blocks of x the k largest magnitudes each,
 *   max(1, floor(k L / block)) of one of L elements; ascending indices, ties to the lowest. x starts at a block, whose
 *   first element counts as element `from`; 1 <= k <= block, block a power of two in 64..4096. Scratch:
 *   blockTopKScratch() words of any contents; the first two carry a guess from call to call.
 * blockLevels(values, levels, codes, scratch, count, k, bits): levels of segments of k values, a word each, and a code
 *   for each value, bits 1 or 2. Scratch: blockLevelsScratch() words.
 *
 * How blockTopK finds a block's cut, the key of its k-th largest element: the cut of the block before, less a margin,
 * is a lower bound that mostly leaves few candidates, which are copied, as R. W. Floyd and R. L. Rivest bracket theirs
 * ("Expected time bounds for selection", Communications of the ACM 18(3), 1975). Where they are fewer than k, the
 * margin is doubled; where they are many, it shrinks. The cut is found among them by bisection of keys, which ends as
 * soon as exactly k are at least as large: after about the logarithm of their number. The guess only decides how long
 * it takes, never what comes out.
 * Passes over x: one, and one more for each bound that was too high.
 */
import { at, CHUNK, countFrom, take, takeListed } from './compaction';
import { extremes } from './extremes';
import { MAGNITUDE } from './float-bits';
import { codeOf, CUT, listLevelsScratch, meanLevels } from './levels';

/** The longest block. */
export const LONGEST: u32 = 4096;

/** The order by magnitude. */
const ORDER: u32 = 0;

/** Room for the candidates of a block, and a chunk more, so that they are taken a chunk at a time. */
const ROOM: u32 = LONGEST + CHUNK;

/** The margin below a guess, as a key: at the start an eighth of a power of two; from MOST on nothing is guessed. */
const LEAST_MARGIN: u32 = 1 << 12;
const MARGIN: u32 = 1 << 20;
const MOST_MARGIN: u32 = 1 << 30;

/** Places in scratch, in bytes: the guess, its margin, the largest key, the candidates' indices, then their words. */
const MARGIN_AT: usize = 4;
const RANGE: usize = 8;
const PLACES: usize = 16;
const WORDS: usize = PLACES + (ROOM << 2);

export function blockTopKScratch(): u32 {
  return <u32>((WORDS >> 2) + ROOM);
}

export function blockTopK(
  x: usize,
  indices: usize,
  values: usize,
  scratch: usize,
  from: u32,
  n: u32,
  block: u32,
  k: u32,
): void {
  let guess = load<u32>(scratch);
  let margin = load<u32>(scratch, MARGIN_AT);
  if (guess > MAGNITUDE || margin < LEAST_MARGIN || margin > MOST_MARGIN) {
    guess = 0;
    margin = MARGIN;
  }
  x -= (<usize>from) << 2; // where element 0 would lie, modulo 2^32
  for (const end = from + n; from < end;) {
    const length = min(block, end - from);
    const kept = max<u32>(1, (k * length) / block);
    // 1. the candidates: all from a bound on that at least `kept` reach
    let low: u32 = 0;
    let found: u32 = 0;
    for (;;) {
      low = guess > margin && margin < MOST_MARGIN ? guess - margin : 0;
      found = take(x, from, from + length, ORDER, low, scratch + PLACES, scratch + WORDS, ROOM);
      if (found >= kept) break;
      margin <<= 1;
    }
    if (found > 3 * kept) margin = max(LEAST_MARGIN, margin - (margin >> 3));
    // 2. the cut, and what reaches it
    guess = cutOf(scratch, found, kept, low, guess);
    list(scratch, found, kept, guess, indices, values);
    indices = at(indices, kept);
    values = at(values, kept);
    from += length;
  }
  store<u32>(scratch, guess);
  store<u32>(scratch, margin, MARGIN_AT);
}

/**
 * A key that the k-th largest of the candidates reaches, and none behind it but equal ones; all reach `low`. `guess` is
 * tried first, and the key above it, so that equal keys in block after block are found at once.
 */
function cutOf(scratch: usize, found: u32, k: u32, low: u32, guess: u32): u32 {
  if (found == k) return low;
  const words = scratch + WORDS;
  extremes(words, scratch + RANGE, found, ORDER);
  let high = load<u32>(scratch + RANGE, 4) + 1;
  let middle = max(guess, low + 1);
  while (high - low > 1) {
    if (middle <= low || middle >= high) middle = low + ((high - low) >> 1);
    const reached = countFrom(words, found, ORDER, middle);
    if (reached == k) return middle;
    if (reached > k) {
      low = middle;
      middle = middle == guess ? guess + 1 : 0;
    } else {
      high = middle;
      middle = 0;
    }
  }
  return low;
}

/** The candidates that reach the cut, k of them: those of its very key only as far as there is room. */
function list(scratch: usize, found: u32, k: u32, cut: u32, indices: usize, values: usize): void {
  const places = scratch + PLACES;
  const words = scratch + WORDS;
  if (countFrom(words, found, ORDER, cut) == k) {
    takeListed(places, words, 0, found, ORDER, cut, indices, values, k);
    return;
  }
  let ties = k - countFrom(words, found, ORDER, cut + 1);
  let taken: u32 = 0;
  for (let i: u32 = 0; taken < k; i++) {
    const word = load<u32>(at(words, i));
    const key = word & MAGNITUDE;
    if (key < cut) continue;
    if (key == cut) {
      if (ties == 0) continue;
      ties--;
    }
    store<u32>(at(indices, taken), load<u32>(at(places, i)));
    store<u32>(at(values, taken++), word);
  }
}

export function blockLevelsScratch(): u32 {
  return listLevelsScratch(LONGEST);
}

export function blockLevels(
  values: usize,
  levels: usize,
  codes: usize,
  scratch: usize,
  count: u32,
  k: u32,
  bits: u32,
): void {
  for (let first: u32 = 0; first < count; first += k, levels += 4) {
    const length = min(k, count - first);
    const own = at(values, first);
    store<u32>(levels, meanLevels(own, scratch, length, bits));
    const cut = load<u32>(scratch, CUT);
    for (let i: u32 = 0; i < length; i++)
      store<u32>(at(codes, first + i), codeOf(load<u32>(at(own, i)), cut));
  }
}
