/**
 * Selection: the k largest elements, or all from a threshold on. Exact; ties go to the lowest index; output ascends.
 *
 * Elements are compared by their keys (radix.ts). Words are only compared and copied, so every bit survives.
 *
 * topK(x, indices, values, scratch, n, k, order): order 0 = magnitude, 1 = value; 1 <= k <= n; indices and values of k
 *   words. Scratch: topKScratch(n, k) words.
 * threshold(x, indices, values, count, n, key, capacity): count[0] = how many elements have a magnitude's key of at
 *   least `key`; the first `capacity` of them go to indices and values. n >= 1, capacity >= 1. Scratch: none.
 *
 * topK in steps over one scratch, for an x that is not in memory as a whole, and for threads:
 * 1. topKSample(scratch, n, k): the address of the sample, topKSampleLines(n) = g groups of LINE = 16 neighbours, or 0
 *    where there is no selection in steps: where n is small, or k large. Word 15 g + i is the index of the element that
 *    group i starts with.
 * 2. topKBracket(x, scratch, n, k, order): x = 0 once the caller has copied the groups to the sample, in order; else it
 *    copies them from x. false where many of the sample are equal.
 * 3. topKCollect(x, scratch, from, to, n, k, order) for all elements, in order, of which from..to - 1 are read: the
 *    candidates. Or topKCollectPart(x, scratch, from, to, order, region, count, room), any part on any thread: its
 *    candidates go to a region of its own, `room` indices and behind them as many words, their number to `count`. Then
 *    topKJoin(regions, counts, tasks, room, scratch, n, k), the regions of `tasks` parts one after the other: false
 *    where one of them is full.
 * 4. topKFinish(indices, values, scratch, n, k, order): false where the sample misled.
 * After a false the whole x is needed: topK. After one of topKJoin, topKCollect may do its work.
 *
 * How topK finds the cut, the key of the k-th largest element: keys of a sample bracket it, low <= cut < high with high
 * probability (R. W. Floyd and R. L. Rivest, "Expected time bounds for selection", Communications of the ACM 18(3),
 * 1975). For small k one pass copies all from `low` on, and the cut is found in the copy. For large k one pass counts
 * what lies above the bracket and copies what lies in it, the cut is found there, and a second pass copies the elements
 * straight to the output. Where many samples equal an end of the bracket (ties), one pass counts both ends first and
 * mostly finds that the cut is one of them. Where the sample misleads, digits of 11, 11 and 10 bits of all elements
 * find the cut. The sample only decides how long it takes, never what comes out.
 * Passes over x: small k 1, large k 2, ties 2 to 3, a misleading sample up to 4 more.
 */
import { at, between, countFrom, take, takeListed } from './compaction';
import { BINS, EQUAL, keyOf, kthKey, WANTED } from './radix';

/** Elements below which no sample is taken: the digits of all of them cost less. The second is for large k. */
const UNSAMPLED: u32 = 1 << 11;
const UNSAMPLED_LARGE: u32 = 1 << 14;

/** The largest sample, in elements, and the neighbours of a group of it: a cache line. */
const SAMPLE: u32 = 1 << 16;
const LINE: u32 = 16;

/** With k below n / SMALL the copy of all candidates is cheaper than a second pass over x. */
const SMALL: u32 = 24;

/** Elements from which on the bracket of a large k has less than an eighth of them. */
const LARGE: u32 = 1 << 18;

/** Words of the few numbers that are passed in memory. */
const NUMBERS: u32 = 16;

/**
 * The numbers, at the start of scratch, by their offset in bytes: those of radix.ts, a counter, the candidates that are
 * there, and the bracket.
 */
const ABOVE: usize = 8;
const FOUND: usize = 12;
const LOW: usize = 16;
const HIGH: usize = 24;

function sampleSize(n: u32): u32 {
  return n < UNSAMPLED ? 0 : min(SAMPLE, max(n >> 7, 1024)) & ~(LINE - 1);
}

function isSampled(n: u32, k: u32): bool {
  return n >= (k < n / SMALL ? UNSAMPLED : UNSAMPLED_LARGE);
}

/** Candidates that there is room for: twice what is expected. */
function roomFor(n: u32, k: u32): u32 {
  if (!isSampled(n, k)) return 0;
  if (k < n / SMALL) return min(n, 2 * k + 128 * (n / sampleSize(n)) + 4096);
  // of a small sample the bracket is a larger share
  return n < LARGE ? n / 4 : n / 8;
}

/** Words of scratch for topK: numbers, a histogram, the sample or the words in the bracket, and the candidates. */
export function topKScratch(n: u32, k: u32): u32 {
  const room = roomFor(n, k);
  return NUMBERS + BINS + max(sampleSize(n), room) + (k < n / SMALL ? 2 * room : 0) + 16;
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

/** The indices of the candidates; their words are behind the room for them. */
function candidatesIn(scratch: usize, n: u32, k: u32): usize {
  return at(listIn(scratch), roomFor(n, k));
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
  if (!isSampled(n, k)) return byDigits(x, indices, values, scratch, n, k, order);

  // 1. The bracket.
  drawPlaces(scratch, n);
  const many = !topKBracket(x, scratch, n, k, order);

  // 2. Ties at an end of the bracket: counting them tells whether the cut is there.
  if (many && byTies(x, indices, values, scratch, n, k, order)) return;

  // 3. The cut from what lies in the bracket.
  if (k < n / SMALL) {
    topKCollect(x, scratch, 0, n, n, k, order);
    if (topKFinish(indices, values, scratch, n, k, order)) return;
  } else if (byBracket(x, indices, values, scratch, n, k, order)) {
    return;
  }

  // 4. The sample misled.
  byDigits(x, indices, values, scratch, n, k, order);
}

/** topK by the digits of all elements. */
function byDigits(x: usize, indices: usize, values: usize, scratch: usize, n: u32, k: u32, order: u32): void {
  const cut = kthKey(x, n, k, order, binsIn(scratch), scratch);
  emit(x, indices, values, n, k, order, cut, load<u32>(scratch, WANTED), load<u32>(scratch, EQUAL));
}

/** topK where the cut is the lowest or the highest key of the bracket; else false, and the bracket leaves these out. */
function byTies(x: usize, indices: usize, values: usize, scratch: usize, n: u32, k: u32, order: u32): bool {
  const low = load<i64>(scratch, LOW);
  const high = load<i64>(scratch, HIGH);
  const last = high - 1;
  const fromLow = countFrom(x, n, order, low);
  const aboveLow = countFrom(x, n, order, low + 1);
  if (aboveLow < k && k <= fromLow) {
    emit(x, indices, values, n, k, order, <u32>low, k - aboveLow, fromLow - aboveLow);
    return true;
  }
  const fromHigh = countFrom(x, n, order, last);
  const aboveHigh = countFrom(x, n, order, high);
  if (aboveHigh < k && k <= fromHigh) {
    emit(x, indices, values, n, k, order, <u32>last, k - aboveHigh, fromHigh - aboveHigh);
    return true;
  }
  if (aboveLow >= k) store<i64>(scratch, low + 1, LOW);
  if (fromHigh < k) store<i64>(scratch, last, HIGH);
  return false;
}

/** topK for large k, where the cut is in the bracket; else false. */
function byBracket(
  x: usize,
  indices: usize,
  values: usize,
  scratch: usize,
  n: u32,
  k: u32,
  order: u32,
): bool {
  const list = listIn(scratch);
  const room = roomFor(n, k);
  const found = between(
    x,
    n,
    order,
    load<i64>(scratch, LOW),
    load<i64>(scratch, HIGH),
    list,
    room,
    scratch + ABOVE,
  );
  const above = load<u32>(scratch, ABOVE);
  if (found >= room || above >= k || k - above > found) return false;
  const cut = kthKey(list, found, k - above, order, binsIn(scratch), scratch);
  emit(x, indices, values, n, k, order, cut, load<u32>(scratch, WANTED), load<u32>(scratch, EQUAL));
  return true;
}

export function topKSample(scratch: usize, n: u32, k: u32): usize {
  if (k >= n / SMALL || !isSampled(n, k)) return 0;
  drawPlaces(scratch, n);
  return listIn(scratch);
}

export function topKSampleLines(n: u32): u32 {
  return sampleSize(n) / LINE;
}

/**
 * The places of the sample: groups of 16 neighbours spread over x, one at a hashed place of each equal part. They are
 * where the last words of the sample go: no group reaches the place of a later one.
 */
function drawPlaces(scratch: usize, n: u32): void {
  const size = sampleSize(n);
  const lines = size / LINE;
  const parts = n / LINE;
  const places = at(listIn(scratch), size - lines);
  let hash: u32 = 0;
  for (let i: u32 = 0; i < lines; i++) {
    // A fixed stride could keep step with the rows of a matrix. Weyl's sequence of the golden ratio does not.
    hash += 0x9e3779b9;
    const place = <u32>((((((<u64>i) << 32) | hash) / lines) * parts) >> 32);
    store<u32>(at(places, i), min(place, parts - 1) * LINE);
  }
}

/**
 * LOW and HIGH from the sample: four standard deviations to each side of the cut's place there. Returns whether few of
 * the sample equal an end.
 */
export function topKBracket(x: usize, scratch: usize, n: u32, k: u32, order: u32): bool {
  const bins = binsIn(scratch);
  const list = listIn(scratch);
  const size = sampleSize(n);
  if (x != 0) {
    const lines = size / LINE;
    const places = at(list, size - lines);
    for (let i: u32 = 0; i < lines; i++) {
      memory.copy(at(list, i * LINE), at(x, load<u32>(at(places, i))), LINE << 2);
    }
  }
  const expected = (<f64>k * <f64>size) / <f64>n;
  const margin = 4 * sqrt(expected * (1 - <f64>k / <f64>n)) + 8;
  let low = <i64>0;
  let lowTies: u32 = 0;
  if (expected + margin < <f64>size) {
    low = kthKey(list, size, <u32>(expected + margin), order, bins, scratch);
    lowTies = load<u32>(scratch, EQUAL);
  }
  let high: i64 = (<i64>1) << 32;
  let highTies: u32 = 0;
  if (expected > margin + 1) {
    high = <i64>kthKey(list, size, <u32>(expected - margin), order, bins, scratch) + 1;
    highTies = load<u32>(scratch, EQUAL);
  }
  store<i64>(scratch, low, LOW);
  store<i64>(scratch, high, HIGH);
  store<u32>(scratch, 0, FOUND);
  const many = size / 64;
  return lowTies <= many && highTies <= many;
}

export function topKCollect(x: usize, scratch: usize, from: u32, to: u32, n: u32, k: u32, order: u32): void {
  const room = roomFor(n, k);
  const found = load<u32>(scratch, FOUND);
  const indices = at(candidatesIn(scratch, n, k), found);
  const low = load<i64>(scratch, LOW);
  const taken = take(x, from, to, order, low, indices, at(indices, room), room - found);
  store<u32>(scratch, found + taken, FOUND);
}

export function topKCollectPart(
  x: usize,
  scratch: usize,
  from: u32,
  to: u32,
  order: u32,
  region: usize,
  count: usize,
  room: u32,
): void {
  const low = load<i64>(scratch, LOW);
  store<u32>(count, take(x, from, to, order, low, region, at(region, room), room));
}

export function topKJoin(
  regions: usize,
  counts: usize,
  tasks: u32,
  room: u32,
  scratch: usize,
  n: u32,
  k: u32,
): bool {
  const capacity = roomFor(n, k);
  const indices = candidatesIn(scratch, n, k);
  const words = at(indices, capacity);
  let found: u32 = 0;
  for (let task: u32 = 0; task < tasks; task++, regions += (<usize>room) << 3) {
    const count = load<u32>(at(counts, task));
    if (count == room || count >= capacity - found) return false;
    memory.copy(at(indices, found), regions, count << 2);
    memory.copy(at(words, found), at(regions, room), count << 2);
    found += count;
  }
  store<u32>(scratch, found, FOUND);
  return true;
}

export function topKFinish(indices: usize, values: usize, scratch: usize, n: u32, k: u32, order: u32): bool {
  const room = roomFor(n, k);
  const found = load<u32>(scratch, FOUND);
  if (found < k || found == room) return false;
  const bins = binsIn(scratch);
  const list = listIn(scratch);
  const candidates = candidatesIn(scratch, n, k);
  const words = at(candidates, room);
  // Only those below `high` can be the cut, if there are less than k others.
  let cut: u32;
  const inBracket = between(words, found, order, 0, load<i64>(scratch, HIGH), list, room, scratch + ABOVE);
  const above = load<u32>(scratch, ABOVE);
  if (above < k) cut = kthKey(list, inBracket, k - above, order, bins, scratch);
  else cut = kthKey(words, found, k, order, bins, scratch);
  const wanted = load<u32>(scratch, WANTED);
  const equal = load<u32>(scratch, EQUAL);
  emitListed(candidates, words, found, indices, values, k, order, cut, wanted, equal);
  return true;
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
  let found = take(x, 0, n, 0, key, indices, values, capacity);
  if (found == capacity) {
    // Full: what comes behind the last one is only counted.
    const first = load<u32>(at(indices, capacity - 1)) + 1;
    found += countFrom(at(x, first), n - first, 0, key);
  }
  store<u32>(count, found);
}

/** The place behind the `wanted`-th word of this key; there are so many, wanted >= 1. */
function behindTies(words: usize, n: u32, order: u32, key: u32, wanted: u32): u32 {
  let i: u32 = 0;
  for (; wanted != 0 && i < n; i++) {
    if (keyOf(load<u32>(at(words, i)), order) == key) wanted--;
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
  const taken = take(x, 0, split, order, cut, indices, values, k);
  take(x, split, n, order, <i64>cut + 1, at(indices, taken), at(values, taken), k - taken);
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
