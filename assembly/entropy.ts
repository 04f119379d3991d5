/**
 * Symbols of few bits by their entropy: interleaved rANS over blocks of lanes (ts/kernels/entropy.ts has the rules,
 * docs/packet.md the format).
 *
 * codeSymbols(packed, coded, size, scratch, n, width): the section of coded symbols to coded, and its words to size[0];
 *   and zeros behind it; where it would not have 2 words fewer than packed, packed to coded and 0 to size[0]. coded has
 *   as many words as packed, ceil(n width / 32); a block is coded backwards from its end, and moved to its place.
 * codeSymbolsScratch(): words of its scratch: counts, two tables, symbols of a part of a block.
 *
 * 1 <= n <= 2^26, 1 <= width <= 12. Passes: two over packed.
 */
import { at } from './compaction';
import { joinedHalves } from './halves';
import { unpackBits } from './pack';

const WIDEST_SYMBOL: u32 = 12;
const START: u32 = 65536;
const LEAST_PRECISION: u32 = 12;
const MOST_PRECISION: u32 = 16;
const COARSE: u32 = 4;
const SPARE: u32 = 5;
const BLOCK_BITS: u32 = 17;
const LEAST_BLOCK: u32 = 15;
const SHORTEST_BLOCK: u32 = 5;
const MOST_LANES: u32 = 5;
const LANE_BITS: u32 = 10;
const LANE_SYMBOLS: u32 = 12;
const PRECISION_FIELD: u32 = 5;
const LANES_FIELD: u32 = 3;
const BLOCK_FIELD: u32 = 5;
const USED_FIELD: u32 = 12;

/** Symbols, and groups of symbols that are counted together. */
const SYMBOLS: u32 = 4096;

/** Symbols that are unpacked at a time. */
const CHUNK: u32 = 1024;

/** Bytes of a symbol in the table of the encoder: a reciprocal, where its states are too large, and two numbers. */
const ENTRY: usize = 16;

/** Bytes of a symbol in the table of four lanes at a time: a reciprocal, share and start. */
const SHORT_ENTRY: usize = 8;

/** Where in scratch what lies, in bytes: counts, then the tables; counts of groups, twice, where the first will be. */
const TABLE: usize = SYMBOLS * 4;
const SHORT_TABLE: usize = TABLE + SYMBOLS * ENTRY;
const CODES: usize = SHORT_TABLE + SYMBOLS * SHORT_ENTRY;
const STATES: usize = CODES + CHUNK * 4 + 128;
const SCRATCH: usize = STATES + 128;

/** How symbols are coded, and the words of the table. */
let precision: u32 = 0;
let lanes: u32 = 0;
let block: u32 = 0;

// @ts-ignore: decorator
@inline
function bitsIn(v: u32): u32 {
  return 32 - clz(v);
}

export function codeSymbolsScratch(): u32 {
  return <u32>(SCRATCH >> 2);
}

export function codeSymbols(
  packed: usize,
  coded: usize,
  size: usize,
  scratch: usize,
  n: u32,
  width: u32,
): void {
  const words = <u32>((<u64>n * width + 31) >> 5);
  count(packed, scratch, n, width);
  const section = codeAll(packed, coded, scratch, n, width, words);
  store<u32>(size, section);
  if (section == 0) memory.copy(coded, packed, (<usize>words) << 2);
  else memory.fill(at(coded, section), 0, (<usize>(words - section)) << 2);
}

/** The words of the section; 0 where packed symbols are to be taken. */
function codeAll(packed: usize, coded: usize, scratch: usize, n: u32, width: u32, words: u32): u32 {
  const used = makeTable(scratch, n, 1 << width);
  const end = at(coded, words);
  let to = writeTable(scratch, coded, end, 1 << width, used);
  if (to == 0) return 0;
  if (used > 1) {
    const blocks = ((n - 1) >> block) + 1;
    let length = to;
    to = at(to, blocks - 1);
    for (let first: u32 = 0; first < n; first += 1 << block) {
      const start = to;
      to += 4 << lanes;
      if (to > end) return 0;
      const own = min<u32>(1 << block, n - first);
      const from = codeBlock(at(packed, (first >> 5) * width), scratch, own, width, to, end);
      if (from == 0) return 0;
      to = moveBlock(from, end, start, scratch);
      if (first + own == n) break;
      store<u32>(length, <u32>((to - start) >> 2));
      length += 4;
    }
  }
  const section = <u32>((to - coded) >> 2);
  return section + 2 <= words ? section : 0;
}

/** Puts the states of the lanes and the halves from `from` to `end` to their place; the word behind them. */
function moveBlock(from: usize, end: usize, to: usize, scratch: usize): usize {
  memory.copy(to, scratch + STATES, 4 << lanes);
  to += 4 << lanes;
  const bytes = end - from;
  memory.copy(to, from, bytes);
  // at an odd number of halves the word has room: `from` was not below its end
  if (bytes & 2) store<u16>(to + bytes, 0);
  return to + ((bytes + 3) & ~3);
}

/**
 * Codes one block backwards from `end` on, its states to scratch: where its halves begin. 0 where they would begin
 * before `least`.
 */
function codeBlock(packed: usize, scratch: usize, n: u32, width: u32, least: usize, end: usize): usize {
  // at a multiple of all lanes
  const codes = (scratch + CODES + 127) & ~127;
  const states = scratch + STATES;
  const table = scratch + TABLE;
  // where among the states that of a symbol is, by the address of its code
  const lane: u32 = (4 << lanes) - 4;
  const shift: u64 = 32 + precision;
  for (let place: u32 = 0; place <= lane; place += 4) store<u32>(states + place, START);
  let to = end;
  let first = (n - 1) & ~(CHUNK - 1);
  while (true) {
    const some = min(CHUNK, n - first);
    unpackBits(at(packed, (first >> 5) * width), codes, some, width);
    // each symbol gives a half at most
    if (to >= least + ((<usize>some) << 1)) {
      let code = at(codes, some);
      const fours = ASC_FEATURE_SIMD && lane >= 12 ? at(codes, some & ~3) : codes;
      for (; code != fours;) {
        code -= 4;
        to = codeSymbol(load<u32>(code), table, states + (code & lane), to, shift);
      }
      if (ASC_FEATURE_SIMD) {
        for (; code != codes;) {
          code -= 16;
          to = codeFour(code, scratch + SHORT_TABLE, states + (code & lane), to, precision);
        }
      }
    } else {
      for (let i = some; i-- > 0;) {
        if (to < least + 2) return 0;
        to = codeSymbol(load<u32>(at(codes, i)), table, at(states, i & (lane >> 2)), to, shift);
      }
    }
    if (first == 0) return to;
    first -= CHUNK;
  }
}

/** Codes one symbol by the state of its lane; a half that it gives goes in front of `to`. Where the halves begin. */
// @ts-ignore: decorator
@inline
function codeSymbol(symbol: u32, table: usize, place: usize, to: usize, shift: u64): usize {
  const entry = table + <usize>symbol * ENTRY;
  const state = load<u32>(place);
  const large = <u32>(state >= load<u32>(entry, 8));
  store<u16>(to - 2, <u16>state);
  const left = state >> (large << 4);
  const quotient = <u32>((<u64>left * load<u64>(entry)) >> shift);
  store<u32>(place, left + quotient * load<u16>(entry, 14) + load<u16>(entry, 12));
  return to - (large << 1);
}

/** Codes four symbols, from `code` on, by the states of four lanes that follow each other. Where the halves begin. */
// @ts-ignore: decorator
@inline
function codeFour(code: usize, table: usize, place: usize, to: usize, precision: u32): usize {
  let a = v128.load64_zero(table + <usize>load<u32>(code) * SHORT_ENTRY);
  a = v128.load64_lane(table + <usize>load<u32>(code, 4) * SHORT_ENTRY, a, 1);
  let b = v128.load64_zero(table + <usize>load<u32>(code, 8) * SHORT_ENTRY);
  b = v128.load64_lane(table + <usize>load<u32>(code, 12) * SHORT_ENTRY, b, 1);
  const reciprocal = v128.shuffle<u32>(a, b, 0, 2, 4, 6);
  const both = v128.shuffle<u32>(a, b, 1, 3, 5, 7);
  const share = v128.and(both, i32x4.splat(0xffff));
  const state = v128.load(place);
  const large = i32x4.ge_u(state, i32x4.shl(share, 32 - precision));
  const bits = i32x4.bitmask(large);
  v128.store64_lane(to - 8, joinedHalves(state, bits), 0);
  const left = v128.bitselect(i32x4.shr_u(state, 16), state, large);
  // floor(left / share), or one less: left floor(2^32 / share) misses less than 2^32 of left 2^32 / share
  const low = i64x2.extmul_low_i32x4_u(left, reciprocal);
  const high = i64x2.extmul_high_i32x4_u(left, reciprocal);
  const quotient = v128.shuffle<u32>(low, high, 1, 3, 5, 7);
  const rest = i32x4.sub(left, i32x4.mul(quotient, share));
  const less = i32x4.ge_s(rest, share);
  const next = i32x4.add(
    i32x4.shl(i32x4.sub(quotient, less), precision),
    i32x4.add(i32x4.sub(rest, v128.and(less, share)), i32x4.shr_u(both, 16)),
  );
  v128.store(place, next);
  return to - (popcnt(bits) << 1);
}

/** counts[s] = how many of n symbols are s. */
function count(packed: usize, counts: usize, n: u32, width: u32): void {
  // several symbols at a time, as many as SYMBOLS has room for
  const group = WIDEST_SYMBOL / width;
  const groups = counts + TABLE;
  memory.fill(counts, 0, TABLE * 3);
  const bits = group * width;
  const mask: u64 = (1 << bits) - 1;
  const whole = n / group;
  let window: u64 = 0;
  let filled: u32 = 0;
  let i: u32 = 0;
  for (; i + 2 <= whole; i += 2) {
    if (filled < 2 * bits) {
      window |= (<u64>load<u32>(packed)) << filled;
      packed += 4;
      filled += 32;
    }
    // two tables, since a count that follows itself would wait
    add(groups + ((<usize>(window & mask)) << 3), 1);
    window >>= bits;
    add(groups + ((<usize>(window & mask)) << 3) + 4, 1);
    window >>= bits;
    filled -= 2 * bits;
  }
  for (let rest = n - i * group; rest > 0; rest--) {
    if (filled < width) {
      window |= (<u64>load<u32>(packed)) << filled;
      packed += 4;
      filled += 32;
    }
    add(at(counts, (<u32>window) & ((1 << width) - 1)), 1);
    window >>= width;
    filled -= width;
  }
  for (let value: u32 = 0; value <= <u32>mask; value++) {
    const found = load<u32>(groups + ((<usize>value) << 3)) + load<u32>(groups + ((<usize>value) << 3), 4);
    if (found == 0) continue;
    for (let shift: u32 = 0; shift < bits; shift += width)
      add(at(counts, (value >> shift) & ((1 << width) - 1)), found);
  }
}

// @ts-ignore: decorator
@inline
function add(place: usize, term: u32): void {
  store<u32>(place, load<u32>(place) + term);
}

/** Makes the table of `all` symbols by their counts; how many occur. */
function makeTable(counts: usize, n: u32, all: u32): u32 {
  let used: u32 = 0;
  let most: u32 = 0;
  for (let symbol: u32 = 0; symbol < all; symbol++) {
    const own = load<u32>(at(counts, symbol));
    used += <u32>(own > 0);
    most = max(most, own);
  }
  precision = 0;
  lanes = 0;
  block = SHORTEST_BLOCK;
  if (used == 1) return 1;
  precision = max(SPARE + bitsIn(used) + bitsIn(n) - bitsIn(n - most), LEAST_PRECISION);
  precision = min(min(precision, MOST_PRECISION), <u32>max<i32>(bitsIn(n) - COARSE, bitsIn(used) + 1));
  const slots: u32 = 1 << precision;
  const worth = n >> precision;
  let weight: u32 = 0;
  for (let symbol: u32 = 0; symbol < all; symbol++) {
    const own = load<u32>(at(counts, symbol));
    if (own > worth) weight += own - worth;
  }
  const k = <u32>max<i32>(0, bitsIn(weight) - 16);
  const m = <u32>max<i32>(0, bitsIn(n) - 16);
  let rank: u32 = 0;
  let below: u32 = 0;
  let start: u32 = 0;
  let bits: u32 = 0;
  for (let symbol: u32 = 0; symbol < all; symbol++) {
    const own = load<u32>(at(counts, symbol));
    if (own == 0) continue;
    rank++;
    if (own > worth) below += own - worth;
    const next = rank + ((below >> k) * (slots - used)) / (weight >> k);
    const share = next - start;
    bits += costOf(own, share, m);
    const entry = counts + TABLE + <usize>symbol * ENTRY;
    store<u64>(entry, (((<u64>1) << (32 + precision)) + share - 1) / share);
    store<u32>(entry, share << (32 - precision), 8);
    store<u32>(entry, start | ((slots - share) << 16), 12);
    if (ASC_FEATURE_SIMD) {
      const short = counts + SHORT_TABLE + <usize>symbol * SHORT_ENTRY;
      store<u32>(short, share == 1 ? 0xffffffff : <u32>(((<u64>1) << 32) / share));
      store<u32>(short, share | (start << 16), 4);
    }
    start = next;
  }
  block = LEAST_BLOCK;
  while ((n - 1) >> block >= max<u32>(1, bits >> BLOCK_BITS)) block++;
  lanes = min(bitsIn(max(max<u32>(1, bits >> LANE_BITS), n >> LANE_SYMBOLS)) - 1, MOST_LANES);
  return used;
}

/** About the bits of `count` symbols of one share. */
function costOf(count: u32, share: u32, m: u32): u32 {
  const slots: u32 = 1 << precision;
  if (share > slots >> 1) return (((((count >> m) * (slots - share)) >> precision) * 3) >> 1) << m;
  const whole = bitsIn(share) - 1;
  const each = 16 * (precision - whole) - (((share - (1 << whole)) * 16) >> whole);
  return (count >> 8) * 16 * each + (((count & 255) * each) >> 4);
}

/** Bits that wait for a whole word, where that goes, and where there are no more. */
let window: u64 = 0;
let filled: u32 = 0;
let output: usize = 0;
let limit: usize = 0;

function put(value: u32, bits: u32): void {
  window |= (<u64>value) << filled;
  filled += bits;
  if (filled < 32) return;
  if (output < limit) store<u32>(output, <u32>window);
  output += 4;
  window >>= 32;
  filled -= 32;
}

function putGamma(v: u32): void {
  const bits = bitsIn(v) - 1;
  put(1 << bits, bits + 1);
  put(v - (1 << bits), bits);
}

/** Writes header and table: the word behind them, or 0 where that is not before `end`. */
function writeTable(counts: usize, to: usize, end: usize, all: u32, used: u32): usize {
  window = 0;
  filled = 0;
  output = to;
  limit = end;
  put(precision, PRECISION_FIELD);
  put(lanes, LANES_FIELD);
  put(block, BLOCK_FIELD);
  put(used - 1, USED_FIELD);
  let behind: u32 = 0;
  let first = true;
  let before: u32 = 0;
  for (let symbol: u32 = 0; symbol < all; symbol++) {
    if (load<u32>(at(counts, symbol)) == 0) continue;
    if (first || symbol > behind) {
      putGamma(first ? symbol + 1 : symbol - behind);
      behind = symbol;
      while (behind < all && load<u32>(at(counts, behind)) != 0) behind++;
      putGamma(behind - symbol);
      first = false;
    }
    const share = used == 1 ? 1 : load<u32>(counts + TABLE + <usize>symbol * ENTRY, 8) >> (32 - precision);
    const whole = bitsIn(share) - 1;
    putGamma(whole < before ? 2 * (before - whole) : 2 * (whole - before) + 1);
    put(share - (1 << whole), whole);
    before = whole;
  }
  if (filled > 0) put(0, 32 - filled);
  return output < end ? output : 0;
}
