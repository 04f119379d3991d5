/**
 * Histograms of digits of keys.
 *
 * keyCounts(x, counts, scratch, n, known, prefix, shift, bins): counts[b] = how many of n words have a key (the bits of
 *   the magnitude) that is not 0, with key >> known = prefix and (key >> shift) % bins = b. Nothing is known of keys
 *   where known is 32. bins is a power of two; counts has as many words.
 *   Scratch: keyCountsScratch(bins) words.
 * keyCountsTile(x, scratch, n, known, prefix, shift, bins): adds the counts of n words to what scratch has.
 * keyCountsSum(counts, scratch, bins): counts[b] += what scratch has.
 *
 * A bin of the scratch has a count for each lane of a vector: neighbours that fall into one bin, as in constant vectors
 * all do, do not wait for each other's stores. Behind the bins is one for what is not counted, so that four elements
 * are added without a branch. Where few of sixteen elements are counted, these alone are looked at.
 *
 * Passes: one read.
 */
import { at } from './compaction';
import { MAGNITUDE } from './float-bits';

/** Counts of a bin. */
const LANES: u32 = 4;

/** Of so many elements in sixteen each is added by itself: more, and it is faster to add all. */
const FEW: i32 = 5;

export function keyCountsScratch(bins: u32): u32 {
  return (bins + 1) * LANES;
}

export function keyCounts(
  x: usize,
  counts: usize,
  scratch: usize,
  n: u32,
  known: u32,
  prefix: u32,
  shift: u32,
  bins: u32,
): void {
  memory.fill(scratch, 0, (<usize>keyCountsScratch(bins)) << 2);
  memory.fill(counts, 0, (<usize>bins) << 2);
  keyCountsTile(x, scratch, n, known, prefix, shift, bins);
  keyCountsSum(counts, scratch, bins);
}

export function keyCountsTile(
  x: usize,
  scratch: usize,
  n: u32,
  known: u32,
  prefix: u32,
  shift: u32,
  bins: u32,
): void {
  // a shift by 32 would be one by 0
  const fixed: u32 = known < 32 ? ~0 << known : 0;
  const wanted: u32 = known < 32 ? prefix << known : 0;
  const last = bins - 1;
  const end = at(x, n);
  if (ASC_FEATURE_SIMD && n >= 16) {
    const magnitude = i32x4.splat(MAGNITUDE);
    const fixed4 = i32x4.splat(fixed);
    const wanted4 = i32x4.splat(wanted);
    const last4 = i32x4.splat(last);
    const stop = at(x, n & ~15);
    do {
      const a = v128.and(v128.load(x), magnitude);
      const b = v128.and(v128.load(x, 16), magnitude);
      const c = v128.and(v128.load(x, 32), magnitude);
      const d = v128.and(v128.load(x, 48), magnitude);
      const counted = i8x16.narrow_i16x8_s(
        i16x8.narrow_i32x4_s(counted4(a, fixed4, wanted4), counted4(b, fixed4, wanted4)),
        i16x8.narrow_i32x4_s(counted4(c, fixed4, wanted4), counted4(d, fixed4, wanted4)),
      );
      if (v128.any_true(counted)) {
        let bits = i8x16.bitmask(counted);
        if (popcnt(bits) <= FEW) {
          do {
            const i = ctz(bits);
            const digit = ((load<u32>(at(x, i)) & MAGNITUDE) >> shift) & last;
            addOne(scratch + ((<usize>digit) << 4) + ((<usize>(i & 3)) << 2));
            bits &= bits - 1;
          } while (bits != 0);
        } else {
          addFour(scratch, a, counted4(a, fixed4, wanted4), shift, last4);
          addFour(scratch, b, counted4(b, fixed4, wanted4), shift, last4);
          addFour(scratch, c, counted4(c, fixed4, wanted4), shift, last4);
          addFour(scratch, d, counted4(d, fixed4, wanted4), shift, last4);
        }
      }
      x += 64;
    } while (x < stop);
  }
  for (; x < end; x += 4) {
    const key = load<u32>(x) & MAGNITUDE;
    if (key == 0 || (key & fixed) != wanted) continue;
    // lanes as above: x is a multiple of four
    addOne(scratch + ((<usize>((key >> shift) & last)) << 4) + (x & 12));
  }
}

/** All ones in the lanes whose keys are counted. */
// @ts-ignore: decorator
@inline
function counted4(keys: v128, fixed: v128, wanted: v128): v128 {
  return v128.andnot(i32x4.eq(v128.and(keys, fixed), wanted), i32x4.eq(keys, i32x4.splat(0)));
}

/** Adds four keys to their lanes of their bins; those that are not counted to the bin behind the last. */
// @ts-ignore: decorator
@inline
function addFour(scratch: usize, keys: v128, counted: v128, shift: u32, last: v128): void {
  const digits = v128.and(i32x4.shr_u(keys, shift), last);
  const behind = i32x4.add(last, i32x4.splat(1));
  const places = i32x4.shl(v128.bitselect(digits, behind, counted), 4);
  addOne(scratch + <usize>(<u32>i32x4.extract_lane(places, 0)));
  addOne(scratch + <usize>(<u32>i32x4.extract_lane(places, 1)) + 4);
  addOne(scratch + <usize>(<u32>i32x4.extract_lane(places, 2)) + 8);
  addOne(scratch + <usize>(<u32>i32x4.extract_lane(places, 3)) + 12);
}

// @ts-ignore: decorator
@inline
function addOne(count: usize): void {
  store<u32>(count, load<u32>(count) + 1);
}

export function keyCountsSum(counts: usize, scratch: usize, bins: u32): void {
  for (const end = at(counts, bins); counts < end; counts += 4, scratch += 16)
    store<u32>(
      counts,
      load<u32>(counts) +
        load<u32>(scratch) +
        load<u32>(scratch, 4) +
        load<u32>(scratch, 8) +
        load<u32>(scratch, 12),
    );
}
