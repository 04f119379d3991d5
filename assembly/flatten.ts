/**
 * The vector of flattened signs, v = D H s by blocks times a scale each, s_i = -1 where bit i is 1, else 1: written, or
 * added to a vector, tile by tile or as a whole. A block is transformed in scratch that stays in a cache, and goes from
 * there to y: what flows through memory is y alone.
 *
 * unflattenSigns(bits, scales, y, scratch, from, n, block, seed, step, stream, add, factor): the elements from..n - 1,
 *   `from` a multiple of block and of FLIP_RUN; bits, scales and y point to what is of element `from`. add = 0:
 *   y_i = v_i, as unflatten (fwht.ts) has it; add = 1: y_i = y_i + factor * v_i, as accumulate has it. block is a power
 *   of two up to 2^14; scales of a word a block, bits with those of the padding of the last block.
 *   Scratch: unflattenScratch(block) words, for flips and a block.
 *
 * H s has whole numbers up to block alone, which are exact in any order of the stages: in SIMD the sums of 64 elements
 * are bytes, and all others 16 bits. Four bits at a time are looked up as four bytes each; transposing 128 elements to
 * their order brings partners at distances 64, 32 and 16 side by side, in turn.
 *
 * Passes over the data: one write of y, for add = 1 one read, too.
 * Edges: what passes float32 is its largest number; zero is +0.
 */
import { flushed, flushed4, TINY } from './accumulate';
import { stages } from './butterflies';
import { is, Off, On } from './flag';
import { SIGN } from './float-bits';
import { LARGEST } from './fwht';
import { unpackSigns } from './pack';
import { drawFlips, flip, FLIP_RUN, FLIP_SCRATCH, flips32 } from './random';

/** Elements whose signs are a vector: the first stages are made of so many. */
const GROUP: u32 = 128;

/** Elements under one vector of flips. */
const RUN: u32 = 32;

/** Bytes of an element of H s. */
const SIZE: usize = ASC_FEATURE_SIMD ? 2 : 4;

export function unflattenScratch(block: u32): u32 {
  return FLIP_SCRATCH + max(block, GROUP);
}

export function unflattenSigns(
  bits: usize,
  scales: usize,
  y: usize,
  scratch: usize,
  from: u32,
  n: u32,
  block: u32,
  seed: u32,
  step: u32,
  stream: u32,
  add: u32,
  factor: f32,
): void {
  const t = scratch + ((<usize>FLIP_SCRATCH) << 2);
  const piece = max(block, GROUP);
  while (from < n) {
    const end = min(n - from, piece) + from;
    transform(bits, t, (end - from + block - 1) & ~(block - 1), block);
    let place = t;
    while (from < end) {
      const drawn = from & (FLIP_RUN - 1);
      if (drawn == 0) drawFlips(scratch, from, min(n - from, FLIP_RUN), seed, step, stream);
      const left = block - (from & (block - 1));
      const count = min(min(end - from, FLIP_RUN - drawn), left);
      scale(place, y, scratch, from, from + count, load<f32>(scales), add, factor);
      if (count == left) scales += 4;
      place += <usize>count * SIZE;
      y += (<usize>count) << 2;
      from += count;
    }
    bits += piece >> 3;
  }
}

/** H s of `count` elements, whole blocks, of which a longer one is alone. */
function transform(bits: usize, t: usize, count: u32, block: u32): void {
  if (ASC_FEATURE_SIMD) {
    // the four bits of a lane as signs, their butterflies as far as a block goes: by their linearity those of tables
    let a = i8x16(1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1);
    let b = i8x16(1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1);
    let c = i8x16(1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1);
    let d = i8x16(1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1);
    if (block > 1) {
      const difference = i8x16.sub(a, b);
      a = i8x16.add(a, b);
      b = difference;
      const other = i8x16.sub(c, d);
      c = i8x16.add(c, d);
      d = other;
    }
    if (block > 2) {
      const difference = i8x16.sub(a, c);
      a = i8x16.add(a, c);
      c = difference;
      const other = i8x16.sub(b, d);
      b = i8x16.add(b, d);
      d = other;
    }
    if (block >= GROUP) {
      groups<On>(bits, t, count / GROUP, block, a, b, c, d);
      if (block > GROUP) stages<v128, i16>(t, (<usize>block) << 1, GROUP << 1);
    } else if (count == GROUP) {
      groups<Off>(bits, t, 1, block, a, b, c, d);
    } else {
      // no word behind the last is read
      memory.copy(t, bits, ((count + 31) >> 5) << 2);
      groups<Off>(t, t, 1, block, a, b, c, d);
    }
  } else {
    unpackSigns(bits, 0, t, 0, count, 0);
    for (const end = t + ((<usize>count) << 2); t < end; t += (<usize>block) << 2) {
      stages<f32, f32>(t, (<usize>block) << 2, 4);
    }
  }
}

// @ts-ignore: decorator
@inline
function low(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

// @ts-ignore: decorator
@inline
function high(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/**
 * The stages below 128 of groups of 128 elements, as 16 bits, as far as blocks go: all of them where blocks are Long.
 * The tables have the four elements of four bits.
 */
function groups<Long>(
  bits: usize,
  t: usize,
  count: u32,
  block: u32,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
): void {
  const four = i8x16.splat(15);
  do {
    // a lane is a byte of bits, so 8 elements: a0 the first of each, a1 the fifth
    const word = v128.load(bits);
    const lower = v128.and(word, four);
    const upper = v128.and(i16x8.shr_u(word, 4), four);
    let a0 = v128.swizzle(a, lower);
    let a1 = v128.swizzle(a, upper);
    let b0 = v128.swizzle(b, lower);
    let b1 = v128.swizzle(b, upper);
    let c0 = v128.swizzle(c, lower);
    let c1 = v128.swizzle(c, upper);
    let d0 = v128.swizzle(d, lower);
    let d1 = v128.swizzle(d, upper);
    if (is<Long, On>() || block > 4) {
      const a2 = i8x16.sub(a0, a1);
      const b2 = i8x16.sub(b0, b1);
      const c2 = i8x16.sub(c0, c1);
      const d2 = i8x16.sub(d0, d1);
      a0 = i8x16.add(a0, a1);
      b0 = i8x16.add(b0, b1);
      c0 = i8x16.add(c0, c1);
      d0 = i8x16.add(d0, d1);
      a1 = a2;
      b1 = b2;
      c1 = c2;
      d1 = d2;
    }
    // lanes of the first and the fifth of 8 elements in turn: of the first half of the group, and of the second
    let a3 = high(a0, a1);
    let b3 = high(b0, b1);
    let c3 = high(c0, c1);
    let d3 = high(d0, d1);
    a0 = low(a0, a1);
    b0 = low(b0, b1);
    c0 = low(c0, c1);
    d0 = low(d0, d1);
    if (is<Long, On>() || block > 64) {
      const a2 = i8x16.sub(a0, a3);
      const b2 = i8x16.sub(b0, b3);
      const c2 = i8x16.sub(c0, c3);
      const d2 = i8x16.sub(d0, d3);
      a0 = i8x16.add(a0, a3);
      b0 = i8x16.add(b0, b3);
      c0 = i8x16.add(c0, c3);
      d0 = i8x16.add(d0, d3);
      a3 = a2;
      b3 = b2;
      c3 = c2;
      d3 = d2;
    }
    half<Long>(t, block, a0, b0, c0, d0);
    half<Long>(t + 128, block, a3, b3, c3, d3);
    bits += 16;
    t += 256;
  } while (--count != 0);
}

/** 64 elements. A lane of a is the first or fifth of 8, one of b that behind it, and so on. */
// @ts-ignore: decorator
@inline
function half<Long>(t: usize, block: u32, a: v128, b: v128, c: v128, d: v128): void {
  let ac0 = low(a, c);
  let bd0 = low(b, d);
  let ac1 = high(a, c);
  let bd1 = high(b, d);
  if (is<Long, On>() || block > 32) {
    const ac = i8x16.add(ac0, ac1);
    const bd = i8x16.add(bd0, bd1);
    ac1 = i8x16.sub(ac0, ac1);
    bd1 = i8x16.sub(bd0, bd1);
    ac0 = ac;
    bd0 = bd;
  }
  quarter<Long>(t, block, ac0, bd0);
  quarter<Long>(t + 64, block, ac1, bd1);
}

/** 32 elements: those with even numbers, and those with odd ones. */
// @ts-ignore: decorator
@inline
function quarter<Long>(t: usize, block: u32, ac: v128, bd: v128): void {
  let first = low(ac, bd);
  let second = high(ac, bd);
  if (is<Long, On>() || block > 16) {
    const sum = i8x16.add(first, second);
    second = i8x16.sub(first, second);
    first = sum;
  }
  sixteen<Long>(t, block, first);
  sixteen<Long>(t + 32, block, second);
}

/** 16 elements in their order. */
// @ts-ignore: decorator
@inline
function sixteen<Long>(t: usize, block: u32, bytes: v128): void {
  const first = i16x8.extend_low_i8x16_s(bytes);
  const second = i16x8.extend_high_i8x16_s(bytes);
  const joined = is<Long, On>() || block > 8;
  v128.store(t, joined ? i16x8.add(first, second) : first);
  v128.store(t, joined ? i16x8.sub(first, second) : second, 16);
}

/**
 * The elements first..end - 1, of one block and one run of flips, from t to y; `first` is a multiple of RUN where there
 * are so many.
 */
function scale(
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
        if (isLarge(scale)) runs<Off, On>(t, y, flips, first, last, scale, factor);
        else runs<Off, Off>(t, y, flips, first, last, scale, factor);
      } else {
        if (isLarge(scale) || isTiny(scale, factor)) runs<On, On>(t, y, flips, first, last, scale, factor);
        else runs<On, Off>(t, y, flips, first, last, scale, factor);
      }
      t += <usize>(last - first) * SIZE;
      y += (<usize>(last - first)) << 2;
      first = last;
    }
  }
  for (; first < end; first++, t += SIZE, y += 4) {
    const value = <f32>(ASC_FEATURE_SIMD ? load<i16>(t) : load<f32>(t));
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

/** Whether a number of a block of up to 2^14 elements times this scale may pass float32. */
// @ts-ignore: decorator
@inline
function isLarge(scale: f32): bool {
  return scale > LARGEST / 16384;
}

/** Whether a number that is not 0 times this scale, or that times the factor, may count as +0 beside others. */
// @ts-ignore: decorator
@inline
function isTiny(scale: f32, factor: f32): bool {
  return min(scale, scale * abs(factor)) < reinterpret<f32>(TINY);
}

/** The elements first..last - 1, whole runs; where scale or factor are Extreme, values are held to what counts. */
function runs<Added, Extreme>(
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
    eight<Added, Extreme>(t, y, turned, by, times);
    turned = i32x4.shl(turned, 2);
    eight<Added, Extreme>(t + 16, y + 32, turned, by, times);
    turned = i32x4.shl(turned, 2);
    eight<Added, Extreme>(t + 32, y + 64, turned, by, times);
    turned = i32x4.shl(turned, 2);
    eight<Added, Extreme>(t + 48, y + 96, turned, by, times);
    t += RUN << 1;
    y += RUN << 2;
    first += RUN;
  } while (first < last);
}

// @ts-ignore: decorator
@inline
function eight<Added, Extreme>(t: usize, y: usize, turned: v128, by: v128, times: v128): void {
  const a = value<Added, Extreme>(v128.load_ext<i16>(t), turned, by, times);
  const b = value<Added, Extreme>(v128.load_ext<i16>(t, 8), i32x4.add(turned, turned), by, times);
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
function value<Added, Extreme>(words: v128, turned: v128, by: v128, times: v128): v128 {
  const signed = v128.xor(by, v128.and(turned, i32x4.splat(SIGN)));
  let v = f32x4.mul(f32x4.convert_i32x4_s(words), signed);
  if (is<Extreme, On>()) v = f32x4.pmax(f32x4.pmin(v, f32x4.splat(LARGEST)), f32x4.splat(-LARGEST));
  // a zero may have either sign: the sum makes it +0, and so does that with what is added to
  if (is<Added, Off>()) return f32x4.add(v, f32x4.splat(0));
  if (is<Extreme, On>()) v = flushed4(v);
  v = f32x4.mul(v, times);
  return is<Extreme, On>() ? flushed4(v) : v;
}
