/**
 * Reductions by integers alone: the extremes of a vector, and its elements that are not finite.
 *
 * extremes(x, range, n, order): range = [least, greatest] key, for order 0 of the magnitudes, for order 1 signed.
 * nonFinite(x, found, n): found = [how many are NaN or infinite, the index of the first, or 0xffffffff].
 *   Scratch of both: none.
 *
 * n >= 1. Passes: one read.
 */
import { is, Off, On } from './flag';
import { INFINITE, MAGNITUDE, SIGN } from './float-bits';
import { VALUE } from './order';

export function extremes(x: usize, range: usize, n: u32, order: u32): void {
  if (order == VALUE) extremesOf<On>(x, range, n);
  else extremesOf<Off>(x, range, n);
}

/** The extremes of the elements, or of their magnitudes, which are elements without a sign. */
function extremesOf<Signed>(x: usize, range: usize, n: u32): void {
  const end = x + ((<usize>n) << 2);
  // Words with the sign set are larger without their sign the lower the element is, so three extremes of words do.
  let largestSigned: i32 = i32.MIN_VALUE;
  let largest: u32 = 0;
  let least: u32 = u32.MAX_VALUE;
  if (ASC_FEATURE_SIMD) {
    let signed4 = i32x4.splat(i32.MIN_VALUE);
    let largest4 = i32x4.splat(0);
    let least4 = i32x4.splat(-1);
    for (const stop = x + ((<usize>(n & ~3)) << 2); x < stop; x += 16) {
      const word = is<Signed, On>() ? v128.load(x) : v128.and(v128.load(x), i32x4.splat(MAGNITUDE));
      signed4 = i32x4.max_s(signed4, word);
      largest4 = i32x4.max_u(largest4, word);
      least4 = i32x4.min_u(least4, word);
    }
    largestSigned = max(
      max(i32x4.extract_lane(signed4, 0), i32x4.extract_lane(signed4, 1)),
      max(i32x4.extract_lane(signed4, 2), i32x4.extract_lane(signed4, 3)),
    );
    largest = max<u32>(
      max<u32>(i32x4.extract_lane(largest4, 0), i32x4.extract_lane(largest4, 1)),
      max<u32>(i32x4.extract_lane(largest4, 2), i32x4.extract_lane(largest4, 3)),
    );
    least = min<u32>(
      min<u32>(i32x4.extract_lane(least4, 0), i32x4.extract_lane(least4, 1)),
      min<u32>(i32x4.extract_lane(least4, 2), i32x4.extract_lane(least4, 3)),
    );
  }
  for (; x < end; x += 4) {
    const word = is<Signed, On>() ? load<u32>(x) : load<u32>(x) & MAGNITUDE;
    largestSigned = max(largestSigned, <i32>word);
    largest = max(largest, word);
    least = min(least, word);
  }
  const someNegative = largest >= SIGN;
  const allNegative = least >= SIGN;
  store<i32>(range, someNegative ? -(<i32>(largest & MAGNITUDE)) : <i32>least);
  store<i32>(range, allNegative ? -(<i32>(least & MAGNITUDE)) : largestSigned, 4);
}

export function nonFinite(x: usize, found: usize, n: u32): void {
  let count: u32 = 0;
  let first: u32 = u32.MAX_VALUE;
  let i: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const infinite = i32x4.splat(INFINITE);
    for (const whole = n & ~15; i < whole; i += 16, x += 64) {
      const a = nonFinite4(x, infinite);
      const b = nonFinite4(x + 16, infinite);
      const c = nonFinite4(x + 32, infinite);
      const d = nonFinite4(x + 48, infinite);
      if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue;
      const bits = i8x16.bitmask(
        i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)),
      );
      if (count == 0) first = i + ctz(bits);
      count += popcnt(bits);
    }
  }
  for (; i < n; i++, x += 4) {
    if ((load<u32>(x) & MAGNITUDE) < INFINITE) continue;
    if (count == 0) first = i;
    count++;
  }
  store<u32>(found, count);
  store<u32>(found, first, 4);
}

/** All ones in the lanes that are NaN or infinite. */
// @ts-ignore: decorator
@inline
function nonFinite4(x: usize, infinite: v128): v128 {
  return i32x4.eq(v128.and(v128.load(x), infinite), infinite);
}
