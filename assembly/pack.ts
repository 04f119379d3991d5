/**
 * Packing: signs at one bit an element, codes at 1 to 16 bits, and back, signs also as terms of a sum. Bits fill words
 * from the lowest on, codes follow each other without a gap: 32 codes of b bits fill b words.
 *
 * packSigns(x, bits, n): bit i = 1 where x_i < 0 by its bits, so 0 for -0. x of n words, bits of ceil(n / 32).
 * unpackSigns(bits, scales, y, from, n, segment): y_i = scales[floor(i / segment)] with its sign flipped where bit i is
 *   1, for from <= i < n. scales of ceil(n / segment) words, y of n. A segment of 0: 1 or -1, and no scales.
 * addSigns(...): the same, added to y_i, segment >= 1; magnitudes below 2^-102 count as +0.
 * packBits(codes, packed, n, width): the low `width` bits of each word of codes; packed of ceil(n width / 32) words.
 * unpackBits(packed, codes, n, width): the reverse.
 *
 * n >= 1, 1 <= width <= 16. Scratch: none. Passes: one read, one write.
 * Edges: the last word is filled up with zeros; nothing past it is written, nor read past the last word of an input.
 */
import { flushed, flushed4 } from './accumulate';
import { is, Off, On } from './flag';
import { SIGN } from './float-bits';

/** The bits of 1. */
const ONE: u32 = 0x3f800000;

/** Widths by how 16 codes are packed: below 8 bits, 8, and above. */
export type Narrow = u8;
export type Byte = u16;
export type Wide = u32;

export function packSigns(x: usize, bits: usize, n: u32): void {
  if (ASC_FEATURE_SIMD) {
    const end = x + ((<usize>(n & ~31)) << 2);
    for (; x < end; x += 128, bits += 4) store<u32>(bits, signs16(x) | (signs16(x + 64) << 16));
    n &= 31;
  }
  while (n != 0) {
    const count = min<u32>(n, 32);
    let word: u32 = 0;
    for (let i: u32 = 0; i < count; i++, x += 4) word |= (<u32>(load<u32>(x) > SIGN)) << i;
    store<u32>(bits, word);
    bits += 4;
    n -= count;
  }
}

/** The signs of 16 elements. Narrowing saturates, so it keeps the sign; `x & (x - 1)` takes it from -0 alone. */
// @ts-ignore: decorator
@inline
export function signs16(x: usize): u32 {
  const low = i16x8.narrow_i32x4_s(withoutNegativeZero(x), withoutNegativeZero(x + 16));
  const high = i16x8.narrow_i32x4_s(withoutNegativeZero(x + 32), withoutNegativeZero(x + 48));
  return i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

// @ts-ignore: decorator
@inline
function withoutNegativeZero(x: usize): v128 {
  const word = v128.load(x);
  return v128.and(word, i32x4.add(word, i32x4.splat(-1)));
}

export function unpackSigns(bits: usize, scales: usize, y: usize, from: u32, n: u32, segment: u32): void {
  if (segment == 0) return flips<Off>(bits, ONE, y, from, n);
  segments<Off>(bits, scales, y, from, n, segment);
}

export function addSigns(bits: usize, scales: usize, y: usize, from: u32, n: u32, segment: u32): void {
  segments<On>(bits, scales, y, from, n, segment);
}

/** y_i = a scale or its opposite, or with Add that added to it, for from <= i < n. */
function segments<Add>(bits: usize, scales: usize, y: usize, from: u32, n: u32, segment: u32): void {
  let owner = from / segment;
  for (let first = from; first < n; owner++) {
    const inside = first - owner * segment;
    const end = segment - inside < n - first ? first + (segment - inside) : n;
    let scale = load<u32>(scales + ((<usize>owner) << 2));
    if (is<Add, On>()) scale = reinterpret<u32>(flushed(scale));
    flips<Add>(bits, scale, y, first, end);
    first = end;
  }
}

/** The same for first <= i < end, of one segment. */
export function flips<Add>(bits: usize, scale: u32, y: usize, first: u32, end: u32): void {
  if (ASC_FEATURE_SIMD) {
    const whole = min((first + 31) & ~31, end);
    for (; first < whole; first++) flip<Add>(bits, scale, y, first);
    const last = y + ((<usize>(end & ~31)) << 2);
    let to = y + ((<usize>first) << 2);
    if (to < last) {
      // bit l of a word comes to bit 3 of lane l: shifted by 28 - 4 j, bit 4 j + l to its sign
      const lanes = i32x4(8, 4, 2, 1);
      const value = i32x4.splat(scale);
      let from = bits + ((first >> 5) << 2);
      first += <u32>((last - to) >> 2);
      do {
        const word = i32x4.mul(v128.load32_splat(from), lanes);
        if (is<Add, On>()) {
          v128.store(to, added4(v128.load(to), signed4(i32x4.shl(word, 28), value)));
          v128.store(to, added4(v128.load(to, 16), signed4(i32x4.shl(word, 24), value)), 16);
          v128.store(to, added4(v128.load(to, 32), signed4(i32x4.shl(word, 20), value)), 32);
          v128.store(to, added4(v128.load(to, 48), signed4(i32x4.shl(word, 16), value)), 48);
          v128.store(to, added4(v128.load(to, 64), signed4(i32x4.shl(word, 12), value)), 64);
          v128.store(to, added4(v128.load(to, 80), signed4(i32x4.shl(word, 8), value)), 80);
          v128.store(to, added4(v128.load(to, 96), signed4(i32x4.shl(word, 4), value)), 96);
          v128.store(to, added4(v128.load(to, 112), signed4(word, value)), 112);
        } else {
          v128.store(to, signed4(i32x4.shl(word, 28), value));
          v128.store(to, signed4(i32x4.shl(word, 24), value), 16);
          v128.store(to, signed4(i32x4.shl(word, 20), value), 32);
          v128.store(to, signed4(i32x4.shl(word, 16), value), 48);
          v128.store(to, signed4(i32x4.shl(word, 12), value), 64);
          v128.store(to, signed4(i32x4.shl(word, 8), value), 80);
          v128.store(to, signed4(i32x4.shl(word, 4), value), 96);
          v128.store(to, signed4(word, value), 112);
        }
        from += 4;
        to += 128;
      } while (to < last);
    }
  }
  for (; first < end; first++) flip<Add>(bits, scale, y, first);
}

// @ts-ignore: decorator
@inline
function added4(own: v128, terms: v128): v128 {
  return f32x4.add(flushed4(own), terms);
}

/** Four scales with the signs of four words. */
// @ts-ignore: decorator
@inline
export function signed4(signs: v128, scale: v128): v128 {
  return v128.xor(scale, v128.and(signs, i32x4.splat(SIGN)));
}

// @ts-ignore: decorator
@inline
function flip<Add>(bits: usize, scale: u32, y: usize, i: u32): void {
  const word = load<u32>(bits + ((<usize>(i >> 5)) << 2));
  const own = scale ^ ((word >> (i & 31)) << 31);
  const at = y + ((<usize>i) << 2);
  if (is<Add, On>()) {
    // the opposite of +0 is -0, which adds nothing, either
    store<f32>(at, flushed(load<u32>(at)) + reinterpret<f32>(own));
  } else {
    store<u32>(at, own);
  }
}

export function packBits(codes: usize, packed: usize, n: u32, width: u32): void {
  let i: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    if (width < 8) i = sixteens<Narrow>(codes, packed, n, width);
    else if (width == 8) i = sixteens<Byte>(codes, packed, n, width);
    else i = sixteens<Wide>(codes, packed, n, width);
  }
  packRest(codes + ((<usize>i) << 2), packed, i, n, width);
}

/** Packs codes 16 at a time, and returns how many it did. */
function sixteens<Width>(codes: usize, packed: usize, n: u32, width: u32): u32 {
  const mask = i32x4.splat((1 << width) - 1);
  const end = packedEnd(packed, n, width);
  let i: u32 = 0;
  if (!roomForSixteen(i, n, packed, end, width)) return 0;
  do {
    const a = v128.and(v128.load(codes), mask);
    const b = v128.and(v128.load(codes, 16), mask);
    const c = v128.and(v128.load(codes, 32), mask);
    const d = v128.and(v128.load(codes, 48), mask);
    packSixteen<Width>(packed, a, b, c, d, width);
    i += 16;
    codes += 64;
    packed += 2 * width;
  } while (roomForSixteen(i, n, packed, end, width));
  return i;
}

/** The first byte behind n packed codes, in whole words. */
export function packedEnd(packed: usize, n: u32, width: u32): usize {
  return packed + ((<usize>((<u64>n * width + 31) >> 5)) << 2);
}

/**
 * Whether there are 16 codes from i on, and packSixteen may write them to `to`: it writes more bytes than they have.
 */
// @ts-ignore: decorator
@inline
export function roomForSixteen(i: u32, n: u32, to: usize, end: usize, width: u32): bool {
  return i + 16 <= n && to + width + (width > 8 ? 16 : 8) <= end;
}

/** Stores 16 codes side by side, 2 * width bytes, and up to 15 bytes behind them, which the next ones overwrite. */
// @ts-ignore: decorator
@inline
export function packSixteen<Width>(to: usize, a: v128, b: v128, c: v128, d: v128, width: u32): void {
  if (is<Width, Narrow>()) {
    // Sums of neighbours, the second one shifted, make pairs, then fours, which two shifts join to eights.
    const pair = i32x4.splat(1 | (1 << (16 + width)));
    const ab = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_u(a, b), pair);
    const cd = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_u(c, d), pair);
    const fours = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_u(ab, cd), i32x4.splat(1 | (1 << (16 + 2 * width))));
    const low = i64x2.splat(0xffffffff);
    const eights = v128.or(v128.and(fours, low), i64x2.shr_u(v128.andnot(fours, low), 32 - 4 * width));
    v128.store64_lane(to, eights, 0);
    v128.store64_lane(to + width, eights, 1);
  } else if (is<Width, Byte>()) {
    v128.store(to, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(a, b), i16x8.narrow_i32x4_u(c, d)));
  } else {
    packEight(to, a, b, width);
    packEight(to + width, c, d, width);
  }
}

/** Stores eight codes of more than 8 bits in 16 bytes. */
// @ts-ignore: decorator
@inline
function packEight(to: usize, a: v128, b: v128, width: u32): void {
  const high = four(b, width);
  // in two shifts, since 64 bits at once would be none
  store<u64>(to, four(a, width) | ((high << (2 * width)) << (2 * width)));
  store<u64>(to, high >> (64 - 4 * width), 8);
}

/** Four codes side by side. */
// @ts-ignore: decorator
@inline
function four(codes: v128, width: u32): u64 {
  const two = v128.or(v128.and(codes, i64x2.splat(0xffffffff)), i64x2.shr_u(codes, 32 - width));
  return i64x2.extract_lane(two, 0) | (i64x2.extract_lane(two, 1) << (2 * width));
}

/** Packs the codes first..n - 1; `codes` points to the first of them, first is a multiple of 16. */
export function packRest(codes: usize, packed: usize, first: u32, n: u32, width: u32): void {
  const mask: u64 = (1 << width) - 1;
  const bit = <u64>first * width;
  packed += (<usize>(bit >> 5)) << 2;
  let filled = (<u32>bit) & 31;
  let window: u64 = filled == 0 ? 0 : load<u32>(packed) & ((1 << filled) - 1);
  for (; first + 4 <= n; first += 4, codes += 16) {
    // Four codes make up to 64 bits: what does not fit the window waits for the next.
    const low = (load<u32>(codes) & mask) | ((load<u32>(codes, 4) & mask) << width);
    const high = (load<u32>(codes, 8) & mask) | ((load<u32>(codes, 12) & mask) << width);
    const four = low | (high << (2 * width));
    window |= four << filled;
    filled += 4 * width;
    if (filled >= 64) {
      store<u64>(packed, window);
      packed += 8;
      filled -= 64;
      window = filled == 0 ? 0 : four >> (4 * width - filled);
    }
  }
  for (; first < n; first++, codes += 4) {
    const code = load<u32>(codes) & mask;
    window |= code << filled;
    filled += width;
    if (filled >= 64) {
      store<u64>(packed, window);
      packed += 8;
      filled -= 64;
      window = filled == 0 ? 0 : code >> (width - filled);
    }
  }
  for (; filled != 0; packed += 4, window >>= 32) {
    store<u32>(packed, <u32>window);
    filled = filled > 32 ? filled - 32 : 0;
  }
}

export function unpackBits(packed: usize, codes: usize, n: u32, width: u32): void {
  const mask: u64 = (1 << width) - 1;
  const end = packedEnd(packed, n, width);
  let i: u32 = 0;
  if (roomForEight(0, n, packed, end, width)) {
    let from = packed;
    do {
      unpackFour(codes, lowFour(from), mask, width);
      unpackFour(codes + 16, highFour(from, width), mask, width);
      i += 8;
      codes += 32;
      from += width;
    } while (roomForEight(i, n, from, end, width));
  }
  for (; i < n; i++, codes += 4) store<u32>(codes, codeAt(packed, i, width));
}

// @ts-ignore: decorator
@inline
function unpackFour(codes: usize, four: u64, mask: u64, width: u32): void {
  if (ASC_FEATURE_SIMD) {
    const two = i64x2(four, four >> (2 * width));
    const low = v128.and(two, i64x2.splat(mask));
    v128.store(codes, v128.or(low, v128.and(i64x2.shl(two, 32 - width), i64x2.splat(mask << 32))));
  } else {
    store<u32>(codes, <u32>(four & mask));
    store<u32>(codes, <u32>((four >> width) & mask), 4);
    store<u32>(codes, <u32>((four >> (2 * width)) & mask), 8);
    store<u32>(codes, <u32>((four >> (3 * width)) & mask), 12);
  }
}

/** Whether there are eight codes from i on, and the loads of lowFour and highFour end within the packed words. */
// @ts-ignore: decorator
@inline
export function roomForEight(i: u32, n: u32, from: usize, end: usize, width: u32): bool {
  return i + 8 <= n && from + (width >> 1) + 8 <= end;
}

/** The first four of eight codes, which take `width` bytes: its lowest bits. */
// @ts-ignore: decorator
@inline
export function lowFour(from: usize): u64 {
  return load<u64>(from);
}

/** The other four: they start within a byte where the width is odd. */
// @ts-ignore: decorator
@inline
export function highFour(from: usize, width: u32): u64 {
  return load<u64>(from + (width >> 1)) >> ((width & 1) << 2);
}

/** Code i. */
export function codeAt(packed: usize, i: u32, width: u32): u32 {
  const bit = <u64>i * width;
  const word = packed + ((<usize>(bit >> 5)) << 2);
  const at = (<u32>bit) & 31;
  let code = load<u32>(word) >> at;
  if (at + width > 32) code |= load<u32>(word, 4) << (32 - at);
  return code & ((1 << width) - 1);
}
