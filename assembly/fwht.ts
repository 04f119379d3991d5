/**
 * The fast Walsh-Hadamard transform, y = H x, unnormalised, of each block of `block` elements of x padded with zeros.
 *
 * Butterflies (a, b) -> (a + b, a - b) at distance h = 1, 2, 4, ..., block / 2. Stages may run in any order in memory as
 * long as each element sees them in this one, so: five stages over 32 floats in registers while x is read, then radix 8
 * inside 32 KB of y, then depth-first radix 8, the way of FFHT (A. Andoni, P. Indyk et al., "Practical and Optimal LSH
 * for Angular Distance", NIPS 2015).
 *
 * fwht(x, y, n, total, block): x of n words, y of total; block a power of two, total a multiple of it, 1 <= n <= total.
 * Scratch: none. Passes over the data: one read of x, one write of y; above 2^13 elements a block, another read and
 * write of y for each three stages that no cache holds.
 * Edges: magnitudes below 2^-102 are +0 at the input, -0 too, so no sum or difference is subnormal; a part of y that only
 * padding feeds is filled with zeros at once.
 */
import { MAGNITUDE } from './float-bits';

/** The key below which an input counts as +0: 2^-102. */
export const TINY: u32 = 0x0c800000;

/** Bytes that the first level of a cache holds with room to spare on every machine of today. */
const CACHED: usize = 32768;

/** Elements that the first pass transforms in registers, in SIMD. */
const GROUP: u32 = 32;

export function fwht(x: usize, y: usize, n: u32, total: u32, block: u32): void {
  for (let first: u32 = 0; first < total; first += block) {
    const offset = (<usize>first) << 2;
    part(x + offset, y + offset, n > first ? n - first : 0, (<usize>block) << 2);
  }
}

/** Transforms `bytes` of y, whose first `n` elements, if it has so many, come from x and whose others are zero. */
function part(x: usize, y: usize, n: u32, bytes: usize): void {
  if (n == 0) {
    memory.fill(y, 0, bytes);
  } else if (bytes <= CACHED) {
    leaf(x, y, min(n, <u32>(bytes >> 2)), bytes);
  } else {
    const eighth = bytes >> 3;
    for (let i: usize = 0, first: u32 = 0; i < bytes; i += eighth, first += <u32>(eighth >> 2)) {
      part(x + i, y + i, n > first ? n - first : 0, eighth);
    }
    if (ASC_FEATURE_SIMD) radix8<v128>(y, y + bytes, eighth);
    else radix8<f32>(y, y + bytes, eighth);
  }
}

/** A part that stays in the cache; 1 <= n <= bytes / 4. */
function leaf(x: usize, y: usize, n: u32, bytes: usize): void {
  if (ASC_FEATURE_SIMD) {
    if (bytes >= GROUP << 2) {
      const whole = (<usize>(n & ~(GROUP - 1))) << 2;
      groups(x, y, y + whole);
      if (whole < bytes) {
        const rest = ((<usize>n) << 2) - whole;
        memory.copy(y + whole, x + whole, rest);
        memory.fill(y + whole + rest, 0, bytes - whole - rest);
        if (rest != 0) groups(y + whole, y + whole, y + whole + (GROUP << 2));
      }
      stages<v128>(y, bytes, GROUP << 2);
      return;
    }
  }
  const end = (<usize>n) << 2;
  for (let i: usize = 0; i < end; i += 4) {
    const word = load<u32>(x + i);
    store<u32>(y + i, (word & MAGNITUDE) < TINY ? 0 : word);
  }
  memory.fill(y + end, 0, bytes - end);
  stages<f32>(y, bytes, 4);
}

/** All stages from distance `h` on, of `bytes` from y on; distances in bytes. */
function stages<T>(y: usize, bytes: usize, h: usize): void {
  while (h < bytes) {
    const left = bytes / h;
    if (left == 8 || left > 16) {
      radix8<T>(y, y + bytes, h);
      h <<= 3;
    } else if (left >= 4) {
      radix4<T>(y, y + bytes, h);
      h <<= 2;
    } else {
      radix2<T>(y, y + bytes, h);
      h <<= 1;
    }
  }
}

// @ts-ignore: decorator
@inline
function sum<T>(a: T, b: T): T {
  if (isVector<T>()) return f32x4.add(a, b);
  else return a + b;
}

// @ts-ignore: decorator
@inline
function difference<T>(a: T, b: T): T {
  if (isVector<T>()) return f32x4.sub(a, b);
  else return a - b;
}

/** The stages h, 2 h and 4 h. */
function radix8<T>(y: usize, end: usize, h: usize): void {
  for (; y < end; y += 7 * h) {
    for (const stop = y + h; y < stop; y += sizeof<T>()) {
      const y1 = y + h;
      const y2 = y1 + h;
      const y3 = y2 + h;
      const y4 = y3 + h;
      const y5 = y4 + h;
      const y6 = y5 + h;
      const y7 = y6 + h;
      const a0 = load<T>(y);
      const a1 = load<T>(y1);
      const b0 = sum<T>(a0, a1);
      const b1 = difference<T>(a0, a1);
      const a2 = load<T>(y2);
      const a3 = load<T>(y3);
      const b2 = sum<T>(a2, a3);
      const b3 = difference<T>(a2, a3);
      const c0 = sum<T>(b0, b2);
      const c1 = sum<T>(b1, b3);
      const c2 = difference<T>(b0, b2);
      const c3 = difference<T>(b1, b3);
      const a4 = load<T>(y4);
      const a5 = load<T>(y5);
      const b4 = sum<T>(a4, a5);
      const b5 = difference<T>(a4, a5);
      const a6 = load<T>(y6);
      const a7 = load<T>(y7);
      const b6 = sum<T>(a6, a7);
      const b7 = difference<T>(a6, a7);
      const c4 = sum<T>(b4, b6);
      const c5 = sum<T>(b5, b7);
      const c6 = difference<T>(b4, b6);
      const c7 = difference<T>(b5, b7);
      store<T>(y, sum<T>(c0, c4));
      store<T>(y1, sum<T>(c1, c5));
      store<T>(y2, sum<T>(c2, c6));
      store<T>(y3, sum<T>(c3, c7));
      store<T>(y4, difference<T>(c0, c4));
      store<T>(y5, difference<T>(c1, c5));
      store<T>(y6, difference<T>(c2, c6));
      store<T>(y7, difference<T>(c3, c7));
    }
  }
}

/** The stages h and 2 h. */
function radix4<T>(y: usize, end: usize, h: usize): void {
  for (; y < end; y += 3 * h) {
    for (const stop = y + h; y < stop; y += sizeof<T>()) {
      const y1 = y + h;
      const y2 = y1 + h;
      const y3 = y2 + h;
      const a0 = load<T>(y);
      const a1 = load<T>(y1);
      const a2 = load<T>(y2);
      const a3 = load<T>(y3);
      const b0 = sum<T>(a0, a1);
      const b1 = difference<T>(a0, a1);
      const b2 = sum<T>(a2, a3);
      const b3 = difference<T>(a2, a3);
      store<T>(y, sum<T>(b0, b2));
      store<T>(y1, sum<T>(b1, b3));
      store<T>(y2, difference<T>(b0, b2));
      store<T>(y3, difference<T>(b1, b3));
    }
  }
}

/** The stage h. */
function radix2<T>(y: usize, end: usize, h: usize): void {
  for (; y < end; y += h) {
    for (const stop = y + h; y < stop; y += sizeof<T>()) {
      const a0 = load<T>(y);
      const a1 = load<T>(y + h);
      store<T>(y, sum<T>(a0, a1));
      store<T>(y + h, difference<T>(a0, a1));
    }
  }
}

// @ts-ignore: decorator
@inline
function even(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function odd(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 1, 3, 5, 7);
}

/** Four elements, those whose key is not above `last` as +0. */
// @ts-ignore: decorator
@inline
function input(x: usize, magnitude: v128, last: v128): v128 {
  const word = v128.load(x);
  return v128.and(word, i32x4.gt_s(v128.and(word, magnitude), last));
}

/** The first five stages, from x to [y, end), whole groups of 32 elements; x may be y. */
function groups(x: usize, y: usize, end: usize): void {
  const magnitude = i32x4.splat(MAGNITUDE);
  const last = i32x4.splat(TINY - 1);
  for (; y < end; x += GROUP << 2, y += GROUP << 2) {
    // Stages 1 and 2 inside pairs of vectors. With (a, b) of eight elements, evens plus odds are the sums of stage 1 and
    // evens minus odds its differences; the same again makes stage 2, and evens and odds once more restore the order.
    let a = input(x, magnitude, last);
    let b = input(x + 16, magnitude, last);
    let s = f32x4.add(even(a, b), odd(a, b));
    let d = f32x4.sub(even(a, b), odd(a, b));
    a = f32x4.add(even(s, d), odd(s, d));
    b = f32x4.sub(even(s, d), odd(s, d));
    const a0 = even(a, b);
    const a1 = odd(a, b);
    a = input(x + 32, magnitude, last);
    b = input(x + 48, magnitude, last);
    s = f32x4.add(even(a, b), odd(a, b));
    d = f32x4.sub(even(a, b), odd(a, b));
    a = f32x4.add(even(s, d), odd(s, d));
    b = f32x4.sub(even(s, d), odd(s, d));
    const a2 = even(a, b);
    const a3 = odd(a, b);
    a = input(x + 64, magnitude, last);
    b = input(x + 80, magnitude, last);
    s = f32x4.add(even(a, b), odd(a, b));
    d = f32x4.sub(even(a, b), odd(a, b));
    a = f32x4.add(even(s, d), odd(s, d));
    b = f32x4.sub(even(s, d), odd(s, d));
    const a4 = even(a, b);
    const a5 = odd(a, b);
    a = input(x + 96, magnitude, last);
    b = input(x + 112, magnitude, last);
    s = f32x4.add(even(a, b), odd(a, b));
    d = f32x4.sub(even(a, b), odd(a, b));
    a = f32x4.add(even(s, d), odd(s, d));
    b = f32x4.sub(even(s, d), odd(s, d));
    const a6 = even(a, b);
    const a7 = odd(a, b);
    // Stages 4, 8 and 16 between vectors.
    const b0 = f32x4.add(a0, a1);
    const b1 = f32x4.sub(a0, a1);
    const b2 = f32x4.add(a2, a3);
    const b3 = f32x4.sub(a2, a3);
    const b4 = f32x4.add(a4, a5);
    const b5 = f32x4.sub(a4, a5);
    const b6 = f32x4.add(a6, a7);
    const b7 = f32x4.sub(a6, a7);
    const c0 = f32x4.add(b0, b2);
    const c1 = f32x4.add(b1, b3);
    const c2 = f32x4.sub(b0, b2);
    const c3 = f32x4.sub(b1, b3);
    const c4 = f32x4.add(b4, b6);
    const c5 = f32x4.add(b5, b7);
    const c6 = f32x4.sub(b4, b6);
    const c7 = f32x4.sub(b5, b7);
    v128.store(y, f32x4.add(c0, c4));
    v128.store(y, f32x4.add(c1, c5), 16);
    v128.store(y, f32x4.add(c2, c6), 32);
    v128.store(y, f32x4.add(c3, c7), 48);
    v128.store(y, f32x4.sub(c0, c4), 64);
    v128.store(y, f32x4.sub(c1, c5), 80);
    v128.store(y, f32x4.sub(c2, c6), 96);
    v128.store(y, f32x4.sub(c3, c7), 112);
  }
}
