/**
 * Levels in the place of magnitudes (ts/kernels/levels.ts).
 *
 * listLevels(values, count, levels, packed, scratch, bits): the levels of the first load(count) values, as a word, and
 *   their codes, bits 1 or 2, packed. Scratch: listLevelsScratch(capacity) words, count up to that.
 * meanLevels(values, scratch, n, bits): the same without the codes, which follow from the word at scratch + CUT.
 *
 * The sums are those of absSum (reduce.ts), block by block of 1024 values, of which a copy is made where the class of
 * others is to be +0. Passes over values: one for the mean, again where it is to be scaled; of two bits one for their
 * number and one for each class.
 */
import { at, countFrom } from './compaction';
import { INFINITE, MAGNITUDE, SIGN } from './float-bits';
import { signs16 } from './pack';
import { BLOCK, scaledBlock } from './reduce';

/** Where sums are scaled: below the key of 2^-60 by 2^96, from that of 2^95 on by 2^-96. */
export const SMALL: u32 = 0x21800000;
export const HUGE: u32 = 0x6f000000;

/** In the place of levels: a value is NaN or infinite. */
export const STRANGE: u32 = 0xffffffff;

/** Places in scratch, in bytes: largest keys by lanes, some that do not count, a block, a block of a class, sums. */
const IGNORED: usize = 64;
const CLASS: usize = 128 + 4096;
export const CUT: usize = CLASS + 4096;
const SUMS: usize = CUT + 16;

export function listLevelsScratch(capacity: u32): u32 {
  return <u32>(SUMS >> 2) + blocksOf(capacity);
}

export function listLevels(
  values: usize,
  count: usize,
  levels: usize,
  packed: usize,
  scratch: usize,
  bits: u32,
): void {
  const n = load<u32>(count);
  store<u32>(levels, meanLevels(values, scratch, n, bits));
  packCodes(values, packed, n, load<u32>(scratch, CUT), bits);
}

/** The levels of n values as a word. At CUT in scratch is the key above which a value is high. */
export function meanLevels(values: usize, scratch: usize, n: u32, bits: u32): u32 {
  store<u32>(scratch, INFINITE, CUT);
  if (n == 0) return 0;
  const mean = sumOf(values, scratch, n, ALL, 0) / <f64>n;
  if (largestOf(scratch) >= INFINITE) return STRANGE;
  if (bits == 1) {
    const level = levelOf(mean);
    return level | (level << 16);
  }
  const cut = reinterpret<u32>(<f32>mean);
  store<u32>(scratch, cut, CUT);
  const above = countFrom(values, n, 0, <i64>cut + 1);
  const high: u32 = above == 0 ? 0 : levelOf(sumOf(values, scratch, n, HIGH, cut) / <f64>above);
  if (above == n) return high | (high << 16);
  const low = levelOf(sumOf(values, scratch, n, LOW, cut) / <f64>(n - above));
  return low | (max(low, high) << 16);
}

/** Which values a sum has, the others as +0: a mask of those that are not high, or of those that are. */
const ALL: u32 = 1;
const HIGH: u32 = 0;
const LOW: u32 = 0xffffffff;

/** The sum of n magnitudes as one segment, with its scaling undone; their largest keys lie in scratch. */
function sumOf(values: usize, scratch: usize, n: u32, which: u32, cut: u32): f64 {
  const plain = treeOf(values, scratch, n, which, cut, 0x0c800000, 1);
  const largest = largestOf(scratch);
  if (largest >= HUGE) {
    const sum = treeOf(values, scratch, n, which, cut, 0x3c800000, reinterpret<f32>(0x0f800000));
    return <f64>sum * reinterpret<f64>(0x45f0000000000000);
  }
  if (largest > 0 && largest < SMALL) {
    const sum = treeOf(values, scratch, n, which, cut, 0x00800000, reinterpret<f32>(0x6f800000));
    return <f64>sum * reinterpret<f64>(0x39f0000000000000);
  }
  return plain;
}

function treeOf(values: usize, scratch: usize, n: u32, which: u32, cut: u32, tiny: u32, scale: f32): f32 {
  const sums = scratch + SUMS;
  store<u64>(scratch, 0);
  store<u64>(scratch, 0, 8);
  let count = blocksOf(n);
  for (let b: u32 = 0; b < count; b++) {
    const length = min(BLOCK, n - b * BLOCK);
    let x = at(values, b * BLOCK);
    if (which != ALL) {
      choose(x, scratch + CLASS, length, which, cut);
      x = scratch + CLASS;
    }
    store<f32>(at(sums, b), scaledBlock(x, scratch, scratch, length, tiny, scale));
  }
  // the sums of a level take the place of what they add
  while (count > 1) {
    const all = count;
    count = blocksOf(all);
    for (let b: u32 = 0; b < count; b++) {
      const length = min(BLOCK, all - b * BLOCK);
      store<f32>(at(sums, b), scaledBlock(at(sums, b * BLOCK), scratch, scratch + IGNORED, length, 0, 1));
    }
  }
  return load<f32>(sums);
}

/** y = the n values of a class, the others as +0. */
function choose(x: usize, y: usize, n: u32, which: u32, cut: u32): void {
  const end = y + ((<usize>n) << 2);
  if (ASC_FEATURE_SIMD) {
    const flip = i32x4.splat(which);
    for (; y + 16 <= end; x += 16, y += 16)
      v128.store(y, v128.and(v128.load(x), v128.xor(high4(x, cut), flip)));
  }
  for (; y < end; x += 4, y += 4) {
    const word = load<u32>(x);
    store<u32>(y, word & ((0 - <u32>((word & MAGNITUDE) > cut)) ^ which));
  }
}

function largestOf(scratch: usize): u32 {
  return max(
    max(load<u32>(scratch), load<u32>(scratch, 4)),
    max(load<u32>(scratch, 8), load<u32>(scratch, 12)),
  );
}

/** Blocks of n values, one at least. */
function blocksOf(n: u32): u32 {
  return n == 0 ? 1 : ((n - 1) >> 10) + 1;
}

/** A mean magnitude as bfloat16: rounded to float32, then half to even, at most the largest; 0 below 2^-126. */
function levelOf(mean: f64): u32 {
  const key = reinterpret<u32>(<f32>mean);
  const level = min<u32>((key + 0x7fff + ((key >> 16) & 1)) >> 16, 0x7f7f);
  return level < 0x80 ? 0 : level;
}

/** Whether a value is negative, and twice whether it is high. */
// @ts-ignore: decorator
@inline
export function codeOf(word: u32, cut: u32): u32 {
  return <u32>(word > SIGN) + 2 * <u32>((word & MAGNITUDE) > cut);
}

/** The codes of n values, 16 at a time: a word of two bits each, or half a word of one. */
function packCodes(values: usize, packed: usize, n: u32, cut: u32, bits: u32): void {
  const step = (<usize>bits) << 1;
  for (let first: u32 = 0; first < n; first += 16, values += 64, packed += step) {
    const count = n - first;
    let word: u32 = 0;
    if (ASC_FEATURE_SIMD && count >= 16) {
      word = signs16(values);
      if (bits == 2) word = spread(word) | (spread(high16(values, cut)) << 1);
    } else {
      for (let i = min<u32>(count, 16); i-- > 0;)
        word = (word << bits) | codeOf(load<u32>(at(values, i)), cut);
    }
    // of one bit the upper half of a word is zero, until the next 16 are there
    if (bits == 2 || (first & 16) == 0) store<u32>(packed, word);
    else store<u16>(packed, <u16>word);
  }
}

/** A bit for each of 16 values that are high. */
// @ts-ignore: decorator
@inline
function high16(x: usize, cut: u32): u32 {
  const low = i16x8.narrow_i32x4_s(high4(x, cut), high4(x + 16, cut));
  const high = i16x8.narrow_i32x4_s(high4(x + 32, cut), high4(x + 48, cut));
  return i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

// @ts-ignore: decorator
@inline
function high4(x: usize, cut: u32): v128 {
  return i32x4.gt_s(v128.and(v128.load(x), i32x4.splat(MAGNITUDE)), i32x4.splat(cut));
}

/** 16 bits, each at twice its place. */
// @ts-ignore: decorator
@inline
function spread(bits: u32): u32 {
  bits = (bits | (bits << 8)) & 0x00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x33333333;
  return (bits | (bits << 1)) & 0x55555555;
}
