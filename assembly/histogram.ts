/**
 * Histograms of digits of keys.
 *
 * keyCounts(x, counts, scratch, n, known, prefix, shift, bins): counts[b] = how many of n words have a key (the bits of
 *   the magnitude) that is not 0, with key >> known = prefix and (key >> shift) % bins = b. Nothing is known of keys
 *   where known is 32. bins is a power of two; counts has as many words.
 *   Scratch: keyCountsScratch(bins) words.
 * keyCountsTile(x, scratch, n, known, prefix, shift, bins): adds the counts of n words to what scratch has, which is
 *   zero before the first.
 * keyCountsSum(counts, scratch, bins): counts[b] += what scratch has.
 *
 * A bin of the scratch has a count for each lane of a vector: neighbours that fall into one bin, as in constant vectors
 * all do, do not wait for each other's stores. How 1024 elements are gone through depends on how many of those before
 * them were counted: few are looked at one by one, more are first compacted, and most are added without a branch, those
 * that do not count to a bin behind the last.
 *
 * Passes: one read.
 */
import { at, front } from './compaction';
import { MAGNITUDE } from './float-bits';

/** Counts of a bin. */
const LANES: u32 = 4;

/** Elements that are gone through in one way. */
const CHUNK: u32 = 1024;

/** More than so many of a chunk are compacted, and more than so many are all added. */
const SOME: u32 = CHUNK / 64;
const MOST: u32 = CHUNK / 2;

/**
 * The scratch: the counts of all bins and of the one behind them, four words of which the first is how many of the last
 * chunk counted, and the places of those that are compacted, of which a store may pass the end by three.
 */
export function keyCountsScratch(bins: u32): u32 {
  return (bins + 1) * LANES + 4 + CHUNK + 4;
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
  memory.fill(scratch, 0, (<usize>((bins + 1) * LANES + 4)) << 2);
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
  if (ASC_FEATURE_SIMD) {
    const before = at(scratch, (bins + 1) * LANES);
    let counted = load<u32>(before);
    for (const stop = at(x, n - (n % CHUNK)); x < stop; x += CHUNK << 2) {
      if (counted > MOST) counted = addAll(x, scratch, CHUNK, fixed, wanted, shift, last);
      else if (counted > SOME) counted = addCompacted(x, scratch, before + 16, fixed, wanted, shift, last);
      else counted = addFew(x, scratch, CHUNK, fixed, wanted, shift, last);
    }
    store<u32>(before, counted);
    const rest = (n % CHUNK) & ~15;
    if (rest > 0) {
      if (counted > SOME) addAll(x, scratch, rest, fixed, wanted, shift, last);
      else addFew(x, scratch, rest, fixed, wanted, shift, last);
      x += rest << 2;
    }
  }
  for (; x < end; x += 4) {
    const key = load<u32>(x) & MAGNITUDE;
    if (key == 0 || (key & fixed) != wanted) continue;
    addOne(scratch + ((<usize>((key >> shift) & last)) << 4) + (x & 12));
  }
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

/** All ones in the lanes whose keys are counted. */
// @ts-ignore: decorator
@inline
function counted4(keys: v128, fixed: v128, wanted: v128): v128 {
  return v128.andnot(i32x4.eq(v128.and(keys, fixed), wanted), i32x4.eq(keys, i32x4.splat(0)));
}

/** The lane of four keys' digits, by their places in the scratch: 16 bytes a bin. */
// @ts-ignore: decorator
@inline
function placesOf(keys: v128, shift: u32, last: v128): v128 {
  return i32x4.shl(v128.and(i32x4.shr_u(keys, shift), last), 4);
}

// @ts-ignore: decorator
@inline
function addOne(count: usize): void {
  store<u32>(count, load<u32>(count) + 1);
}

/** Adds n elements, a multiple of 16, those that count one by one. Of each of these functions: how many do. */
function addFew(x: usize, scratch: usize, n: u32, fixed: u32, wanted: u32, shift: u32, last: u32): u32 {
  const magnitude = i32x4.splat(MAGNITUDE);
  const fixed4 = i32x4.splat(fixed);
  const wanted4 = i32x4.splat(wanted);
  let counted: u32 = 0;
  const end = at(x, n);
  do {
    const a = counted4(v128.and(v128.load(x), magnitude), fixed4, wanted4);
    const b = counted4(v128.and(v128.load(x, 16), magnitude), fixed4, wanted4);
    const c = counted4(v128.and(v128.load(x, 32), magnitude), fixed4, wanted4);
    const d = counted4(v128.and(v128.load(x, 48), magnitude), fixed4, wanted4);
    let bits = i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
    counted += popcnt(bits);
    while (bits != 0) {
      const i = ctz(bits);
      const digit = ((load<u32>(at(x, i)) & MAGNITUDE) >> shift) & last;
      addOne(scratch + ((<usize>digit) << 4) + ((<usize>(i & 3)) << 2));
      bits &= bits - 1;
    }
    x += 64;
  } while (x < end);
  return counted;
}

/** Adds a chunk: the places of those that count are moved to a list first. */
function addCompacted(
  x: usize,
  scratch: usize,
  list: usize,
  fixed: u32,
  wanted: u32,
  shift: u32,
  last: u32,
): u32 {
  const magnitude = i32x4.splat(MAGNITUDE);
  const fixed4 = i32x4.splat(fixed);
  const wanted4 = i32x4.splat(wanted);
  const last4 = i32x4.splat(last);
  let next = list;
  const end = at(x, CHUNK);
  do {
    // each four lanes go to where the ones before them end, and what is too much of their store lies under the next one
    const keys = v128.and(v128.load(x), magnitude);
    const lanes = <u32>i32x4.bitmask(counted4(keys, fixed4, wanted4));
    v128.store(next, i8x16.swizzle(placesOf(keys, shift, last4), front(lanes)));
    next = at(next, popcnt(lanes));
    x += 16;
  } while (x < end);
  const counted = <u32>((next - list) >> 2);
  for (const stop = at(list, counted & ~3); list < stop; list += 16) {
    addOne(scratch + <usize>load<u32>(list));
    addOne(scratch + <usize>load<u32>(list, 4) + 4);
    addOne(scratch + <usize>load<u32>(list, 8) + 8);
    addOne(scratch + <usize>load<u32>(list, 12) + 12);
  }
  for (; list < next; list += 4) addOne(scratch + <usize>load<u32>(list));
  return counted;
}

/** Adds n elements, a multiple of 16, those that do not count to the bin behind the last. */
function addAll(x: usize, scratch: usize, n: u32, fixed: u32, wanted: u32, shift: u32, last: u32): u32 {
  const magnitude = i32x4.splat(MAGNITUDE);
  const fixed4 = i32x4.splat(fixed);
  const wanted4 = i32x4.splat(wanted);
  const last4 = i32x4.splat(last);
  const behind = i32x4.splat((last + 1) << 4);
  let sum = i32x4.splat(0);
  const end = at(x, n);
  do {
    const keys = v128.and(v128.load(x), magnitude);
    const counted = counted4(keys, fixed4, wanted4);
    sum = i32x4.sub(sum, counted);
    const places = v128.bitselect(placesOf(keys, shift, last4), behind, counted);
    addOne(scratch + <usize>(<u32>i32x4.extract_lane(places, 0)));
    addOne(scratch + <usize>(<u32>i32x4.extract_lane(places, 1)) + 4);
    addOne(scratch + <usize>(<u32>i32x4.extract_lane(places, 2)) + 8);
    addOne(scratch + <usize>(<u32>i32x4.extract_lane(places, 3)) + 12);
    x += 16;
  } while (x < end);
  return (
    i32x4.extract_lane(sum, 0) +
    i32x4.extract_lane(sum, 1) +
    i32x4.extract_lane(sum, 2) +
    i32x4.extract_lane(sum, 3)
  );
}
