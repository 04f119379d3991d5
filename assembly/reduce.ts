/**
 * Reductions: sums of magnitudes and of squares by the tree of ts/kernels/reduce.ts. Extremes and non-finite elements
 * are in extremes.ts.
 *
 * The tree: a block is 1024 elements as 32 rows of 32 lanes, padded with +0. A lane adds its rows in order from +0,
 * then lanes fold by halves, 16, 8, 4, 2, 1. The sums of 1024 blocks are the elements of the next level, until one is
 * left. Terms are never negative, so adding the +0 of the padding changes nothing and whole rows of padding are left
 * out.
 *
 * absSum(x, sums, max, scratch, n, segment, tiny, scale): for each segment s the tree over |x_i| * scale, where |x_i|
 *   counts as zero when its key is below tiny; max[s] = its largest key. sums and max of ceil(n / segment) words.
 * signsAndSum(x, bits, sums, max, scratch, n, segment, tiny): absSum with scale = 1 and packSigns in one pass, where no
 *   element is NaN, whose sign is not said; segment is a multiple of 32, or n.
 * squareSum(...): the same of (|x_i| * scale)^2, added in two parts that are exact: with high = |x_i| * scale cut to
 *   the bits of HIGH_MASK and low = the rest, high * high, then 2 * high * low.
 *   Scratch: SUM_SCRATCH words. A piece of 2^20 elements is a tree of its own, and absSum of its sum with tiny = 0 and
 *   scale = 1 the level above: so may threads share one sum.
 *
 * n >= 1, segment >= 1. Passes: one read. Edges: a last row, short of 32, is copied to scratch and padded there.
 */
import { is, Off, On } from './flag';
import { MAGNITUDE } from './float-bits';
import { packSigns } from './pack';

/** Elements of a block of the tree. */
export const BLOCK: u32 = 1024;

/** Lanes of a block. */
export const LANES: u32 = 32;

/** The first 12 significant bits of a magnitude: its high part, whose products with 12 bits are exact. */
export const HIGH_MASK: u32 = 0xfffff000;

/** Words of scratch of a sum: keys, a block with its padding, and two levels of up to 1024 sums. */
export const SUM_SCRATCH: u32 = 32 + 3 * 1024;

/** Places in scratch, in bytes: the largest key by lanes, a place for keys that do not count, the rest. */
const IGNORED: usize = 64;
const PADDED: usize = 128;
const LEVELS: usize = PADDED + 4096;

export function sumScratch(): u32 {
  return SUM_SCRATCH;
}

export function absSum(
  x: usize,
  sums: usize,
  max: usize,
  scratch: usize,
  n: u32,
  segment: u32,
  tiny: u32,
  scale: f32,
): void {
  segments(x, 0, sums, max, scratch, n, segment, tiny, scale, false);
}

export function signsAndSum(
  x: usize,
  bits: usize,
  sums: usize,
  max: usize,
  scratch: usize,
  n: u32,
  segment: u32,
  tiny: u32,
): void {
  segments(x, bits, sums, max, scratch, n, segment, tiny, 1, false);
}

export function squareSum(
  x: usize,
  sums: usize,
  max: usize,
  scratch: usize,
  n: u32,
  segment: u32,
  tiny: u32,
  scale: f32,
): void {
  segments(x, 0, sums, max, scratch, n, segment, tiny, scale, true);
}

/** The sums and the largest keys of all segments; and the signs, unless bits is 0. */
function segments(
  x: usize,
  bits: usize,
  sums: usize,
  largest: usize,
  scratch: usize,
  n: u32,
  segment: u32,
  tiny: u32,
  scale: f32,
  square: bool,
): void {
  for (let first: u32 = 0; first < n; sums += 4, largest += 4) {
    const count = min(segment, n - first);
    store<u64>(scratch, 0);
    store<u64>(scratch, 0, 8);
    const own: usize = bits == 0 ? 0 : bits + (first >> 3);
    store<f32>(sums, tree(x + ((<usize>first) << 2), own, scratch, count, tiny, scale, square));
    store<u32>(
      largest,
      max(max(load<u32>(scratch), load<u32>(scratch, 4)), max(load<u32>(scratch, 8), load<u32>(scratch, 12))),
    );
    first += count;
  }
}

/** The tree over `n` elements, n >= 1. */
function tree(x: usize, bits: usize, scratch: usize, n: u32, tiny: u32, scale: f32, square: bool): f32 {
  if (n <= BLOCK) return block(x, bits, scratch, scratch, n, tiny, scale, square);
  // Up to 2^20 elements the children are blocks, and their sums the second level; above, they are trees of 2^20.
  const size: u32 = n <= BLOCK * BLOCK ? BLOCK : BLOCK * BLOCK;
  const sums = scratch + LEVELS + (size == BLOCK ? 0 : BLOCK << 2);
  let children: u32 = 0;
  for (let first: u32 = 0; first < n; children++) {
    const count = min(size, n - first);
    const own: usize = bits == 0 ? 0 : bits + (first >> 3);
    const sum = tree(x + ((<usize>first) << 2), own, scratch, count, tiny, scale, square);
    store<f32>(sums + (children << 2), sum);
    first += count;
  }
  return block(sums, 0, scratch, scratch + IGNORED, children, 0, 1, false);
}

/** The sum of a block of `n` elements, 1 <= n <= 1024. `keys` takes the largest key. */
function block(
  x: usize,
  bits: usize,
  scratch: usize,
  keys: usize,
  n: u32,
  tiny: u32,
  scale: f32,
  square: bool,
): f32 {
  const length = wholeRows(n);
  if (length != n) x = padded(x, scratch, n);
  const end = x + (length << 2);
  if (square) {
    return scale == 1
      ? rows<On, Off, Off, Off>(x, end, 0, keys, tiny, 1)
      : rows<On, On, Off, Off>(x, end, 0, keys, tiny, scale);
  }
  if (scale != 1) return rows<Off, On, Off, Off>(x, end, 0, keys, tiny, scale);
  const sum =
    bits == 0
      ? rows<Off, Off, On, Off>(x, end, 0, keys, tiny, 1)
      : rows<Off, Off, On, On>(x, end, bits, keys, tiny, 1);
  // looked at when it is in the cache: before, all loads of the block would wait for those of its first row
  if (allCount(x, tiny)) return sum;
  return bits == 0
    ? rows<Off, Off, Off, Off>(x, end, 0, keys, tiny, 1)
    : rows<Off, Off, Off, On>(x, end, bits, keys, tiny, 1);
}

/** The sum of the magnitudes of a block times `scale`, keys below `tiny` as +0; scratch as that of sums. */
export function scaledBlock(x: usize, scratch: usize, keys: usize, n: u32, tiny: u32, scale: f32): f32 {
  const length = wholeRows(n);
  if (length != n) x = padded(x, scratch, n);
  return rows<Off, On, Off, Off>(x, x + (length << 2), 0, keys, tiny, scale);
}

// @ts-ignore: decorator
@inline
function wholeRows(n: u32): u32 {
  return (n + LANES - 1) & ~(LANES - 1);
}

/** A copy of the elements of a block, in scratch, with +0 behind them up to a whole row. */
function padded(x: usize, scratch: usize, n: u32): usize {
  memory.copy(scratch + PADDED, x, n << 2);
  memory.fill(scratch + PADDED + (n << 2), 0, (wholeRows(n) - n) << 2);
  return scratch + PADDED;
}

/**
 * Whether magnitudes below `tiny` may be added as they are: the first row has none below 2^25 times that, so that each
 * lane has a sum of which they are less than half a last place. It is so for nearly every block of a gradient.
 */
function allCount(x: usize, tiny: u32): bool {
  if (tiny == 0) return true;
  const enough = tiny + (25 << 23);
  for (const end = x + (LANES << 2); x < end; x += 4) {
    if ((load<u32>(x) & MAGNITUDE) < enough) return false;
  }
  return true;
}

/**
 * The sum of whole rows, and with Signs theirs, a word a row: a loop for each set of flags. With All, all magnitudes
 * count.
 */
function rows<Square, Scaled, All, Signs>(
  x: usize,
  end: usize,
  bits: usize,
  keys: usize,
  tiny: u32,
  scale: f32,
): f32 {
  if (ASC_FEATURE_SIMD) {
    const least = i32x4.splat(tiny - 1);
    const factor = f32x4.splat(scale);
    const magnitude = i32x4.splat(MAGNITUDE);
    let largest = v128.load(keys);
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let a2 = f32x4.splat(0);
    let a3 = f32x4.splat(0);
    let a4 = f32x4.splat(0);
    let a5 = f32x4.splat(0);
    let a6 = f32x4.splat(0);
    let a7 = f32x4.splat(0);
    for (; x < end; x += LANES << 2) {
      let w0 = v128.load(x);
      let w1 = v128.load(x, 16);
      let w2 = v128.load(x, 32);
      let w3 = v128.load(x, 48);
      let k0 = v128.and(w0, magnitude);
      let k1 = v128.and(w1, magnitude);
      let k2 = v128.and(w2, magnitude);
      let k3 = v128.and(w3, magnitude);
      a0 = added4<Square, Scaled, All>(a0, k0, least, factor);
      a1 = added4<Square, Scaled, All>(a1, k1, least, factor);
      a2 = added4<Square, Scaled, All>(a2, k2, least, factor);
      a3 = added4<Square, Scaled, All>(a3, k3, least, factor);
      largest = i32x4.max_s(largest, i32x4.max_s(i32x4.max_s(k0, k1), i32x4.max_s(k2, k3)));
      if (is<Signs, On>()) store<u16>(bits, below16(w0, w1, w2, w3));
      w0 = v128.load(x, 64);
      w1 = v128.load(x, 80);
      w2 = v128.load(x, 96);
      w3 = v128.load(x, 112);
      k0 = v128.and(w0, magnitude);
      k1 = v128.and(w1, magnitude);
      k2 = v128.and(w2, magnitude);
      k3 = v128.and(w3, magnitude);
      a4 = added4<Square, Scaled, All>(a4, k0, least, factor);
      a5 = added4<Square, Scaled, All>(a5, k1, least, factor);
      a6 = added4<Square, Scaled, All>(a6, k2, least, factor);
      a7 = added4<Square, Scaled, All>(a7, k3, least, factor);
      largest = i32x4.max_s(largest, i32x4.max_s(i32x4.max_s(k0, k1), i32x4.max_s(k2, k3)));
      if (is<Signs, On>()) store<u16>(bits, below16(w0, w1, w2, w3), 2);
      if (is<Signs, On>()) bits += 4;
    }
    v128.store(keys, largest);
    // Folds by 16, 8 and 4 lanes are sums of whole vectors.
    a0 = f32x4.add(f32x4.add(a0, a4), f32x4.add(a2, a6));
    a1 = f32x4.add(f32x4.add(a1, a5), f32x4.add(a3, a7));
    a0 = f32x4.add(a0, a1);
    a0 = f32x4.add(a0, v128.shuffle<f32>(a0, a0, 2, 3, 0, 1));
    return f32x4.extract_lane(a0, 0) + f32x4.extract_lane(a0, 1);
  } else {
    if (is<Signs, On>()) packSigns(x, bits, <u32>((end - x) >> 2));
    const sum0 = columns<Square, Scaled, All>(x, end, keys, tiny, scale);
    const sum1 = columns<Square, Scaled, All>(x + 4, end, keys, tiny, scale);
    const sum2 = columns<Square, Scaled, All>(x + 8, end, keys, tiny, scale);
    const sum3 = columns<Square, Scaled, All>(x + 12, end, keys, tiny, scale);
    return sum0 + sum2 + (sum1 + sum3);
  }
}

/** Lanes with one row more. Twice the low part, not twice the high one, so that nothing but a square overflows. */
// @ts-ignore: decorator
@inline
function added4<Square, Scaled, All>(lanes: v128, key: v128, least: v128, factor: v128): v128 {
  let value = is<All, On>() ? key : v128.and(key, i32x4.gt_s(key, least));
  if (is<Scaled, On>()) value = f32x4.mul(value, factor);
  if (!is<Square, On>()) return f32x4.add(lanes, value);
  const high = v128.and(value, i32x4.splat(HIGH_MASK));
  const low = f32x4.sub(value, high);
  return f32x4.add(f32x4.add(lanes, f32x4.mul(high, high)), f32x4.mul(high, f32x4.add(low, low)));
}

/** A bit for each of 16 elements below 0. */
// @ts-ignore: decorator
@inline
function below16(a: v128, b: v128, c: v128, d: v128): u32 {
  const zero = f32x4.splat(0);
  const low = i16x8.narrow_i32x4_s(f32x4.lt(a, zero), f32x4.lt(b, zero));
  const high = i16x8.narrow_i32x4_s(f32x4.lt(c, zero), f32x4.lt(d, zero));
  return i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

/** Without SIMD: the lanes l, l + 4, ..., l + 28, added and folded by 16, 8 and 4; x is at lane l of the first row. */
function columns<Square, Scaled, All>(x: usize, end: usize, keys: usize, tiny: u32, scale: f32): f32 {
  let largest = load<u32>(keys);
  let a0: f32 = 0;
  let a1: f32 = 0;
  let a2: f32 = 0;
  let a3: f32 = 0;
  let a4: f32 = 0;
  let a5: f32 = 0;
  let a6: f32 = 0;
  let a7: f32 = 0;
  for (; x < end; x += LANES << 2) {
    let key = load<u32>(x) & MAGNITUDE;
    largest = max(largest, key);
    a0 = added<Square, Scaled, All>(a0, key, tiny, scale);
    key = load<u32>(x, 16) & MAGNITUDE;
    largest = max(largest, key);
    a1 = added<Square, Scaled, All>(a1, key, tiny, scale);
    key = load<u32>(x, 32) & MAGNITUDE;
    largest = max(largest, key);
    a2 = added<Square, Scaled, All>(a2, key, tiny, scale);
    key = load<u32>(x, 48) & MAGNITUDE;
    largest = max(largest, key);
    a3 = added<Square, Scaled, All>(a3, key, tiny, scale);
    key = load<u32>(x, 64) & MAGNITUDE;
    largest = max(largest, key);
    a4 = added<Square, Scaled, All>(a4, key, tiny, scale);
    key = load<u32>(x, 80) & MAGNITUDE;
    largest = max(largest, key);
    a5 = added<Square, Scaled, All>(a5, key, tiny, scale);
    key = load<u32>(x, 96) & MAGNITUDE;
    largest = max(largest, key);
    a6 = added<Square, Scaled, All>(a6, key, tiny, scale);
    key = load<u32>(x, 112) & MAGNITUDE;
    largest = max(largest, key);
    a7 = added<Square, Scaled, All>(a7, key, tiny, scale);
  }
  store<u32>(keys, largest);
  return a0 + a4 + (a2 + a6) + (a1 + a5 + (a3 + a7));
}

// @ts-ignore: decorator
@inline
function added<Square, Scaled, All>(lane: f32, key: u32, tiny: u32, scale: f32): f32 {
  if (!is<All, On>() && key < tiny) return lane;
  let value = reinterpret<f32>(key);
  if (is<Scaled, On>()) value *= scale;
  if (!is<Square, On>()) return lane + value;
  const high = reinterpret<f32>(reinterpret<u32>(value) & HIGH_MASK);
  const low = value - high;
  return lane + high * high + high * (low + low);
}
