/**
 * Selection: the k largest elements, or all from a threshold on. Exact; ties go to the lowest index; output ascends.
 *
 * Elements are compared by ranks, unsigned integers in the order that was asked for: the key of the magnitude, or the
 * signed key (-0 equals +0) plus 2^31. Words are only compared and copied, so every bit survives.
 *
 * topK(x, indices, values, scratch, n, k, order): order 0 = magnitude, 1 = value; 1 <= k <= n; indices and values of k
 *   words. Scratch: topKScratch(n, k) words.
 * The same in steps, for an x that is not in memory as a whole and for threads, and for small k (else topKSample is 0):
 *   topKSampleSize(n) elements of x are put where topKSample(scratch, n, k) says, by drawSample(x, n, list) say; topKBracket(scratch, n, k, order) is
 *   false where many of them are equal; then candidates are all elements from rank topKLow(scratch) on, which `take`
 *   brings to topKCandidates(scratch, n, k), room for topKRoom(n, k) indices and behind these as many words;
 *   topKFinish(indices, values, scratch, n, k, order, found) is false where the sample misled. After a false the whole x
 *   is needed: topK.
 * join(regions, counts, tasks, size, indices, words, room): what `take` left in regions of `size` indices and as many words
 *   each, counts[i] in region i, behind each other; returns how many, or 0 where a region or the room is full.
 * take(x, from, to, order, least, indices, values, room): index and word of the elements from..to - 1 of x, of which these
 *   alone are read, whose rank is at least `least`, in order, until `room` are taken; returns how many.
 * threshold(x, indices, values, count, n, key, capacity): count[0] = how many elements have a magnitude's key of at
 *   least `key`; the first `capacity` of them go to indices and values. n >= 1, capacity >= 1. Scratch: none.
 *
 * How topK finds the cut, the rank of the k-th largest element: ranks of a sample bracket it, low <= cut < high with
 * high probability. For small k one pass copies all from `low` on, and the cut is found in the copy. For large k one
 * pass counts what lies above the bracket and copies what lies in it, the cut is found there, and a second pass copies
 * the elements straight to the output. Where many samples equal an end of the bracket (ties), one pass counts both ends
 * first and mostly finds that the cut is one of them. Where the sample misleads, digits of 11, 11 and 10 bits of all
 * elements find the cut. The sample only decides how long it takes, never what comes out.
 * Passes over x: small k 1, large k 2, ties 2 to 3, a misleading sample up to 4 more.
 */
import { MAGNITUDE, SIGN } from './float-bits';
import { VALUE } from './order';

/** Elements below which no sample is taken: the digits of all of them cost less. */
const UNSAMPLED: u32 = 1 << 14;

/** The largest sample, in elements, and the neighbours that one place of it takes: a cache line. */
const SAMPLE: u32 = 1 << 16;
const LINE: u32 = 16;

/** With k below n / SMALL the copy of all candidates is cheaper than a second pass over x. */
const SMALL: u32 = 24;

/** Words of the histogram of one digit, and of the few numbers that are passed in memory. */
const BINS: u32 = 2048;
const NUMBERS: u32 = 16;

/**
 * The numbers, at the start of scratch, by their offset in bytes: what is still wanted of the cut's rank, how many have
 * it, a counter, and the bracket.
 */
const WANTED: usize = 0;
const EQUAL: usize = 4;
const ABOVE: usize = 8;
const LOW: usize = 16;
const HIGH: usize = 24;

/** Elements between two decisions on how to compact. */
const CHUNK: u32 = 1024;

function sampleSize(n: u32): u32 {
  return n < UNSAMPLED ? 0 : min(SAMPLE, max(n >> 7, 1024)) & ~(LINE - 1);
}

/** Candidates that there is room for: twice what is expected. */
function room(n: u32, k: u32): u32 {
  if (n < UNSAMPLED) return 0;
  if (k < n / SMALL) return min(n, 2 * k + 128 * (n / sampleSize(n)) + 4096);
  return n / 8;
}

/** Words of scratch for topK: numbers, a histogram, the sample or the words in the bracket, and the candidates. */
export function topKScratch(n: u32, k: u32): u32 {
  const candidates = room(n, k);
  return NUMBERS + BINS + max(sampleSize(n), candidates) + (k < n / SMALL ? 2 * candidates : 0) + 16;
}

export function topK(
  x: usize,
  indices: usize,
  values: usize,
  scratch: usize,
  n: u32,
  k: u32,
  order: u32,
): void {
  const bins = binsIn(scratch);
  const list = listIn(scratch);
  if (n < UNSAMPLED) {
    const cut = kthRank(x, n, k, order, bins, scratch);
    emit(x, indices, values, n, k, order, cut, load<u32>(scratch, WANTED), load<u32>(scratch, EQUAL));
    return;
  }

  // 1. The bracket.
  sample(x, n, sampleSize(n), list);
  const many = bracketSample(scratch, n, k, order);
  let low = load<i64>(scratch, LOW);
  let high = load<i64>(scratch, HIGH);

  // 2. Ties at an end of the bracket: counting them tells whether the cut is there.
  if (many) {
    const last = high - 1;
    const fromLow = countFrom(x, n, order, low);
    const aboveLow = countFrom(x, n, order, low + 1);
    if (aboveLow < k && k <= fromLow) {
      emit(x, indices, values, n, k, order, <u32>low, k - aboveLow, fromLow - aboveLow);
      return;
    }
    const fromHigh = countFrom(x, n, order, last);
    const aboveHigh = countFrom(x, n, order, high);
    if (aboveHigh < k && k <= fromHigh) {
      emit(x, indices, values, n, k, order, <u32>last, k - aboveHigh, fromHigh - aboveHigh);
      return;
    }
    // Between the ends: leave the ties out.
    if (aboveLow >= k) low++;
    if (fromHigh < k) high--;
    store<i64>(scratch, low, LOW);
    store<i64>(scratch, high, HIGH);
  }

  if (k < n / SMALL) {
    // 3. Small k: copy the candidates, find the cut among them.
    const capacity = room(n, k);
    const candidates = topKCandidates(scratch, n, k);
    const found = take(x, 0, n, order, <f64>low, candidates, at(candidates, capacity), capacity);
    if (topKFinish(indices, values, scratch, n, k, order, found)) return;
  } else {
    // 3. Large k: copy the words in the bracket, find the cut among them.
    const capacity = room(n, k);
    const between = bracket(x, n, order, low, high, list, capacity, scratch);
    const above = load<u32>(scratch, ABOVE);
    if (between < capacity && above < k && k - above <= between) {
      const cut = kthRank(list, between, k - above, order, bins, scratch);
      emit(x, indices, values, n, k, order, cut, load<u32>(scratch, WANTED), load<u32>(scratch, EQUAL));
      return;
    }
  }

  // 4. The sample misled.
  const cut = kthRank(x, n, k, order, bins, scratch);
  emit(x, indices, values, n, k, order, cut, load<u32>(scratch, WANTED), load<u32>(scratch, EQUAL));
}

export function topKSample(scratch: usize, n: u32, k: u32): usize {
  return k < n / SMALL && n >= UNSAMPLED ? listIn(scratch) : 0;
}

export function topKSampleSize(n: u32): u32 {
  return sampleSize(n);
}

export function topKBracket(scratch: usize, n: u32, k: u32, order: u32): bool {
  return !bracketSample(scratch, n, k, order);
}

export function topKLow(scratch: usize): f64 {
  return <f64>load<i64>(scratch, LOW);
}

export function topKRoom(n: u32, k: u32): u32 {
  return room(n, k);
}

export function topKCandidates(scratch: usize, n: u32, k: u32): usize {
  return at(listIn(scratch), room(n, k));
}

export function drawSample(x: usize, n: u32, list: usize): void {
  sample(x, n, sampleSize(n), list);
}

export function join(
  regions: usize,
  counts: usize,
  tasks: u32,
  size: u32,
  indices: usize,
  words: usize,
  room: u32,
): u32 {
  let taken: u32 = 0;
  for (let task: u32 = 0; task < tasks; task++, regions += (<usize>size) << 3) {
    const count = load<u32>(at(counts, task));
    if (count == size || count >= room - taken) return 0;
    memory.copy(at(indices, taken), regions, count << 2);
    memory.copy(at(words, taken), at(regions, size), count << 2);
    taken += count;
  }
  return taken;
}

export function topKFinish(
  indices: usize,
  values: usize,
  scratch: usize,
  n: u32,
  k: u32,
  order: u32,
  found: u32,
): bool {
  const capacity = room(n, k);
  if (found < k || found == capacity) return false;
  const bins = binsIn(scratch);
  const list = listIn(scratch);
  const candidates = topKCandidates(scratch, n, k);
  const words = at(candidates, capacity);
  // Only those below `high` can be the cut, if there are less than k others.
  let cut: u32;
  const between = bracket(words, found, order, 0, load<i64>(scratch, HIGH), list, capacity, scratch);
  const above = load<u32>(scratch, ABOVE);
  if (above < k) cut = kthRank(list, between, k - above, order, bins, scratch);
  else cut = kthRank(words, found, k, order, bins, scratch);
  const wanted = load<u32>(scratch, WANTED);
  const equal = load<u32>(scratch, EQUAL);
  emitListed(candidates, words, found, indices, values, k, order, cut, wanted, equal);
  return true;
}

/** The histogram of a digit, and what follows it: the sample or the words in the bracket, then the candidates. */
// @ts-ignore: decorator
@inline
function binsIn(scratch: usize): usize {
  return scratch + (NUMBERS << 2);
}

// @ts-ignore: decorator
@inline
function listIn(scratch: usize): usize {
  return binsIn(scratch) + (BINS << 2);
}

/**
 * LOW and HIGH from the sample in the list: four standard deviations to each side of the cut's place there. Returns
 * whether many of the sample equal an end.
 */
function bracketSample(scratch: usize, n: u32, k: u32, order: u32): bool {
  const bins = binsIn(scratch);
  const list = listIn(scratch);
  const size = sampleSize(n);
  const expected = (<f64>k * <f64>size) / <f64>n;
  const margin = 4 * sqrt(expected * (1 - <f64>k / <f64>n)) + 8;
  let low = <i64>0;
  let lowTies: u32 = 0;
  if (expected + margin < <f64>size) {
    low = kthRank(list, size, <u32>(expected + margin), order, bins, scratch);
    lowTies = load<u32>(scratch, EQUAL);
  }
  let high: i64 = (<i64>1) << 32;
  let highTies: u32 = 0;
  if (expected > margin + 1) {
    high = <i64>kthRank(list, size, <u32>(expected - margin), order, bins, scratch) + 1;
    highTies = load<u32>(scratch, EQUAL);
  }
  store<i64>(scratch, low, LOW);
  store<i64>(scratch, high, HIGH);
  const many = size / 64;
  return lowTies > many || highTies > many;
}

export function threshold(
  x: usize,
  indices: usize,
  values: usize,
  count: usize,
  n: u32,
  key: u32,
  capacity: u32,
): void {
  let found = take(x, 0, n, 0, <f64>key, indices, values, capacity);
  if (found == capacity) {
    // Full: what comes behind the last one is only counted.
    const first = load<u32>(at(indices, capacity - 1)) + 1;
    found += countFrom(at(x, first), n - first, 0, key);
  }
  store<u32>(count, found);
}

/** The rank of a word. */
// @ts-ignore: decorator
@inline
function rankOf(word: u32, order: u32): u32 {
  const magnitude = word & MAGNITUDE;
  if (order != VALUE) return magnitude;
  return word > magnitude ? SIGN - magnitude : SIGN + magnitude;
}

/*
 * The test `rank >= least` of a word, without making its rank: ((word & mask) ^ flip) > bound, as signed integers.
 * By magnitude, mask = MAGNITUDE and bound = least - 1. By value, with s = least - 2^31: where s > 0 only words without
 * the sign pass, which are in order as they stand; where s <= 0 all of these pass, and of the others those whose
 * magnitude is at most -s: all words up to 2^31 - s unsigned, so, all bits but the sign flipped, from s - 1 on.
 * By value, all words pass from least <= 1 on, and none where least does not fit a rank: 0 > -1 and 0 > 0 say so.
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
function lanesSum(a: v128): u32 {
  return (
    i32x4.extract_lane(a, 0) + i32x4.extract_lane(a, 1) + i32x4.extract_lane(a, 2) + i32x4.extract_lane(a, 3)
  );
}

// @ts-ignore: decorator
@inline
function at(base: usize, i: u32): usize {
  return base + ((<usize>i) << 2);
}

/** For each set of lanes, the bytes that move them to the front: i8x16.swizzle with it compacts four words. */
const FRONT: usize = memory.data<u32>([
  0, 0, 0, 0, 0x03020100, 0, 0, 0, 0x07060504, 0, 0, 0, 0x03020100, 0x07060504, 0, 0, 0x0b0a0908, 0, 0, 0,
  0x03020100, 0x0b0a0908, 0, 0, 0x07060504, 0x0b0a0908, 0, 0, 0x03020100, 0x07060504, 0x0b0a0908, 0,
  0x0f0e0d0c, 0, 0, 0, 0x03020100, 0x0f0e0d0c, 0, 0, 0x07060504, 0x0f0e0d0c, 0, 0, 0x03020100, 0x07060504,
  0x0f0e0d0c, 0, 0x0b0a0908, 0x0f0e0d0c, 0, 0, 0x03020100, 0x0b0a0908, 0x0f0e0d0c, 0, 0x07060504, 0x0b0a0908,
  0x0f0e0d0c, 0, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
]);

// @ts-ignore: decorator
@inline
function front(lanes: u32): v128 {
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

/** How many of n words have a rank of at least `least`. */
function countFrom(x: usize, n: u32, order: u32, least: i64): u32 {
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

export function take(
  x: usize,
  from: u32,
  to: u32,
  order: u32,
  least: f64,
  indices: usize,
  values: usize,
  room: u32,
): u32 {
  const mask = maskOf(order, <i64>least);
  const flip = flipOf(order, <i64>least);
  const bound = boundOf(order, <i64>least);
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
        for (let p = at(x, from), first = from; p < end; p += 128, first += 32) {
          let bits = passes16(p, mask4, flip4, bound4) | (passes16(p + 64, mask4, flip4, bound4) << 16);
          while (bits != 0) {
            const i: u32 = ctz(bits);
            store<u32>(at(indices, taken), first + i);
            store<u32>(at(values, taken), load<u32>(at(p, i)));
            taken++;
            bits &= bits - 1;
          }
        }
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
function takeListed(
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
 * Copies the words of rank low..high - 1 to `list`, in order, until it holds `room`, room >= 1, and returns how many.
 * Where it is less than room, the number ABOVE is how many words have a rank of `high` or more.
 */
function bracket(
  x: usize,
  n: u32,
  order: u32,
  low: i64,
  high: i64,
  list: usize,
  room: u32,
  numbers: usize,
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
  store<u32>(numbers, above, ABOVE);
  return taken;
}

/**
 * The rank of the k-th largest of n words, 1 <= k <= n, by digits of 11, 11 and 10 bits. The numbers: WANTED of the
 * words of this rank are among the k largest, EQUAL is how many there are.
 */
function kthRank(words: usize, n: u32, k: u32, order: u32, bins: usize, numbers: usize): u32 {
  store<u32>(numbers, k, WANTED);
  let rank = digit(words, n, order, 0, 0, 21, 2047, bins, numbers);
  rank = digit(words, n, order, rank, ~0 << 21, 10, 2047, bins, numbers);
  return digit(words, n, order, rank, ~0 << 10, 0, 1023, bins, numbers);
}

/** One digit more of a rank whose bits in `fixed` are known: the histogram of the words that have them. */
function digit(
  words: usize,
  n: u32,
  order: u32,
  rank: u32,
  fixed: u32,
  shift: u32,
  last: u32,
  bins: usize,
  numbers: usize,
): u32 {
  memory.fill(bins, 0, BINS << 2);
  for (const end = at(words, n); words < end; words += 4) {
    const own = rankOf(load<u32>(words), order);
    if (((own ^ rank) & fixed) != 0) continue;
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
  return rank | (digit << shift);
}

/** The place behind the `wanted`-th word of this rank; there are so many, wanted >= 1. */
function behindTies(words: usize, n: u32, order: u32, rank: u32, wanted: u32): u32 {
  let i: u32 = 0;
  for (; wanted != 0 && i < n; i++) {
    if (rankOf(load<u32>(at(words, i)), order) == rank) wanted--;
  }
  return i;
}

/** The output, once the cut is known: all above it, and the first `wanted` of the `equal` elements that have it. */
function emit(
  x: usize,
  indices: usize,
  values: usize,
  n: u32,
  k: u32,
  order: u32,
  cut: u32,
  wanted: u32,
  equal: u32,
): void {
  const split = wanted == equal ? n : behindTies(x, n, order, cut, wanted);
  const taken = take(x, 0, split, order, <f64>cut, indices, values, k);
  take(x, split, n, order, <f64>cut + 1, at(indices, taken), at(values, taken), k - taken);
}

/** As emit, from lists of places and words. */
function emitListed(
  places: usize,
  words: usize,
  n: u32,
  indices: usize,
  values: usize,
  k: u32,
  order: u32,
  cut: u32,
  wanted: u32,
  equal: u32,
): void {
  const split = wanted == equal ? n : behindTies(words, n, order, cut, wanted);
  const taken = takeListed(places, words, 0, split, order, cut, indices, values, k);
  takeListed(places, words, split, n, order, <i64>cut + 1, at(indices, taken), at(values, taken), k - taken);
}

/** Copies `size` elements, lines of neighbours from places spread over x, one at a hashed place of each equal part. */
function sample(x: usize, n: u32, size: u32, list: usize): void {
  const lines = size / LINE;
  const places = n / LINE;
  let hash: u32 = 0;
  for (let i: u32 = 0; i < lines; i++) {
    // A fixed stride could keep step with the rows of a matrix. Weyl's sequence of the golden ratio does not.
    hash += 0x9e3779b9;
    const place = <u32>((((((<u64>i) << 32) | hash) / lines) * places) >> 32);
    memory.copy(list + ((<usize>i * LINE) << 2), at(x, min(place, places - 1) * LINE), LINE << 2);
  }
}
