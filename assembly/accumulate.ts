/**
 * y += scale * x, the product and the sum rounded in turn; magnitudes below 2^-102, of x, y and the product, count
 * as +0. y = +0, which a sum starts from.
 *
 * accumulate(x, y, n, scale): x and y of n words; scale is 0 or normal.
 * accumulateEach(list, count, y, from, n): accumulate of `count` vectors in turn to the elements from <= i < n of y,
 *   each two words of the list, x and scale.
 * clear(y, n): y of n words.
 * n >= 1. Scratch: none. Passes: one.
 */
import { MAGNITUDE } from './float-bits';

/** The key below which a magnitude counts as +0: 2^-102. */
export const TINY: u32 = 0x0c800000;

export function accumulate(x: usize, y: usize, n: u32, scale: f32): void {
  const end = x + ((<usize>n) << 2);
  if (ASC_FEATURE_SIMD) {
    const stop = x + ((<usize>(n & ~7)) << 2);
    if (x < stop) {
      do {
        v128.store(y, f32x4.add(flushed4(v128.load(y)), product4(v128.load(x), scale)));
        v128.store(y, f32x4.add(flushed4(v128.load(y, 16)), product4(v128.load(x, 16), scale)), 16);
        x += 32;
        y += 32;
      } while (x < stop);
    }
  }
  for (; x < end; x += 4, y += 4) store<f32>(y, flushed(load<u32>(y)) + product(load<u32>(x), scale));
}

/**
 * Several vectors take turns of so many elements, four of them at most: from one turn to the next the processor goes on
 * loading ahead in each, and y stays in its cache.
 */
const TURN: u32 = 256;
const TURNS: usize = 4;

export function accumulateEach(list: usize, count: u32, y: usize, from: u32, n: u32): void {
  const end = list + ((<usize>count) << 3);
  for (; list < end; list += TURNS << 3) {
    const last = min(list + (TURNS << 3), end);
    for (let first = from; first < n; first += TURN) {
      const at = (<usize>first) << 2;
      for (let one = list; one < last; one += 8) {
        accumulate(<usize>load<u32>(one) + at, y + at, min(n - first, TURN), load<f32>(one, 4));
      }
    }
  }
}

export function clear(y: usize, n: u32): void {
  memory.fill(y, 0, (<usize>n) << 2);
}

/** The number that these bits are, +0 where its magnitude is tiny. */
// @ts-ignore: decorator
@inline
export function flushed(bits: u32): f32 {
  return (bits & MAGNITUDE) < TINY ? 0 : reinterpret<f32>(bits);
}

/** The same of four. */
// @ts-ignore: decorator
@inline
export function flushed4(words: v128): v128 {
  return v128.and(words, i32x4.gt_s(v128.and(words, i32x4.splat(MAGNITUDE)), i32x4.splat(TINY - 1)));
}

/** The product of the number that these bits are and a scale, rounded; all that is tiny is +0. */
// @ts-ignore: decorator
@inline
export function product(bits: u32, scale: f32): f32 {
  return flushed(reinterpret<u32>(flushed(bits) * scale));
}

/** The same of four. */
// @ts-ignore: decorator
@inline
export function product4(words: v128, scale: f32): v128 {
  return flushed4(f32x4.mul(flushed4(words), f32x4.splat(scale)));
}
