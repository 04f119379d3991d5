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
 * Edges: those of unflatten.ts.
 */
import { stages } from './butterflies';
import { is, Off, On } from './flag';
import { unpackSigns } from './pack';
import { FLIP_SCRATCH } from './random';
import { scaleBack } from './unflatten';

/** Elements whose signs are a vector: the first stages are made of so many. */
const GROUP: u32 = 128;

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
    if (ASC_FEATURE_SIMD) {
      scaleBack<i16>(t, scales, y, scratch, from, end, n, block, seed, step, stream, add, factor);
    } else {
      scaleBack<f32>(t, scales, y, scratch, from, end, n, block, seed, step, stream, add, factor);
    }
    from = end;
    bits += piece >> 3;
    scales += (<usize>(piece / block)) << 2;
    y += (<usize>piece) << 2;
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
