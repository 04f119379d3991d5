/**
 * The signs of several packets as terms of one sum, in turn, each as addSigns of pack.ts adds it.
 *
 * addEachSigns(list, count, y, from, n): addSigns of `count` in turn, each four words of the list: bits, scales,
 *   segment, and one that is written. y is read and written once.
 *
 * n >= 1, count >= 1. Scratch: none. Passes: one over y, and one over all signs.
 */
import { flushed, flushed4, TINY } from './accumulate';
import { On } from './flag';
import { MAGNITUDE } from './float-bits';
import { flips, signed4 } from './pack';

/**
 * The key of 2^-77. A sum of a term of this size or above and of one that counts counts, too, or is 0: where the other
 * one is less than half as large, the sum is at least 2^-78, else both are multiples of 2^-101.
 */
const LARGE: u32 = TINY + (25 << 23);

export function addEachSigns(list: usize, count: u32, y: usize, from: u32, n: u32): void {
  const end = list + ((<usize>count) << 4);
  for (let first = from; first < n;) {
    // as far as no scale changes
    let last = n;
    let large = true;
    for (let one = list; one < end; one += 16) {
      const segment = load<u32>(one, 8);
      const owner = first / segment;
      const rest = (owner + 1) * segment - first;
      if (rest < last - first) last = first + rest;
      const scale = flushed(load<u32>(load<u32>(one, 4) + ((<usize>owner) << 2)));
      store<f32>(one, scale, 12);
      large = large && (scale == 0 || (reinterpret<u32>(scale) & MAGNITUDE) >= LARGE);
    }
    let done = first;
    if (ASC_FEATURE_SIMD && large && (first & 31) == 0) {
      done = first + ((last - first) & ~31);
      if (first < done) flipEach(list, end, y, first, done);
    }
    if (done < last) {
      for (let one = list; one < end; one += 16) flips<On>(load<u32>(one), load<u32>(one, 12), y, done, last);
    }
    first = last;
  }
}

/** Adds all terms to the elements first <= i < last, whole words of signs: 32 of them stay in registers. */
function flipEach(list: usize, end: usize, y: usize, first: u32, last: u32): void {
  const lanes = i32x4(8, 4, 2, 1);
  let to = y + ((<usize>first) << 2);
  let from = (<usize>first) >> 3;
  const stop = y + ((<usize>last) << 2);
  do {
    let a = flushed4(v128.load(to));
    let b = flushed4(v128.load(to, 16));
    let c = flushed4(v128.load(to, 32));
    let d = flushed4(v128.load(to, 48));
    let e = flushed4(v128.load(to, 64));
    let f = flushed4(v128.load(to, 80));
    let g = flushed4(v128.load(to, 96));
    let h = flushed4(v128.load(to, 112));
    let one = list;
    do {
      const scale = v128.load32_splat(one, 12);
      const word = i32x4.mul(v128.load32_splat(load<u32>(one) + from), lanes);
      a = f32x4.add(a, signed4(i32x4.shl(word, 28), scale));
      b = f32x4.add(b, signed4(i32x4.shl(word, 24), scale));
      c = f32x4.add(c, signed4(i32x4.shl(word, 20), scale));
      d = f32x4.add(d, signed4(i32x4.shl(word, 16), scale));
      e = f32x4.add(e, signed4(i32x4.shl(word, 12), scale));
      f = f32x4.add(f, signed4(i32x4.shl(word, 8), scale));
      g = f32x4.add(g, signed4(i32x4.shl(word, 4), scale));
      h = f32x4.add(h, signed4(word, scale));
      one += 16;
    } while (one < end);
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, d, 48);
    v128.store(to, e, 64);
    v128.store(to, f, 80);
    v128.store(to, g, 96);
    v128.store(to, h, 112);
    to += 128;
    from += 4;
  } while (to < stop);
}
