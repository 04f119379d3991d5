/**
 * Counts by blocks.
 *
 * blockCounts(x, counts, n, key, length): counts[b] = how many of n words, from b length to (b + 1) length - 1, have a
 *   key (the bits of the magnitude) of at least `key`. counts has ceil(n / length) words.
 * addBlockCounts(x, counts, from, n, key, length): adds the counts of n words, which are those from `from` on of a
 *   vector, to the counts of the whole of it.
 *
 * Passes: one read.
 */
import { at } from './compaction';
import { MAGNITUDE } from './float-bits';

export function blockCounts(x: usize, counts: usize, n: u32, key: u32, length: u32): void {
  memory.fill(counts, 0, (<usize>((n - 1) / length + 1)) << 2);
  addBlockCounts(x, counts, 0, n, key, length);
}

export function addBlockCounts(x: usize, counts: usize, from: u32, n: u32, key: u32, length: u32): void {
  let count = at(counts, from / length);
  let left = length - (from % length);
  while (n > 0) {
    const some = min(left, n);
    store<u32>(count, load<u32>(count) + countReaching(x, some, key));
    x = at(x, some);
    n -= some;
    left = length;
    count += 4;
  }
}

/** How many of n words have a key of at least `key`. */
function countReaching(x: usize, n: u32, key: u32): u32 {
  let count: u32 = 0;
  const end = at(x, n);
  if (ASC_FEATURE_SIMD) {
    const magnitude = i32x4.splat(MAGNITUDE);
    const least = i32x4.splat(key);
    let sums = i32x4.splat(0);
    // keys are less than 2^31: signed numbers compare alike
    for (const stop = at(x, n & ~3); x < stop; x += 16)
      sums = i32x4.sub(sums, i32x4.ge_s(v128.and(v128.load(x), magnitude), least));
    count =
      i32x4.extract_lane(sums, 0) +
      i32x4.extract_lane(sums, 1) +
      i32x4.extract_lane(sums, 2) +
      i32x4.extract_lane(sums, 3);
  }
  for (; x < end; x += 4) if ((load<u32>(x) & MAGNITUDE) >= key) count++;
  return count;
}
