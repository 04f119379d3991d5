/**
 * Packing: signs at one bit an element, codes at 1 to 16 bits, and back. Bits fill words from the lowest on, codes follow
 * each other without a gap: 32 codes of b bits fill b words.
 *
 * packSigns(x, bits, n): bit i = 1 where x_i < 0 by its bits, so 0 for -0. x of n words, bits of ceil(n / 32).
 * unpackSigns(bits, scales, y, n, segment): y_i = scales[floor(i / segment)] with its sign flipped where bit i is 1.
 *   scales of ceil(n / segment) words, y of n, segment >= 1.
 * packBits(codes, packed, n, width): the low `width` bits of each word of codes; packed of ceil(n width / 32) words.
 * unpackBits(packed, codes, n, width): the reverse.
 *
 * n >= 1, 1 <= width <= 16. Scratch: none. Passes: one read, one write.
 * Edges: the last word is filled up with zeros; nothing past it is written, nor read past the last word of an input.
 */
import { SIGN } from './float-bits';

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
function signs16(x: usize): u32 {
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

export function unpackSigns(bits: usize, scales: usize, y: usize, n: u32, segment: u32): void {
  for (let first: u32 = 0; first < n; scales += 4) {
    const end = segment < n - first ? first + segment : n;
    flips(bits, load<u32>(scales), y, first, end);
    first = end;
  }
}

/** y_i = scale or its opposite, for first <= i < end. */
function flips(bits: usize, scale: u32, y: usize, first: u32, end: u32): void {
  if (ASC_FEATURE_SIMD) {
    const whole = min((first + 31) & ~31, end);
    for (; first < whole; first++) flip(bits, scale, y, first);
    const value = i32x4.splat(scale);
    const sign = i32x4.splat(SIGN);
    const powers = i32x4(1 << 31, 1 << 30, 1 << 29, 1 << 28);
    const last = y + ((<usize>(end & ~31)) << 2);
    let to = y + ((<usize>first) << 2);
    for (let from = bits + ((first >> 5) << 2); to < last; from += 4, to += 128, first += 32) {
      const word = v128.load32_splat(from);
      v128.store(to, v128.xor(value, spread(word, powers, sign)));
      v128.store(to, v128.xor(value, spread(i32x4.shr_u(word, 4), powers, sign)), 16);
      v128.store(to, v128.xor(value, spread(i32x4.shr_u(word, 8), powers, sign)), 32);
      v128.store(to, v128.xor(value, spread(i32x4.shr_u(word, 12), powers, sign)), 48);
      v128.store(to, v128.xor(value, spread(i32x4.shr_u(word, 16), powers, sign)), 64);
      v128.store(to, v128.xor(value, spread(i32x4.shr_u(word, 20), powers, sign)), 80);
      v128.store(to, v128.xor(value, spread(i32x4.shr_u(word, 24), powers, sign)), 96);
      v128.store(to, v128.xor(value, spread(i32x4.shr_u(word, 28), powers, sign)), 112);
    }
  }
  for (; first < end; first++) flip(bits, scale, y, first);
}

/** The lowest four bits of a word, each as the sign of one lane. */
// @ts-ignore: decorator
@inline
function spread(word: v128, powers: v128, sign: v128): v128 {
  return v128.and(i32x4.mul(word, powers), sign);
}

// @ts-ignore: decorator
@inline
function flip(bits: usize, scale: u32, y: usize, i: u32): void {
  const word = load<u32>(bits + ((<usize>(i >> 5)) << 2));
  store<u32>(y + ((<usize>i) << 2), scale ^ ((word >> (i & 31)) << 31));
}

export function packBits(codes: usize, packed: usize, n: u32, width: u32): void {
  const mask: u64 = (1 << width) - 1;
  let window: u64 = 0;
  let filled: u32 = 0;
  for (const end = codes + ((<usize>(n & ~3)) << 2); codes < end; codes += 16) {
    // Four codes make up to 64 bits: what does not fit the window waits for the next.
    const four = join(codes, mask, width);
    window |= four << filled;
    filled += 4 * width;
    if (filled >= 64) {
      store<u64>(packed, window);
      packed += 8;
      filled -= 64;
      window = filled == 0 ? 0 : four >> (4 * width - filled);
    }
  }
  for (n &= 3; n != 0; n--, codes += 4) {
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

/** Four codes side by side. */
// @ts-ignore: decorator
@inline
function join(codes: usize, mask: u64, width: u32): u64 {
  if (ASC_FEATURE_SIMD) {
    const four = v128.and(v128.load(codes), i32x4.splat(<u32>mask));
    const two = v128.or(v128.and(four, i64x2.splat(0xffffffff)), i64x2.shr_u(four, 32 - width));
    return i64x2.extract_lane(two, 0) | (i64x2.extract_lane(two, 1) << (2 * width));
  } else {
    const low = (load<u32>(codes) & mask) | ((load<u32>(codes, 4) & mask) << width);
    const high = (load<u32>(codes, 8) & mask) | ((load<u32>(codes, 12) & mask) << width);
    return low | (high << (2 * width));
  }
}

export function unpackBits(packed: usize, codes: usize, n: u32, width: u32): void {
  const mask: u64 = (1 << width) - 1;
  const words = (<usize>n * width + 31) >> 5;
  let i: u32 = 0;
  let bit: usize = 0;
  // Groups of four are 4 * width bits from a whole or a half byte on: one load of eight bytes holds them all.
  for (
    const last = words << 5;
    i + 4 <= n && (bit & ~7) + 64 <= last;
    i += 4, bit += 4 * width, codes += 16
  ) {
    const four: u64 = load<u64>(packed + (bit >> 3)) >> (bit & 7);
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
  for (; i < n; i++, bit += width, codes += 4) {
    const word = packed + ((bit >> 5) << 2);
    const at = <u32>(bit & 31);
    let code = load<u32>(word) >> at;
    if (at + width > 32) code |= load<u32>(word, 4) << (32 - at);
    store<u32>(codes, code & (<u32>mask));
  }
}
