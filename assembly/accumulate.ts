/**
 * y += scale * x, the product and the sum rounded in turn; magnitudes below 2^-102, of x, y and the product, count
 * as +0.
 *
 * accumulate(x, y, n, scale): x and y of n words, n >= 1; scale is 0 or normal. Scratch: none. Passes: one.
 */
import { MAGNITUDE } from './float-bits';

/** The key below which a magnitude counts as +0: 2^-102. */
const TINY: u32 = 0x0c800000;

export function accumulate(x: usize, y: usize, n: u32, scale: f32): void {
  const end = x + ((<usize>n) << 2);
  if (ASC_FEATURE_SIMD) {
    const factor = f32x4.splat(scale);
    for (const stop = x + ((<usize>(n & ~3)) << 2); x < stop; x += 16, y += 16) {
      const product = flushed4(f32x4.mul(flushed4(v128.load(x)), factor));
      v128.store(y, f32x4.add(flushed4(v128.load(y)), product));
    }
  }
  for (; x < end; x += 4, y += 4) {
    const product = flushed(reinterpret<u32>(flushed(load<u32>(x)) * scale));
    store<f32>(y, flushed(load<u32>(y)) + product);
  }
}

// @ts-ignore: decorator
@inline
function flushed(bits: u32): f32 {
  return (bits & MAGNITUDE) < TINY ? 0 : reinterpret<f32>(bits);
}

// @ts-ignore: decorator
@inline
function flushed4(words: v128): v128 {
  return v128.and(words, i32x4.ge_s(v128.and(words, i32x4.splat(MAGNITUDE)), i32x4.splat(TINY)));
}
