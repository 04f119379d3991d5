/**
 * The fast Walsh-Hadamard transform, y = H x, unnormalised, of each block of `block` elements of x padded with zeros;
 * the same of x with random signs, y = H D x, D a diagonal of +1 and -1; and the last step of a decoder, after a second
 * fwht: elements are scaled, and D is undone.
 *
 * Butterflies (a, b) -> (a + b, a - b) at distance h = 1, 2, 4, ..., block / 2. Stages may run in any order in memory
 * as long as each element sees them in this one, so: five stages over 32 floats in registers while x is read, then
 * radix 8 inside 32 KB of y, then depth-first radix 8, the way of FFHT (A. Andoni, P. Indyk et al., "Practical and
 * Optimal LSH for Angular Distance", NIPS 2015). Without SIMD, and for parts of fewer than 32 elements, words are
 * copied one by one and all stages run in memory.
 *
 * fwht(x, y, n, total, block): x of n words, y of total; block a power of two, total a multiple of it, 1 <= n <= total.
 *   Scratch: none.
 * flatten(x, y, scratch, from, n, total, block, seed, step, stream, tiny, scale): y = H D x, where D flips the sign of
 *   element i where flip i of the key (random.ts) is 1. Before that x is taken times scale, a power of two, and as +0
 *   where its key is below tiny >= 1. Of the elements from..total - 1 alone, `from` a multiple of block and of
 *   FLIP_RUN.
 *   Scratch: FLIP_SCRATCH words, for the flips.
 * unflatten(t, scales, y, scratch, n, segment, seed, step, stream): y_i = t_i * scales[floor(i / segment)] with its
 *   sign flipped where flip i is 1, for integers t as float32; t and y of n words, scales of ceil(n / segment), n >= 1.
 *   Scratch: as before.
 *
 * Passes over the data: one read of x, one write of y; above 2^13 elements a block, another read and write of y for
 * each three stages that no cache holds. unflatten: one read, one write.
 * Edges: fwht takes magnitudes below 2^-102 as +0 at the input, -0 too, so no sum or difference is subnormal; a part of
 * y that only padding feeds is filled with zeros. unflatten holds what passes float32 to its largest number; zero is
 * +0.
 */
import { radix8, stages } from './butterflies';
import { is, Off, On } from './flag';
import { MAGNITUDE, SIGN } from './float-bits';
import { drawFlips, flip, FLIP_RUN, FLIP_SCRATCH, flips32 } from './random';

/** The key below which an input of fwht counts as +0: 2^-102. */
export const TINY: u32 = 0x0c800000;

/** The largest float32. */
export const LARGEST: f32 = f32.MAX_VALUE;

/** Bytes that the first level of a cache holds with room to spare on every machine of today. */
const CACHED: usize = 32768;

/** Elements that the first pass transforms in registers, in SIMD. */
const GROUP: u32 = 32;

export function flipScratch(): u32 {
  return FLIP_SCRATCH;
}

export function fwht(x: usize, y: usize, n: u32, total: u32, block: u32): void {
  transform(x, y, 0, 0, n, total, block, 0, 0, 0, TINY, 1);
}

export function flatten(
  x: usize,
  y: usize,
  scratch: usize,
  from: u32,
  n: u32,
  total: u32,
  block: u32,
  seed: u32,
  step: u32,
  stream: u32,
  tiny: u32,
  scale: f32,
): void {
  transform(x, y, scratch, from, n, total, block, seed, step, stream, tiny, scale);
}

export function unflatten(
  t: usize,
  scales: usize,
  y: usize,
  scratch: usize,
  n: u32,
  segment: u32,
  seed: u32,
  step: u32,
  stream: u32,
): void {
  let left = segment;
  for (let first: u32 = 0; first < n;) {
    if (left == 0) {
      left = segment;
      scales += 4;
    }
    const place = first & (FLIP_RUN - 1);
    if (place == 0) drawFlips(scratch, first, min(n - first, FLIP_RUN), seed, step, stream);
    const count = min(min(n - first, FLIP_RUN - place), left);
    const offset = (<usize>first) << 2;
    scaleAndUnsign(t + offset, y + offset, scratch, first, first + count, load<f32>(scales));
    first += count;
    left -= count;
  }
}

/** The elements first..end - 1, of one segment and one run of flips; t and y point to the first. */
function scaleAndUnsign(t: usize, y: usize, flips: usize, first: u32, end: u32, scale: f32): void {
  const sign: u32 = scale > 0 ? SIGN : 0;
  if (ASC_FEATURE_SIMD) {
    for (; (first & (GROUP - 1)) != 0 && first < end; first++, t += 4, y += 4) {
      scaleAndUnsignOne(t, y, flips, first, sign, scale);
    }
    for (; end - first >= GROUP; first += GROUP) {
      let turned = flips32(flips, first);
      const stop = t + (GROUP << 2);
      do {
        const word = v128.load(t);
        const magnitude = v128.and(word, i32x4.splat(MAGNITUDE));
        const signs = v128.and(v128.xor(word, turned), i32x4.splat(sign));
        const product = f32x4.pmin(f32x4.mul(magnitude, f32x4.splat(scale)), f32x4.splat(LARGEST));
        v128.store(y, v128.or(product, v128.and(signs, i32x4.ne(magnitude, i32x4.splat(0)))));
        turned = i32x4.shl(turned, 1);
        t += 16;
        y += 16;
      } while (t < stop);
    }
  }
  for (; first < end; first++, t += 4, y += 4) scaleAndUnsignOne(t, y, flips, first, sign, scale);
}

// @ts-ignore: decorator
@inline
function scaleAndUnsignOne(t: usize, y: usize, flips: usize, i: u32, sign: u32, scale: f32): void {
  const word = load<u32>(t);
  const magnitude = reinterpret<f32>(word & MAGNITUDE);
  const signs = magnitude > 0 ? (word ^ flip(flips, i)) & sign : 0;
  store<u32>(y, reinterpret<u32>(min(magnitude * scale, LARGEST)) | signs);
}

/** H of each block of D x, D the identity where there is no scratch for flips. */
function transform(
  x: usize,
  y: usize,
  flips: usize,
  from: u32,
  n: u32,
  total: u32,
  block: u32,
  seed: u32,
  step: u32,
  stream: u32,
  tiny: u32,
  scale: f32,
): void {
  const bytes = (<usize>block) << 2;
  let size = bytes;
  while (size > CACHED) size >>= 3;
  const count = <u32>(size >> 2);
  for (let first = from; first < total; first += count) {
    const offset = (<usize>first) << 2;
    if (first >= n) {
      memory.fill(y + offset, 0, size);
    } else {
      if (flips != 0 && (first & (FLIP_RUN - 1)) == 0) {
        drawFlips(flips, first, min(n - first, FLIP_RUN), seed, step, stream);
      }
      leaf(x + offset, y + offset, flips, first, min(n - first, count), size, tiny, scale);
    }
    // Depth first: a part is joined as soon as the last of its eighths is done. Parts of zeros are left as they are.
    const end = offset + size;
    for (let eighth = size; eighth < bytes && (end & ((eighth << 3) - 1)) == 0; eighth <<= 3) {
      const start = end - (eighth << 3);
      if (start >= (<usize>n) << 2) continue;
      if (ASC_FEATURE_SIMD) radix8<v128, f32>(y + start, y + end, eighth);
      else radix8<f32, f32>(y + start, y + end, eighth);
    }
  }
}

/** A part that stays in the cache, whose elements are `first` and so on of all; 1 <= n <= bytes / 4. */
function leaf(
  x: usize,
  y: usize,
  flips: usize,
  first: u32,
  n: u32,
  bytes: usize,
  tiny: u32,
  scale: f32,
): void {
  if (ASC_FEATURE_SIMD) {
    if (bytes >= GROUP << 2) {
      const rest = n & (GROUP - 1);
      const whole = (<usize>(n - rest)) << 2;
      firstStages(x, y, y + whole, flips, first, tiny, scale);
      if (whole < bytes) {
        const end = (<usize>n) << 2;
        memory.copy(y + whole, x + whole, end - whole);
        memory.fill(y + end, 0, bytes - end);
        if (rest != 0) {
          firstStages(y + whole, y + whole, y + whole + (GROUP << 2), flips, first + n - rest, tiny, scale);
        }
      }
      stages<v128, f32>(y, bytes, GROUP << 2);
      return;
    }
  }
  const end = (<usize>n) << 2;
  for (let i: usize = 0; i < end; i += 4) {
    const word = load<u32>(x + i);
    store<u32>(y + i, (word & MAGNITUDE) < tiny ? 0 : word);
  }
  if (flips != 0) {
    for (let i: usize = 0; i < end; i += 4, first++) {
      // 0 is what was taken as +0
      if (load<u32>(y + i) == 0) continue;
      store<u32>(y + i, reinterpret<u32>(load<f32>(y + i) * scale) ^ flip(flips, first));
    }
  }
  memory.fill(y + end, 0, bytes - end);
  stages<f32, f32>(y, bytes, 4);
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

/** Four elements, signs flipped as in `turned`, times factor; those whose key is not above `last` as +0. */
// @ts-ignore: decorator
@inline
function input<Flipped, Scaled>(x: usize, magnitude: v128, last: v128, turned: v128, factor: v128): v128 {
  let word = v128.load(x);
  const counts = i32x4.gt_s(v128.and(word, magnitude), last);
  if (is<Flipped, On>()) word = v128.xor(word, v128.and(turned, i32x4.splat(SIGN)));
  word = v128.and(word, counts);
  return is<Scaled, On>() ? f32x4.mul(word, factor) : word;
}

/** The first five stages, from x to [y, end), whole groups of 32 elements from element `first` on; x may be y. */
function firstStages(x: usize, y: usize, end: usize, flips: usize, first: u32, tiny: u32, scale: f32): void {
  if (y == end) return;
  if (flips == 0) groups<Off, Off>(x, y, end, 0, 0, tiny, 1);
  else if (scale == 1) groups<On, Off>(x, y, end, flips, first, tiny, 1);
  else groups<On, On>(x, y, end, flips, first, tiny, scale);
}

/** The same: a loop for each pair of flags. */
function groups<Flipped, Scaled>(
  x: usize,
  y: usize,
  end: usize,
  flips: usize,
  first: u32,
  tiny: u32,
  scale: f32,
): void {
  const magnitude = i32x4.splat(MAGNITUDE);
  const last = i32x4.splat(tiny - 1);
  const factor = f32x4.splat(scale);
  let turned = i32x4.splat(0);
  do {
    if (is<Flipped, On>()) {
      turned = flips32(flips, first);
      first += GROUP;
    }
    // Stages 1 and 2 inside pairs of vectors. With (a, b) of eight elements, evens plus odds are the sums of stage 1
    // and evens minus odds its differences; the same again makes stage 2, and evens and odds once more restore the
    // order.
    let a = input<Flipped, Scaled>(x, magnitude, last, turned, factor);
    let b = input<Flipped, Scaled>(x + 16, magnitude, last, i32x4.shl(turned, 1), factor);
    let s = f32x4.add(even(a, b), odd(a, b));
    let d = f32x4.sub(even(a, b), odd(a, b));
    a = f32x4.add(even(s, d), odd(s, d));
    b = f32x4.sub(even(s, d), odd(s, d));
    const a0 = even(a, b);
    const a1 = odd(a, b);
    a = input<Flipped, Scaled>(x + 32, magnitude, last, i32x4.shl(turned, 2), factor);
    b = input<Flipped, Scaled>(x + 48, magnitude, last, i32x4.shl(turned, 3), factor);
    s = f32x4.add(even(a, b), odd(a, b));
    d = f32x4.sub(even(a, b), odd(a, b));
    a = f32x4.add(even(s, d), odd(s, d));
    b = f32x4.sub(even(s, d), odd(s, d));
    const a2 = even(a, b);
    const a3 = odd(a, b);
    a = input<Flipped, Scaled>(x + 64, magnitude, last, i32x4.shl(turned, 4), factor);
    b = input<Flipped, Scaled>(x + 80, magnitude, last, i32x4.shl(turned, 5), factor);
    s = f32x4.add(even(a, b), odd(a, b));
    d = f32x4.sub(even(a, b), odd(a, b));
    a = f32x4.add(even(s, d), odd(s, d));
    b = f32x4.sub(even(s, d), odd(s, d));
    const a4 = even(a, b);
    const a5 = odd(a, b);
    a = input<Flipped, Scaled>(x + 96, magnitude, last, i32x4.shl(turned, 6), factor);
    b = input<Flipped, Scaled>(x + 112, magnitude, last, i32x4.shl(turned, 7), factor);
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
    x += GROUP << 2;
    y += GROUP << 2;
  } while (y < end);
}
