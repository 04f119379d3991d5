/**
 * The vector of flattened levels, v = D H q by blocks times a scale each, q_i = table[code_i]: written, or added to a
 * vector, tile by tile or as a whole. A block is transformed in scratch that stays in a cache, and goes from there to
 * y: what flows through memory is y alone.
 *
 * unflattenLevels(codes, table, scales, y, scratch, from, n, block, bits, seed, step, stream, add, factor): the
 *   elements from..n - 1, `from` a multiple of block and of FLIP_RUN; codes, scales and y point to what is of element
 *   `from`. add = 0: y_i = v_i; add = 1: y_i = y_i + factor * v_i (unflatten.ts). block is a power of two up to 2^14;
 *   scales of a word a block, codes of 1 to 4 bits with those of the padding of the last block; the table has 2^bits
 *   whole numbers as floats, up to 1024.
 *   Scratch: unflattenLevelsScratch(block) words, for flips, a block, and a group of it.
 *
 * H q has whole numbers up to 1024 block alone, which are exact in any order of the stages: in SIMD the sums of 32
 * elements are 16 bits, and all others floats.
 *
 * Passes over the data: one write of y, for add = 1 one read, too.
 * Edges: those of unflatten.ts.
 */
import { stages } from './butterflies';
import { is } from './flag';
import { codeAt } from './pack';
import { FLIP_SCRATCH } from './random';
import { scaleBack } from './unflatten';

/** Elements whose first stages are made at once. */
const GROUP: u32 = 64;

/** Elements of short blocks that are transformed at a time. */
const PIECE: u32 = 128;

/** Bits of a code, as type parameters (flag.ts). */
type Two = u8;
type Three = u16;
type Four = u32;

export function unflattenLevelsScratch(block: u32): u32 {
  // behind the block the numbers of a group as 16 bits
  return FLIP_SCRATCH + max(block, PIECE) + GROUP / 2;
}

export function unflattenLevels(
  codes: usize,
  table: usize,
  scales: usize,
  y: usize,
  scratch: usize,
  from: u32,
  n: u32,
  block: u32,
  bits: u32,
  seed: u32,
  step: u32,
  stream: u32,
  add: u32,
  factor: f32,
): void {
  const t = scratch + ((<usize>FLIP_SCRATCH) << 2);
  const piece = max(block, PIECE);
  const room = t + ((<usize>piece) << 2);
  while (from < n) {
    const end = min(n - from, piece) + from;
    const count = (end - from + block - 1) & ~(block - 1);
    let first: u32 = 0;
    if (ASC_FEATURE_SIMD) {
      if (block >= GROUP && bits > 1) {
        if (bits == 2) groups<Two>(codes, table, t, room, count);
        else if (bits == 3) groups<Three>(codes, table, t, room, count);
        else groups<Four>(codes, table, t, room, count);
        for (let at = t, stop = t + ((<usize>count) << 2); at < stop; at += (<usize>block) << 2) {
          stages<v128, f32>(at, (<usize>block) << 2, GROUP << 2);
        }
        first = count;
      }
    }
    if (first < count) {
      for (let i: u32 = 0; i < count; i++) {
        store<u32>(t + ((<usize>i) << 2), load<u32>(table + ((<usize>codeAt(codes, i, bits)) << 2)));
      }
      for (let at = t, stop = t + ((<usize>count) << 2); at < stop; at += (<usize>block) << 2) {
        stages<f32, f32>(at, (<usize>block) << 2, 4);
      }
    }
    scaleBack<f32>(t, scales, y, scratch, from, end, n, block, seed, step, stream, add, factor);
    from = end;
    codes += <usize>(piece >> 3) * bits;
    scales += (<usize>(piece / block)) << 2;
    y += (<usize>piece) << 2;
  }
}

/** The stages below 64 of `count` elements from their codes to t, as floats; `room` has those below 32 of a group. */
function groups<Bits>(codes: usize, table: usize, t: usize, room: usize, count: u32): void {
  const levels: u32 = is<Bits, Two>() ? 4 : is<Bits, Three>() ? 8 : 16;
  // the numbers of codes, their lower bytes and their higher ones
  for (let code: u32 = 0; code < levels; code++) {
    const number = <i32>load<f32>(table + ((<usize>code) << 2));
    store<u8>(room + code, number);
    store<u8>(room + code, number >> 8, 16);
  }
  const low = v128.load(room);
  const high = v128.load(room, 16);
  const end = t + ((<usize>count) << 2);
  do {
    group<Bits>(codes, room, low, high);
    // the stage 32 as numbers become wider
    for (let i: usize = 0; i < 64; i += 16) {
      const a = v128.load(room + i);
      const b = v128.load(room + i, 64);
      const a0 = i32x4.extend_low_i16x8_s(a);
      const a1 = i32x4.extend_high_i16x8_s(a);
      const b0 = i32x4.extend_low_i16x8_s(b);
      const b1 = i32x4.extend_high_i16x8_s(b);
      const to = t + (i << 1);
      v128.store(to, f32x4.convert_i32x4_s(i32x4.add(a0, b0)));
      v128.store(to, f32x4.convert_i32x4_s(i32x4.add(a1, b1)), 16);
      v128.store(to, f32x4.convert_i32x4_s(i32x4.sub(a0, b0)), 128);
      v128.store(to, f32x4.convert_i32x4_s(i32x4.sub(a1, b1)), 144);
    }
    codes += is<Bits, Two>() ? 16 : is<Bits, Three>() ? 24 : 32;
    t += GROUP << 2;
  } while (t < end);
}

/**
 * The stages below 32 of 64 elements, as 16 bits. A lane is one of eight runs of eight codes, and a vector has the same
 * code of each, so that the stages 1, 2 and 4 are sums of vectors; transposing them brings partners at distances 16 and
 * 8 side by side, in turn.
 */
// @ts-ignore: decorator
@inline
function group<Bits>(codes: usize, to: usize, low: v128, high: v128): void {
  const first = v128.load(codes);
  let x0: v128, x1: v128, x2: v128, x3: v128, x4: v128, x5: v128, x6: v128, x7: v128;
  if (is<Bits, Two>()) {
    const three = i16x8.splat(3);
    x0 = v128.and(first, three);
    x1 = v128.and(i16x8.shr_u(first, 2), three);
    x2 = v128.and(i16x8.shr_u(first, 4), three);
    x3 = v128.and(i16x8.shr_u(first, 6), three);
    x4 = v128.and(i16x8.shr_u(first, 8), three);
    x5 = v128.and(i16x8.shr_u(first, 10), three);
    x6 = v128.and(i16x8.shr_u(first, 12), three);
    x7 = i16x8.shr_u(first, 14);
  } else if (is<Bits, Three>()) {
    // of the three bytes of a run the first two, and the last two
    const last = v128.load(codes, 8);
    const a = v128.shuffle<u8>(first, last, 0, 1, 3, 4, 6, 7, 9, 10, 20, 21, 23, 24, 26, 27, 29, 30);
    const b = v128.shuffle<u8>(first, last, 1, 2, 4, 5, 7, 8, 10, 11, 21, 22, 24, 25, 27, 28, 30, 31);
    const seven = i16x8.splat(7);
    x0 = v128.and(a, seven);
    x1 = v128.and(i16x8.shr_u(a, 3), seven);
    x2 = v128.and(i16x8.shr_u(a, 6), seven);
    x3 = v128.and(i16x8.shr_u(a, 9), seven);
    x4 = v128.and(i16x8.shr_u(a, 12), seven);
    x5 = v128.and(i16x8.shr_u(b, 7), seven);
    x6 = v128.and(i16x8.shr_u(b, 10), seven);
    x7 = i16x8.shr_u(b, 13);
  } else {
    const last = v128.load(codes, 16);
    const a = v128.shuffle<u16>(first, last, 0, 2, 4, 6, 8, 10, 12, 14);
    const b = v128.shuffle<u16>(first, last, 1, 3, 5, 7, 9, 11, 13, 15);
    const fifteen = i16x8.splat(15);
    x0 = v128.and(a, fifteen);
    x1 = v128.and(i16x8.shr_u(a, 4), fifteen);
    x2 = v128.and(i16x8.shr_u(a, 8), fifteen);
    x3 = i16x8.shr_u(a, 12);
    x4 = v128.and(b, fifteen);
    x5 = v128.and(i16x8.shr_u(b, 4), fifteen);
    x6 = v128.and(i16x8.shr_u(b, 8), fifteen);
    x7 = i16x8.shr_u(b, 12);
  }
  const a0 = numbers(x0, low, high);
  const a1 = numbers(x1, low, high);
  const b0 = i16x8.add(a0, a1);
  const b1 = i16x8.sub(a0, a1);
  const a2 = numbers(x2, low, high);
  const a3 = numbers(x3, low, high);
  const b2 = i16x8.add(a2, a3);
  const b3 = i16x8.sub(a2, a3);
  const a4 = numbers(x4, low, high);
  const a5 = numbers(x5, low, high);
  const b4 = i16x8.add(a4, a5);
  const b5 = i16x8.sub(a4, a5);
  const a6 = numbers(x6, low, high);
  const a7 = numbers(x7, low, high);
  const b6 = i16x8.add(a6, a7);
  const b7 = i16x8.sub(a6, a7);
  const c0 = i16x8.add(b0, b2);
  const c1 = i16x8.add(b1, b3);
  const c2 = i16x8.sub(b0, b2);
  const c3 = i16x8.sub(b1, b3);
  const c4 = i16x8.add(b4, b6);
  const c5 = i16x8.add(b5, b7);
  const c6 = i16x8.sub(b4, b6);
  const c7 = i16x8.sub(b5, b7);
  const d0 = i16x8.add(c0, c4);
  const d1 = i16x8.add(c1, c5);
  const d2 = i16x8.add(c2, c6);
  const d3 = i16x8.add(c3, c7);
  const d4 = i16x8.sub(c0, c4);
  const d5 = i16x8.sub(c1, c5);
  const d6 = i16x8.sub(c2, c6);
  const d7 = i16x8.sub(c3, c7);
  half(to, lower(d0, d4), lower(d1, d5), lower(d2, d6), lower(d3, d7));
  half(to + 64, upper(d0, d4), upper(d1, d5), upper(d2, d6), upper(d3, d7));
}

/** The numbers of eight codes, from their bytes: a place from 128 on gives 0. */
// @ts-ignore: decorator
@inline
function numbers(codes: v128, low: v128, high: v128): v128 {
  return v128.or(
    v128.swizzle(low, v128.or(codes, i16x8.splat(-32768))),
    v128.swizzle(high, v128.or(i16x8.shl(codes, 8), i16x8.splat(0x80))),
  );
}

// @ts-ignore: decorator
@inline
function lower(a: v128, b: v128): v128 {
  return v128.shuffle<u16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

// @ts-ignore: decorator
@inline
function upper(a: v128, b: v128): v128 {
  return v128.shuffle<u16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** 32 elements: of a vector their last two bits are the same. */
// @ts-ignore: decorator
@inline
function half(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const a0 = lower(a, c);
  const a1 = upper(a, c);
  const b0 = lower(b, d);
  const b1 = upper(b, d);
  quarter(to, i16x8.add(a0, a1), i16x8.add(b0, b1));
  quarter(to + 32, i16x8.sub(a0, a1), i16x8.sub(b0, b1));
}

/** 16 elements: those with even numbers, and those with odd ones. */
// @ts-ignore: decorator
@inline
function quarter(to: usize, a: v128, b: v128): void {
  const first = lower(a, b);
  const second = upper(a, b);
  v128.store(to, i16x8.add(first, second));
  v128.store(to, i16x8.sub(first, second), 16);
}
