/**
 * Quantisation: elements to codes of 1 to 16 bits, packed as pack.ts does. lookup.ts has the way back.
 *
 * quantize(x, grid, packed, scratch, n, width, rounding, power, fraction, seed, step, stream): with grid = [origin,
 *   scale, limit, offset, top], x of n words and packed of ceil(n width / 32), code_i = offset + m, where
 *     x' = x_i * power; +0 where that is below 2^-126, and its magnitude held to at most 2^126
 *     d  = x' - origin
 *     p  = min(|d|, top) * scale, which is below 2^23
 *     P  = p rounded half to even (rounding 0) or down (rounding 1)
 *     m  = P >> fraction, one more where the upper `fraction` bits of random word i are below P's lower ones
 *     m  = min(m, limit); where d < 0: -min(m, offset)
 *   Scratch: QUANTIZE_SCRATCH words.
 * mark(indices, packed, count, width): sets the codes at the indices to all ones. count >= 0. Scratch: none.
 * findMarked(packed, bits, n, width): bit i = 1 where code i is all ones; bits of ceil(n / 32) words. Scratch: none.
 *
 * n >= 1, 1 <= width <= 16. Passes: one read, one write. quantize goes by chunks: random words of a chunk are drawn to
 * scratch, and so are elements that must be scaled.
 * Edges: the last word is filled up with zeros; nothing past it is written, nor read past the last word of an input.
 */
import { is } from './flag';
import { MAGNITUDE } from './float-bits';
import {
  Byte,
  codeAt,
  highFour,
  lowFour,
  Narrow,
  packedEnd,
  packRest,
  packSixteen,
  roomForEight,
  roomForSixteen,
  Wide,
} from './pack';
import { drawWords } from './random';
import { MOST, scaled } from './scaling';

/** Rounding down; any other number is rounding to the nearest. */
const FLOOR: u32 = 1;

/** Elements of a chunk. */
const CHUNK: u32 = 1024;

/** Words of scratch: a chunk of scaled elements, then codes, and one of random words. */
export const QUANTIZE_SCRATCH: u32 = 2 * CHUNK;

/** Added to a number of 0 to 2^23, or of -2^22 to 2^22, they round it to a whole one, which its bits then end with. */
const WHOLE: f32 = 8388608;
const SIGNED_WHOLE: f32 = 12582912;

/** A scale of 2^124, and the key of an origin of 2^-100. */
const STEEP: f32 = 2.1267647932558654e37;
const AWAY: u32 = 0x0d800000;

/** How m is found: P rounded to the nearest, or down; or either, and then stochastically. */
type Nearest = u8;
type Down = u16;
type Stochastic = u32;

export function quantizeScratch(): u32 {
  return QUANTIZE_SCRATCH;
}

export function quantize(
  x: usize,
  grid: usize,
  packed: usize,
  scratch: usize,
  n: u32,
  width: u32,
  rounding: u32,
  power: f32,
  fraction: u32,
  seed: u32,
  step: u32,
  stream: u32,
): void {
  const drawn = scratch + (CHUNK << 2);
  const end = packedEnd(packed, n, width);
  const plain = isPlain(load<f32>(grid), load<f32>(grid, 4), power);
  for (let first: u32 = 0; first < n; first += CHUNK) {
    const count = min(n - first, CHUNK);
    const from = plain ? x : scratch;
    if (!plain) scaleChunk(x, scratch, count, power);
    if (fraction != 0) drawWords(drawn, first, count, seed, step, stream);
    let done: u32 = 0;
    if (ASC_FEATURE_SIMD) {
      if (fraction != 0) {
        done = quantizeBy<Stochastic>(from, grid, drawn, packed, end, count, width, rounding, fraction);
      } else if (rounding == FLOOR) {
        done = quantizeBy<Down>(from, grid, drawn, packed, end, count, width, rounding, 0);
      } else {
        done = quantizeBy<Nearest>(from, grid, drawn, packed, end, count, width, rounding, 0);
      }
    }
    const rest = (<usize>done) << 2;
    codesOf(from + rest, grid, drawn + rest, scratch + rest, count - done, rounding, fraction);
    packRest(scratch + rest, packed, done, count, width);
    x += CHUNK << 2;
    packed += width * (CHUNK >> 3);
  }
}

/** The elements x' of a chunk. */
function scaleChunk(x: usize, to: usize, count: u32, power: f32): void {
  for (const end = to + (count << 2); to < end; to += 4, x += 4) store<f32>(to, scaled(load<u32>(x), power));
}

/**
 * Whether codes are the same of x as of x': an x below 2^-126 is too small to reach a half of P, or to move the
 * difference from the origin. What lies above 2^126 ends at the bounds of p.
 */
function isPlain(origin: f32, scale: f32, power: f32): bool {
  const far = reinterpret<u32>(origin) & MAGNITUDE;
  return power == 1 && scale < STEEP && (far == 0 || far >= AWAY);
}

/**
 * The largest p of d >= 0, and the opposite of that of d < 0. All steps from x to m ascend, so x held to 2^126, |d| to
 * top and, where P is m, m to limit and offset are all one bound of p.
 */
function highOf(grid: usize, fraction: u32): f32 {
  return boundOf(grid, -load<f32>(grid), load<u32>(grid, 8), fraction);
}

function lowOf(grid: usize, fraction: u32): f32 {
  return -boundOf(grid, load<f32>(grid), min(load<u32>(grid, 8), load<u32>(grid, 12)), fraction);
}

function boundOf(grid: usize, shift: f32, most: u32, fraction: u32): f32 {
  const scale = load<f32>(grid, 4);
  let bound = load<f32>(grid, 16) * scale;
  // 0 times infinity is not a number
  if (scale > 0) bound = min(bound, (<f32>MOST + shift) * scale);
  return fraction == 0 ? min(bound, <f32>most) : bound;
}

/** The codes of `count` elements, in words. */
function codesOf(
  x: usize,
  grid: usize,
  drawn: usize,
  codes: usize,
  count: u32,
  rounding: u32,
  fraction: u32,
): void {
  const origin = load<f32>(grid);
  const scale = load<f32>(grid, 4);
  const high = highOf(grid, fraction);
  const low = lowOf(grid, fraction);
  const limit = load<u32>(grid, 8);
  const offset = load<u32>(grid, 12);
  for (const end = x + (count << 2); x < end; x += 4, drawn += 4, codes += 4) {
    const product = (load<f32>(x) - origin) * scale;
    let p = product < high ? product : high;
    if (p < low) p = low;
    const negative = p < 0;
    p = abs(p);
    if (rounding == FLOOR) p = floor(p);
    const fine = reinterpret<u32>(p + WHOLE) - reinterpret<u32>(WHOLE);
    const noise = fraction == 0 ? 0 : ~load<u32>(drawn) >> (32 - fraction);
    const m = min((fine + noise) >> fraction, limit);
    store<u32>(codes, negative ? offset - min(m, offset) : offset + m);
  }
}

/** Quantises 16 elements at a time, from `from` to `packed`, and returns how many it did. */
function quantizeBy<Rule>(
  from: usize,
  grid: usize,
  drawn: usize,
  packed: usize,
  end: usize,
  count: u32,
  width: u32,
  rounding: u32,
  fraction: u32,
): u32 {
  if (width < 8)
    return sixteens<Rule, Narrow>(from, grid, drawn, packed, end, count, width, rounding, fraction);
  if (width > 8)
    return sixteens<Rule, Wide>(from, grid, drawn, packed, end, count, width, rounding, fraction);
  return sixteens<Rule, Byte>(from, grid, drawn, packed, end, count, width, rounding, fraction);
}

/** The same: a loop for each way to round and to pack. */
function sixteens<Rule, Width>(
  x: usize,
  grid: usize,
  drawn: usize,
  packed: usize,
  end: usize,
  count: u32,
  width: u32,
  rounding: u32,
  fraction: u32,
): u32 {
  const origin = load<f32>(grid);
  const scale = load<f32>(grid, 4);
  const high = highOf(grid, fraction);
  const low = lowOf(grid, fraction);
  const limit = load<u32>(grid, 8);
  const offset = load<u32>(grid, 12);
  let i: u32 = 0;
  if (!roomForSixteen(i, count, packed, end, width)) return 0;
  do {
    const a = code4<Rule>(x, origin, scale, low, high, limit, offset, drawn, rounding, fraction);
    const b = code4<Rule>(x + 16, origin, scale, low, high, limit, offset, drawn + 16, rounding, fraction);
    const c = code4<Rule>(x + 32, origin, scale, low, high, limit, offset, drawn + 32, rounding, fraction);
    const d = code4<Rule>(x + 48, origin, scale, low, high, limit, offset, drawn + 48, rounding, fraction);
    packSixteen<Width>(packed, a, b, c, d, width);
    i += 16;
    x += 64;
    drawn += 64;
    packed += 2 * width;
  } while (roomForSixteen(i, count, packed, end, width));
  return i;
}

/** As codesOf, of four elements. Noise carries P's lower bits over to m where they are above the random word's. */
// @ts-ignore: decorator
@inline
function code4<Rule>(
  x: usize,
  origin: f32,
  scale: f32,
  low: f32,
  high: f32,
  limit: u32,
  offset: u32,
  drawn: usize,
  rounding: u32,
  fraction: u32,
): v128 {
  const product = f32x4.mul(f32x4.sub(v128.load(x), f32x4.splat(origin)), f32x4.splat(scale));
  let p = f32x4.pmax(f32x4.splat(low), f32x4.pmin(f32x4.splat(high), product));
  if (!is<Rule, Stochastic>()) {
    if (is<Rule, Down>()) p = f32x4.trunc(p);
    const bias = reinterpret<u32>(SIGNED_WHOLE) - offset;
    return i32x4.sub(f32x4.add(p, f32x4.splat(SIGNED_WHOLE)), i32x4.splat(bias));
  }
  const sign = i32x4.shr_s(p, 31);
  p = v128.and(p, i32x4.splat(MAGNITUDE));
  if (rounding == FLOOR) p = f32x4.floor(p);
  const fine = i32x4.sub(f32x4.add(p, f32x4.splat(WHOLE)), i32x4.splat(reinterpret<u32>(WHOLE)));
  const noise = i32x4.shr_u(v128.not(v128.load(drawn)), 32 - fraction);
  const m = i32x4.min_u(i32x4.shr_u(i32x4.add(fine, noise), fraction), i32x4.splat(limit));
  const signed = i32x4.sub(v128.xor(m, sign), sign);
  return i32x4.max_s(i32x4.add(signed, i32x4.splat(offset)), i32x4.splat(0));
}

export function mark(indices: usize, packed: usize, count: u32, width: u32): void {
  const mask: u64 = (1 << width) - 1;
  for (const end = indices + ((<usize>count) << 2); indices < end; indices += 4) {
    const bit = <u64>load<u32>(indices) * width;
    const at = packed + ((<usize>(bit >> 5)) << 2);
    const ones = mask << (bit & 31);
    store<u32>(at, load<u32>(at) | (<u32>ones));
    if (ones >> 32 != 0) store<u32>(at, load<u32>(at, 4) | (<u32>(ones >> 32)), 4);
  }
}

export function findMarked(packed: usize, bits: usize, n: u32, width: u32): void {
  const mask: u64 = (1 << width) - 1;
  // The bytes of the last word that no code reaches are zero.
  store<u32>(bits + ((<usize>((n - 1) >> 5)) << 2), 0);
  let i: u32 = 0;
  if (width == 2) {
    for (; i + 32 <= n; i += 32) {
      const codes = load<u64>(packed + (i >> 2));
      store<u32>(bits + (i >> 3), <u32>evenBits(codes & (codes >> 1)));
    }
  } else if (width == 4) {
    for (; i + 16 <= n; i += 16) {
      let codes = load<u64>(packed + (i >> 1));
      codes &= codes >> 1;
      store<u16>(bits + (i >> 3), <u16>evenBits(evenBits(codes & (codes >> 2))));
    }
  } else if (ASC_FEATURE_SIMD && width == 8) {
    for (; i + 16 <= n; i += 16) {
      store<u16>(bits + (i >> 3), <u16>i8x16.bitmask(i8x16.eq(v128.load(packed + i), i8x16.splat(-1))));
    }
  } else {
    const end = packedEnd(packed, n, width);
    for (let from = packed; roomForEight(i, n, from, end, width); i += 8, from += width) {
      const low = marksOfFour(lowFour(from), mask, width);
      const high = marksOfFour(highFour(from, width), mask, width);
      store<u8>(bits + (i >> 3), <u8>(low | (high << 4)));
    }
  }
  for (; i < n; i++) {
    const at = bits + (i >> 3);
    const marked = (<u32>(codeAt(packed, i, width) == <u32>mask)) << (i & 7);
    store<u8>(at, <u8>((i & 7) == 0 ? marked : load<u8>(at) | marked));
  }
}

/** One bit for each of four codes. */
// @ts-ignore: decorator
@inline
function marksOfFour(codes: u64, mask: u64, width: u32): u32 {
  return (
    (<u32>((codes & mask) == mask)) |
    ((<u32>(((codes >> width) & mask) == mask)) << 1) |
    ((<u32>(((codes >> (2 * width)) & mask) == mask)) << 2) |
    ((<u32>(((codes >> (3 * width)) & mask) == mask)) << 3)
  );
}

/** Bits 0, 2, 4, ... of 64, side by side. */
// @ts-ignore: decorator
@inline
function evenBits(bits: u64): u64 {
  bits &= 0x5555555555555555;
  bits = (bits | (bits >> 1)) & 0x3333333333333333;
  bits = (bits | (bits >> 2)) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | (bits >> 4)) & 0x00ff00ff00ff00ff;
  bits = (bits | (bits >> 8)) & 0x0000ffff0000ffff;
  return (bits | (bits >> 16)) & 0xffffffff;
}
