/**
 * Quantisation, the way back: codes of 1 to 16 bits, packed as pack.ts does, to elements by a table, or added to them.
 *
 * lookup(packed, table, y, scratch, n, width): y_i = table[code_i], words as they are; table of 2^width words, y of n.
 *   Scratch: LOOKUP_SCRATCH words, for a table of what four, or two, codes a byte are.
 * addLookup(...): y_i = y_i + table[code_i], magnitudes below 2^-102 as +0.
 * lookupTable(table, scratch, width), addLookupTable(...): that table, for lookupPart(packed, table, y, scratch, n,
 *   width) and addLookupPart(...), which are lookup and addLookup where it is there.
 *
 * n >= 1, 1 <= width <= 16. Passes: one read, one write.
 * Edges: nothing past the last element is written, nor read past the last word of an input.
 */
import { flushed, flushed4 } from './accumulate';
import { is, Off, On } from './flag';
import { codeAt, highFour, lowFour, packedEnd, roomForEight } from './pack';

/** From so many codes on a table of bytes pays; and the words of one, four for each. */
const TABLED: u32 = 4096;
export const LOOKUP_SCRATCH: u32 = 1024;

export function lookupScratch(): u32 {
  return LOOKUP_SCRATCH;
}

export function lookup(packed: usize, table: usize, y: usize, scratch: usize, n: u32, width: u32): void {
  const tabled = n >= TABLED;
  if (tabled) tableOfBytes<Off>(table, scratch, width);
  look<Off>(packed, table, y, scratch, n, width, tabled);
}

export function addLookup(packed: usize, table: usize, y: usize, scratch: usize, n: u32, width: u32): void {
  const tabled = n >= TABLED;
  if (tabled) tableOfBytes<On>(table, scratch, width);
  look<On>(packed, table, y, scratch, n, width, tabled);
}

export function lookupTable(table: usize, scratch: usize, width: u32): void {
  tableOfBytes<Off>(table, scratch, width);
}

export function addLookupTable(table: usize, scratch: usize, width: u32): void {
  tableOfBytes<On>(table, scratch, width);
}

export function lookupPart(packed: usize, table: usize, y: usize, scratch: usize, n: u32, width: u32): void {
  look<Off>(packed, table, y, scratch, n, width, true);
}

export function addLookupPart(
  packed: usize,
  table: usize,
  y: usize,
  scratch: usize,
  n: u32,
  width: u32,
): void {
  look<On>(packed, table, y, scratch, n, width, true);
}

/** y_i = table[code_i], or with Add y_i + table[code_i]; `tabled` where scratch has the table of bytes. */
function look<Add>(
  packed: usize,
  table: usize,
  y: usize,
  scratch: usize,
  n: u32,
  width: u32,
  tabled: bool,
): void {
  let i: u32 = 0;
  if ((ASC_FEATURE_SIMD || !is<Add, On>()) && tabled && width == 4) {
    i = n & ~7;
    ofBytes<Add, u64>(packed, scratch, y, i >> 1);
  } else if (ASC_FEATURE_SIMD && tabled && width == 2) {
    i = n & ~15;
    ofBytes<Add, v128>(packed, scratch, y, i >> 2);
  } else if (!is<Add, On>() && width == 8) {
    i = n & ~3;
    ofBytes<Add, u32>(packed, table, y, i);
  } else {
    const mask: u64 = (1 << width) - 1;
    const end = packedEnd(packed, n, width);
    let to = y;
    for (let from = packed; roomForEight(i, n, from, end, width); i += 8, from += width, to += 32) {
      four<Add>(to, table, lowFour(from), mask, width);
      four<Add>(to + 16, table, highFour(from, width), mask, width);
    }
  }
  for (; i < n; i++) put<Add>(y + ((<usize>i) << 2), entry(table, codeAt(packed, i, width)));
}

// @ts-ignore: decorator
@inline
function entry(table: usize, code: u64): u32 {
  return load<u32>(table + ((<usize>code) << 2));
}

/** The entries of four codes. */
// @ts-ignore: decorator
@inline
function four<Add>(to: usize, table: usize, codes: u64, mask: u64, width: u32): void {
  const a = table + ((<usize>(codes & mask)) << 2);
  const b = table + ((<usize>((codes >> width) & mask)) << 2);
  const c = table + ((<usize>((codes >> (2 * width)) & mask)) << 2);
  const d = table + ((<usize>((codes >> (3 * width)) & mask)) << 2);
  if (ASC_FEATURE_SIMD && is<Add, On>()) {
    v128.store(to, f32x4.add(flushed4(v128.load(to)), flushed4(gathered(a, b, c, d))));
  } else {
    put<Add>(to, load<u32>(a));
    put<Add>(to + 4, load<u32>(b));
    put<Add>(to + 8, load<u32>(c));
    put<Add>(to + 12, load<u32>(d));
  }
}

/** The words at four places. */
// @ts-ignore: decorator
@inline
function gathered(a: usize, b: usize, c: usize, d: usize): v128 {
  return v128.load32_lane(d, v128.load32_lane(c, v128.load32_lane(b, v128.load32_zero(a), 1), 2), 3);
}

// @ts-ignore: decorator
@inline
function put<Add>(to: usize, word: u32): void {
  if (is<Add, On>()) store<f32>(to, flushed(load<u32>(to)) + flushed(word));
  else store<u32>(to, word);
}

/** For each byte the words of the codes of 2 or 4 bits that it holds; with Add flushed. */
function tableOfBytes<Add>(table: usize, to: usize, width: u32): void {
  if (width != 4 && (!ASC_FEATURE_SIMD || width != 2)) return;
  const mask: u32 = (1 << width) - 1;
  for (let byte: u32 = 0; byte < 256; byte++) {
    for (let bit: u32 = 0; bit < 8; bit += width, to += 4) {
      const word = entry(table, (byte >> bit) & mask);
      store<u32>(to, is<Add, On>() ? reinterpret<u32>(flushed(word)) : word);
    }
  }
}

/**
 * Of each of `count` bytes, a multiple of four, its entry in the table: what tableOfBytes has, of which T is the size,
 * or a word, which is not added.
 */
function ofBytes<Add, T>(packed: usize, table: usize, y: usize, count: u32): void {
  const end = packed + count;
  if (packed >= end) return;
  do {
    const a = table + load<u8>(packed) * sizeof<T>();
    const b = table + load<u8>(packed, 1) * sizeof<T>();
    const c = table + load<u8>(packed, 2) * sizeof<T>();
    const d = table + load<u8>(packed, 3) * sizeof<T>();
    if (!is<Add, On>()) {
      store<T>(y, load<T>(a));
      store<T>(y, load<T>(b), sizeof<T>());
      store<T>(y, load<T>(c), 2 * sizeof<T>());
      store<T>(y, load<T>(d), 3 * sizeof<T>());
    } else if (sizeof<T>() == 8) {
      const low = v128.load64_lane(b, v128.load64_zero(a), 1);
      const high = v128.load64_lane(d, v128.load64_zero(c), 1);
      v128.store(y, f32x4.add(flushed4(v128.load(y)), low));
      v128.store(y, f32x4.add(flushed4(v128.load(y, 16)), high), 16);
    } else {
      v128.store(y, f32x4.add(flushed4(v128.load(y)), v128.load(a)));
      v128.store(y, f32x4.add(flushed4(v128.load(y, 16)), v128.load(b)), 16);
      v128.store(y, f32x4.add(flushed4(v128.load(y, 32)), v128.load(c)), 32);
      v128.store(y, f32x4.add(flushed4(v128.load(y, 48)), v128.load(d)), 48);
    }
    packed += 4;
    y += 4 * sizeof<T>();
  } while (packed < end);
}
