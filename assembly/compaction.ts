/**
 * Compaction: the elements of a vector whose key (radix.ts) passes a bound, copied in their order, and counted. The
 * bound is a signed integer of 64 bits, so that it may lie behind all keys. Nothing is written past the room that is
 * given.
 *
 * countFrom(x, n, order, least): how many of n words have a key of at least `least`.
 * take(x, from, to, order, least, indices, values, room): index and word of the elements from..to - 1 of x, of which
 *   these alone are read, whose key is at least `least`, in order, until `room` are taken; returns how many.
 * takeListed: the same of elements that are themselves in lists.
 * between(x, n, order, low, high, list, room, aboveAt): copies to `list` the words of key low..high - 1, in order,
 *   until `room` are there; returns how many. Where it is less than room, stores at aboveAt the number of words whose
 *   key is at least `high`.
 *
 * Passes: one read of x each.
 */
import { MAGNITUDE, SIGN } from './float-bits';
import { VALUE } from './order';

// @ts-ignore: decorator
@inline
export function at(base: usize, i: u32): usize {
  return base + ((<usize>i) << 2);
}

/** Elements between two decisions on how to compact. */
export const CHUNK: u32 = 1024;

/*
 * The test `key >= least` of a word, without making its key: ((word & mask) ^ flip) > bound, as signed integers.
 * By magnitude, mask = MAGNITUDE and bound = least - 1. By value, with s = least - 2^31: where s > 0 only words without
 * the sign pass, which are in order as they stand; where s <= 0 all of these pass, and of the others those whose
 * magnitude is at most -s: all words up to 2^31 - s unsigned, so, all bits but the sign flipped, from s - 1 on.
 * By value, all words pass from least <= 1 on, and none where least does not fit a key: 0 > -1 and 0 > 0 say so.
 */
function maskOf(order: u32, least: i64): i32 {
  if (order != VALUE) return MAGNITUDE;
  return least <= 1 || least > <i64>u32.MAX_VALUE ? 0 : -1;
}

function flipOf(order: u32, least: i64): i32 {
  return order == VALUE && least > 1 && least <= <i64>SIGN ? MAGNITUDE : 0;
}

function boundOf(order: u32, least: i64): i32 {
  if (order != VALUE) return <i32>(max<i64>(0, min<i64>(least, <i64>SIGN)) - 1);
  if (least <= 1) return -1;
  if (least > <i64>u32.MAX_VALUE) return 0;
  return <i32>(least - <i64>SIGN - (least <= <i64>SIGN ? 2 : 1));
}

// @ts-ignore: decorator
@inline
function passes(word: u32, mask: i32, flip: i32, bound: i32): bool {
  return (((<i32>word) & mask) ^ flip) > bound;
}

/** All ones in the lanes that pass. */
// @ts-ignore: decorator
@inline
function passes4(words: v128, mask: v128, flip: v128, bound: v128): v128 {
  return i32x4.gt_s(v128.xor(v128.and(words, mask), flip), bound);
}

/** One bit for each of 16 elements. */
// @ts-ignore: decorator
@inline
function passes16(x: usize, mask: v128, flip: v128, bound: v128): u32 {
  const a = passes4(v128.load(x), mask, flip, bound);
  const b = passes4(v128.load(x, 16), mask, flip, bound);
  const c = passes4(v128.load(x, 32), mask, flip, bound);
  const d = passes4(v128.load(x, 48), mask, flip, bound);
  return i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
}

// @ts-ignore: decorator
@inline
export function lanesSum(a: v128): u32 {
  return (
    i32x4.extract_lane(a, 0) + i32x4.extract_lane(a, 1) + i32x4.extract_lane(a, 2) + i32x4.extract_lane(a, 3)
  );
}

/** For each set of lanes, the bytes that move them to the front: i8x16.swizzle with it compacts four words. */
const FRONT: usize = memory.data<u32>([
  0, 0, 0, 0, 0x03020100, 0, 0, 0, 0x07060504, 0, 0, 0, 0x03020100, 0x07060504, 0, 0, 0x0b0a0908, 0, 0, 0,
  0x03020100, 0x0b0a0908, 0, 0, 0x07060504, 0x0b0a0908, 0, 0, 0x03020100, 0x07060504, 0x0b0a0908, 0,
  0x0f0e0d0c, 0, 0, 0, 0x03020100, 0x0f0e0d0c, 0, 0, 0x07060504, 0x0f0e0d0c, 0, 0, 0x03020100, 0x07060504,
  0x0f0e0d0c, 0, 0x0b0a0908, 0x0f0e0d0c, 0, 0, 0x03020100, 0x0b0a0908, 0x0f0e0d0c, 0, 0x07060504, 0x0b0a0908,
  0x0f0e0d0c, 0, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
]);

/** i8x16.swizzle with it moves the words of these lanes, a bit each, to the front. */
// @ts-ignore: decorator
@inline
export function front(lanes: u32): v128 {
  return v128.load(FRONT + (lanes << 4));
}

/** For each set of lanes, their numbers: added to the place of the first, the places of what was compacted. */
const NUMBER: usize = memory.data<u32>([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 1, 2, 0, 0, 0, 1, 2, 0, 3, 0, 0, 0,
  0, 3, 0, 0, 1, 3, 0, 0, 0, 1, 3, 0, 2, 3, 0, 0, 0, 2, 3, 0, 1, 2, 3, 0, 0, 1, 2, 3,
]);

// @ts-ignore: decorator
@inline
function numbersOf(lanes: u32): v128 {
  return v128.load(NUMBER + (lanes << 4));
}

/** How many of n words have a key of at least `least`. */
export function countFrom(x: usize, n: u32, order: u32, least: i64): u32 {
  const mask = maskOf(order, least);
  const flip = flipOf(order, least);
  const bound = boundOf(order, least);
  const end = at(x, n);
  let found: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const mask4 = i32x4.splat(mask);
    const flip4 = i32x4.splat(flip);
    const bound4 = i32x4.splat(bound);
    let a = i32x4.splat(0);
    let b = i32x4.splat(0);
    for (const stop = at(x, n & ~15); x < stop; x += 64) {
      a = i32x4.sub(a, passes4(v128.load(x), mask4, flip4, bound4));
      b = i32x4.sub(b, passes4(v128.load(x, 16), mask4, flip4, bound4));
      a = i32x4.sub(a, passes4(v128.load(x, 32), mask4, flip4, bound4));
      b = i32x4.sub(b, passes4(v128.load(x, 48), mask4, flip4, bound4));
    }
    found = lanesSum(i32x4.add(a, b));
  }
  for (; x < end; x += 4) found += <u32>passes(load<u32>(x), mask, flip, bound);
  return found;
}

/**
 * A chunk of few elements that pass: first the bits of all groups of 32 that have any, without a branch, then the
 * elements, a step each. The bits and places of groups lie at the end of the chunk's room, which its elements reach
 * only when they were read. Returns how many are taken then.
 */
// @ts-ignore: decorator
@inline
function sparseChunk(
  x: usize,
  from: u32,
  mask: v128,
  flip: v128,
  bound: v128,
  indices: usize,
  values: usize,
  taken: u32,
): u32 {
  const groups = at(values, taken + CHUNK - CHUNK / 32);
  const firsts = at(indices, taken + CHUNK - CHUNK / 32);
  const end = at(x, from + CHUNK);
  let filled: usize = 0;
  for (let p = at(x, from), first = from; p < end; p += 128, first += 32) {
    const bits = passes16(p, mask, flip, bound) | (passes16(p + 64, mask, flip, bound) << 16);
    store<u32>(groups + filled, bits);
    store<u32>(firsts + filled, first);
    filled += (<usize>(bits != 0)) << 2;
  }
  for (let group: usize = 0; group < filled; group += 4) {
    let bits = load<u32>(groups + group);
    const first = load<u32>(firsts + group);
    do {
      const i = first + <u32>ctz(bits);
      store<u32>(at(indices, taken), i);
      store<u32>(at(values, taken), load<u32>(at(x, i)));
      taken++;
      bits &= bits - 1;
    } while (bits != 0);
  }
  return taken;
}

export function take(
  x: usize,
  from: u32,
  to: u32,
  order: u32,
  least: i64,
  indices: usize,
  values: usize,
  room: u32,
): u32 {
  const mask = maskOf(order, least);
  const flip = flipOf(order, least);
  const bound = boundOf(order, least);
  let taken: u32 = 0;
  if (room == 0) return 0;
  if (ASC_FEATURE_SIMD) {
    const mask4 = i32x4.splat(mask);
    const flip4 = i32x4.splat(flip);
    const bound4 = i32x4.splat(bound);
    const four = i32x4.splat(4);
    let dense = false;
    for (; to - from >= CHUNK && room - taken >= CHUNK; from += CHUNK) {
      const before = taken;
      const end = at(x, from + CHUNK);
      if (dense) {
        // Without branches: each four lanes go to where the ones before them end, and what is too much of their
        // store lies under the next one.
        let first = i32x4.splat(from);
        for (let p = at(x, from); p < end; p += 16) {
          const words = v128.load(p);
          const lanes = <u32>i32x4.bitmask(passes4(words, mask4, flip4, bound4));
          v128.store(at(values, taken), i8x16.swizzle(words, front(lanes)));
          v128.store(at(indices, taken), i32x4.add(first, numbersOf(lanes)));
          taken += popcnt(lanes);
          first = i32x4.add(first, four);
        }
      } else {
        taken = sparseChunk(x, from, mask4, flip4, bound4, indices, values, taken);
      }
      dense = taken - before > CHUNK / 24;
    }
    if (taken == room) return taken;
    for (; to - from >= 32; from += 32) {
      const p = at(x, from);
      let bits = passes16(p, mask4, flip4, bound4) | (passes16(p + 64, mask4, flip4, bound4) << 16);
      while (bits != 0) {
        const i: u32 = ctz(bits);
        store<u32>(at(indices, taken), from + i);
        store<u32>(at(values, taken), load<u32>(at(p, i)));
        if (++taken == room) return taken;
        bits &= bits - 1;
      }
    }
  }
  for (; from < to; from++) {
    const word = load<u32>(at(x, from));
    if (!passes(word, mask, flip, bound)) continue;
    store<u32>(at(indices, taken), from);
    store<u32>(at(values, taken), word);
    if (++taken == room) return taken;
  }
  return taken;
}

/** As take, of elements that are themselves in lists: places and words, from..to - 1. */
export function takeListed(
  places: usize,
  words: usize,
  from: u32,
  to: u32,
  order: u32,
  least: i64,
  indices: usize,
  values: usize,
  room: u32,
): u32 {
  const mask = maskOf(order, least);
  const flip = flipOf(order, least);
  const bound = boundOf(order, least);
  let taken: u32 = 0;
  if (room == 0) return 0;
  if (ASC_FEATURE_SIMD) {
    const mask4 = i32x4.splat(mask);
    const flip4 = i32x4.splat(flip);
    const bound4 = i32x4.splat(bound);
    for (; to - from >= 4 && room - taken >= 4; from += 4) {
      const own = v128.load(at(words, from));
      const lanes = <u32>i32x4.bitmask(passes4(own, mask4, flip4, bound4));
      const order4 = front(lanes);
      v128.store(at(values, taken), i8x16.swizzle(own, order4));
      v128.store(at(indices, taken), i8x16.swizzle(v128.load(at(places, from)), order4));
      taken += popcnt(lanes);
    }
  }
  for (; from < to; from++) {
    const word = load<u32>(at(words, from));
    if (!passes(word, mask, flip, bound)) continue;
    if (taken == room) return taken;
    store<u32>(at(indices, taken), load<u32>(at(places, from)));
    store<u32>(at(values, taken), word);
    taken++;
  }
  return taken;
}

/**
 * Copies the words of key low..high - 1 to `list`, in order, until it holds `room`, room >= 1, and returns how many.
 * Where it is less than room, stores at `aboveAt` the number of words whose key is at least `high`.
 */
export function between(
  x: usize,
  n: u32,
  order: u32,
  low: i64,
  high: i64,
  list: usize,
  room: u32,
  aboveAt: usize,
): u32 {
  const lowMask = maskOf(order, low);
  const lowFlip = flipOf(order, low);
  const lowBound = boundOf(order, low);
  const mask = maskOf(order, high);
  const flip = flipOf(order, high);
  const bound = boundOf(order, high);
  let taken: u32 = 0;
  let above: u32 = 0;
  let i: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const lowMask4 = i32x4.splat(lowMask);
    const lowFlip4 = i32x4.splat(lowFlip);
    const lowBound4 = i32x4.splat(lowBound);
    const mask4 = i32x4.splat(mask);
    const flip4 = i32x4.splat(flip);
    const bound4 = i32x4.splat(bound);
    let above4 = i32x4.splat(0);
    for (const whole = n & ~15; i < whole; i += 16) {
      const p = at(x, i);
      const word0 = v128.load(p);
      const word1 = v128.load(p, 16);
      const word2 = v128.load(p, 32);
      const word3 = v128.load(p, 48);
      const high0 = passes4(word0, mask4, flip4, bound4);
      const high1 = passes4(word1, mask4, flip4, bound4);
      const high2 = passes4(word2, mask4, flip4, bound4);
      const high3 = passes4(word3, mask4, flip4, bound4);
      above4 = i32x4.sub(above4, i32x4.add(i32x4.add(high0, high1), i32x4.add(high2, high3)));
      const a = v128.andnot(passes4(word0, lowMask4, lowFlip4, lowBound4), high0);
      const b = v128.andnot(passes4(word1, lowMask4, lowFlip4, lowBound4), high1);
      const c = v128.andnot(passes4(word2, lowMask4, lowFlip4, lowBound4), high2);
      const d = v128.andnot(passes4(word3, lowMask4, lowFlip4, lowBound4), high3);
      let bits: u32 = i8x16.bitmask(
        i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)),
      );
      while (bits != 0) {
        store<u32>(at(list, taken), load<u32>(at(p, ctz(bits))));
        if (++taken == room) return taken;
        bits &= bits - 1;
      }
    }
    above = lanesSum(above4);
  }
  for (; i < n; i++) {
    const word = load<u32>(at(x, i));
    if (passes(word, mask, flip, bound)) {
      above++;
    } else if (passes(word, lowMask, lowFlip, lowBound)) {
      store<u32>(at(list, taken), word);
      if (++taken == room) return taken;
    }
  }
  store<u32>(aboveAt, above);
  return taken;
}
