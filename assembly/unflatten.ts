/**
 * The last step of decoders whose blocks are transformed in a cache: whole numbers t = H q, times the scales of their
 * blocks, with their flips undone, written or added.
 *
 * scaleBack<T>(t, scales, y, flips, from, end, n, block, seed, step, stream, add, factor): the elements from..end - 1
 *   of n, `from` a multiple of block. t, scales and y point to what is of element `from`; t has numbers of type T, i16
 *   or f32, in which they are exact; the flips of a run from FLIP_RUN elements on are drawn to `flips` at its first
 *   element. add = 0: y_i = v_i, as unflatten (fwht.ts) has it; add = 1: y_i = y_i + factor * v_i, as accumulate has
 *   it.
 *
 * Edges: what passes float32 is its largest number; zero is +0.
 */
import { flushed, flushed4, TINY } from './accumulate';
import { is, Off, On } from './flag';
import { SIGN } from './float-bits';
import { LARGEST } from './fwht';
import { drawFlips, flip, FLIP_RUN, flips32 } from './random';

/** Elements under one vector of flips. */
const RUN: u32 = 32;

export function scaleBack<T>(
  t: usize,
  scales: usize,
  y: usize,
  flips: usize,
  from: u32,
  end: u32,
  n: u32,
  block: u32,
  seed: u32,
  step: u32,
  stream: u32,
  add: u32,
  factor: f32,
): void {
  while (from < end) {
    const drawn = from & (FLIP_RUN - 1);
    if (drawn == 0) drawFlips(flips, from, min(n - from, FLIP_RUN), seed, step, stream);
    const left = block - (from & (block - 1));
    const count = min(min(end - from, FLIP_RUN - drawn), left);
    scale<T>(t, y, flips, from, from + count, load<f32>(scales), add, factor);
    if (count == left) scales += 4;
    t += <usize>count * sizeof<T>();
    y += (<usize>count) << 2;
    from += count;
  }
}

/**
 * The elements first..end - 1, of one block and one run of flips, from t to y; `first` is a multiple of RUN where there
 * are so many.
 */
function scale<T>(
  t: usize,
  y: usize,
  flips: usize,
  first: u32,
  end: u32,
  scale: f32,
  add: u32,
  factor: f32,
): void {
  if (ASC_FEATURE_SIMD) {
    if (end - first >= RUN) {
      const last = end & ~(RUN - 1);
      if (add == 0) {
        if (isLarge<T>(scale)) runs<T, Off, On>(t, y, flips, first, last, scale, factor);
        else runs<T, Off, Off>(t, y, flips, first, last, scale, factor);
      } else {
        if (isLarge<T>(scale) || isTiny(scale, factor))
          runs<T, On, On>(t, y, flips, first, last, scale, factor);
        else runs<T, On, Off>(t, y, flips, first, last, scale, factor);
      }
      t += <usize>(last - first) * sizeof<T>();
      y += (<usize>(last - first)) << 2;
      first = last;
    }
  }
  for (; first < end; first++, t += sizeof<T>(), y += 4) {
    const value = <f32>load<T>(t);
    const product = reinterpret<u32>(min(abs(value) * scale, LARGEST));
    const word = product == 0 ? 0 : product | ((reinterpret<u32>(value) ^ flip(flips, first)) & SIGN);
    if (add == 0) {
      store<u32>(y, word);
    } else {
      const term = flushed(reinterpret<u32>(flushed(word) * factor));
      store<f32>(y, flushed(load<u32>(y)) + term);
    }
  }
}

/** Whether a number of T, below 2^15, or 2^24 as a float, times this scale may pass float32. */
// @ts-ignore: decorator
@inline
function isLarge<T>(scale: f32): bool {
  return scale > (isFloat<T>() ? LARGEST / 16777216 : LARGEST / 32768);
}

/** Whether a number that is not 0 times this scale, or that times the factor, may count as +0 beside others. */
// @ts-ignore: decorator
@inline
function isTiny(scale: f32, factor: f32): bool {
  return min(scale, scale * abs(factor)) < reinterpret<f32>(TINY);
}

/** The elements first..last - 1, whole runs; where scale or factor are Extreme, values are held to what counts. */
function runs<T, Added, Extreme>(
  t: usize,
  y: usize,
  flips: usize,
  first: u32,
  last: u32,
  scale: f32,
  factor: f32,
): void {
  const by = f32x4.splat(scale);
  const times = f32x4.splat(factor);
  do {
    let turned = flips32(flips, first);
    eight<T, Added, Extreme>(t, y, turned, by, times);
    turned = i32x4.shl(turned, 2);
    eight<T, Added, Extreme>(t + 8 * sizeof<T>(), y + 32, turned, by, times);
    turned = i32x4.shl(turned, 2);
    eight<T, Added, Extreme>(t + 16 * sizeof<T>(), y + 64, turned, by, times);
    turned = i32x4.shl(turned, 2);
    eight<T, Added, Extreme>(t + 24 * sizeof<T>(), y + 96, turned, by, times);
    t += RUN * sizeof<T>();
    y += RUN << 2;
    first += RUN;
  } while (first < last);
}

// @ts-ignore: decorator
@inline
function eight<T, Added, Extreme>(t: usize, y: usize, turned: v128, by: v128, times: v128): void {
  const a = value<T, Added, Extreme>(t, turned, by, times);
  const b = value<T, Added, Extreme>(t + 4 * sizeof<T>(), i32x4.add(turned, turned), by, times);
  if (is<Added, On>()) {
    v128.store(y, f32x4.add(flushed4(v128.load(y)), a));
    v128.store(y, f32x4.add(flushed4(v128.load(y, 16)), b), 16);
  } else {
    v128.store(y, a);
    v128.store(y, b, 16);
  }
}

/** Four whole numbers times a scale with their flips; what is Added, times a factor. */
// @ts-ignore: decorator
@inline
function value<T, Added, Extreme>(t: usize, turned: v128, by: v128, times: v128): v128 {
  const signed = v128.xor(by, v128.and(turned, i32x4.splat(SIGN)));
  const numbers = isFloat<T>() ? v128.load(t) : f32x4.convert_i32x4_s(v128.load_ext<i16>(t));
  let v = f32x4.mul(numbers, signed);
  if (is<Extreme, On>()) v = f32x4.pmax(f32x4.pmin(v, f32x4.splat(LARGEST)), f32x4.splat(-LARGEST));
  // a zero may have either sign: the sum makes it +0, and so does that with what is added to
  if (is<Added, Off>()) return f32x4.add(v, f32x4.splat(0));
  if (is<Extreme, On>()) v = flushed4(v);
  v = f32x4.mul(v, times);
  return is<Extreme, On>() ? flushed4(v) : v;
}
