/**
 * y = x + scale * error, the product and the sum rounded in turn; magnitudes below 2^-102, of x, error and the product,
 * count as +0. And the largest keys of x and of error, of the words as they are.
 *
 * compensate(x, error, y, keys, n, scale): x, error and y of n words, n >= 1, keys of 2; scale is 0 or normal.
 * Scratch: none. Passes: one.
 */
import { flushed, flushed4, product, product4 } from './accumulate';
import { MAGNITUDE } from './float-bits';

export function compensate(x: usize, error: usize, y: usize, keys: usize, n: u32, scale: f32): void {
  const end = x + ((<usize>n) << 2);
  let most: u32 = 0;
  let mostError: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const stop = x + ((<usize>(n & ~7)) << 2);
    if (x < stop) {
      const magnitude = i32x4.splat(MAGNITUDE);
      let top = i32x4.splat(0);
      let topError = i32x4.splat(0);
      do {
        const x0 = v128.load(x);
        const e0 = v128.load(error);
        v128.store(y, f32x4.add(flushed4(x0), product4(e0, scale)));
        top = i32x4.max_s(top, v128.and(x0, magnitude));
        topError = i32x4.max_s(topError, v128.and(e0, magnitude));
        const x1 = v128.load(x, 16);
        const e1 = v128.load(error, 16);
        v128.store(y, f32x4.add(flushed4(x1), product4(e1, scale)), 16);
        top = i32x4.max_s(top, v128.and(x1, magnitude));
        topError = i32x4.max_s(topError, v128.and(e1, magnitude));
        x += 32;
        error += 32;
        y += 32;
      } while (x < stop);
      most = largestOf(top);
      mostError = largestOf(topError);
    }
  }
  for (; x < end; x += 4, error += 4, y += 4) {
    const word = load<u32>(x);
    const rest = load<u32>(error);
    store<f32>(y, flushed(word) + product(rest, scale));
    most = max(most, word & MAGNITUDE);
    mostError = max(mostError, rest & MAGNITUDE);
  }
  store<u32>(keys, most);
  store<u32>(keys, mostError, 4);
}

/** The largest of four keys. */
// @ts-ignore: decorator
@inline
function largestOf(keys: v128): u32 {
  const first = max<u32>(i32x4.extract_lane(keys, 0), i32x4.extract_lane(keys, 1));
  return max(first, max<u32>(i32x4.extract_lane(keys, 2), i32x4.extract_lane(keys, 3)));
}
