/**
 * Dithered signs: bit i = 1 where z_i < d_i * (lambda_s * 2^-23), s = floor(i / segment), where d_i = (w | 1) - 2^23 is
 * odd and w the upper 24 bits of word i of the generator (random.ts). Magnitudes of z and lambdas below 2^-102 count as
 * +0.
 *
 * packDithered(z, lambdas, bits, scratch, from, n, segment, seed, step, stream): z of n words, lambdas of
 *   ceil(n / segment), finite and not negative, bits of ceil(n / 32); n >= 1, segment >= 1. Of the elements from..n - 1
 *   alone, `from` a multiple of segment and of DITHER_SCRATCH, to which z, lambdas and bits then point.
 *   Scratch: DITHER_SCRATCH words.
 *
 * Passes: one read of z, one write of bits. Words that lie in one segment are made 32 bits at a time, others bit by
 * bit.
 * Edges: the last word is filled up with zeros; nothing past it is written, nor read past the last word of z.
 */
import { MAGNITUDE } from './float-bits';
import { drawWords } from './random';

/** The key below which a magnitude of z, or a lambda, counts as +0: 2^-102. */
export const TINY: u32 = 0x0c800000;

/** Elements whose words are drawn at a time. */
export const DITHER_SCRATCH: u32 = 1024;

export function ditherScratch(): u32 {
  return DITHER_SCRATCH;
}

export function packDithered(
  z: usize,
  lambdas: usize,
  bits: usize,
  scratch: usize,
  from: u32,
  n: u32,
  segment: u32,
  seed: u32,
  step: u32,
  stream: u32,
): void {
  let left = segment;
  let scale = scaleOf(lambdas);
  let word: u32 = 0;
  for (let first = from; first < n; first += DITHER_SCRATCH) {
    const count = min(n - first, DITHER_SCRATCH);
    drawWords(scratch, first, count, seed, step, stream);
    for (let i: u32 = 0; i < count;) {
      if (left == 0) {
        lambdas += 4;
        scale = scaleOf(lambdas);
        left = segment;
      }
      let run = min(count - i, left);
      if (ASC_FEATURE_SIMD) {
        if ((i & 31) == 0 && run >= 32) {
          run &= ~31;
          wholeWords(z, scratch + ((<usize>i) << 2), bits, run, scale);
          z += (<usize>run) << 2;
          bits += run >> 3;
          i += run;
          left -= run;
          continue;
        }
      }
      run = min(run, 32 - (i & 31));
      left -= run;
      for (const end = i + run; i < end; i++, z += 4) {
        word |= (<u32>isBelow(load<u32>(z), load<u32>(scratch + ((<usize>i) << 2)), scale)) << (i & 31);
      }
      if ((i & 31) == 0 || i == count) {
        store<u32>(bits, word);
        bits += 4;
        word = 0;
      }
    }
  }
}

function scaleOf(lambda: usize): f32 {
  return load<u32>(lambda) < TINY ? 0 : load<f32>(lambda) * <f32>(1.0 / 8388608.0);
}

// @ts-ignore: decorator
@inline
function isBelow(z: u32, random: u32, scale: f32): bool {
  const odd = <i32>((random >> 8) | 1) - (1 << 23);
  return ((z & MAGNITUDE) < TINY ? 0 : reinterpret<f32>(z)) < <f32>odd * scale;
}

/** The bits of `count` elements of one segment, a multiple of 32, with the words drawn for them. */
function wholeWords(z: usize, drawn: usize, bits: usize, count: u32, scale: f32): void {
  const factor = f32x4.splat(scale);
  const end = bits + (count >> 3);
  do {
    store<u32>(bits, below16(z, drawn, factor) | (below16(z + 64, drawn + 64, factor) << 16));
    bits += 4;
    z += 128;
    drawn += 128;
  } while (bits < end);
}

// @ts-ignore: decorator
@inline
function below16(z: usize, drawn: usize, scale: v128): u32 {
  const low = i16x8.narrow_i32x4_s(below4(z, drawn, scale), below4(z + 16, drawn + 16, scale));
  const high = i16x8.narrow_i32x4_s(below4(z + 32, drawn + 32, scale), below4(z + 48, drawn + 48, scale));
  return i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

/** All ones in the lanes that are below. */
// @ts-ignore: decorator
@inline
function below4(z: usize, drawn: usize, scale: v128): v128 {
  const odd = i32x4.sub(v128.or(i32x4.shr_u(v128.load(drawn), 8), i32x4.splat(1)), i32x4.splat(1 << 23));
  const word = v128.load(z);
  const counts = i32x4.ge_s(v128.and(word, i32x4.splat(MAGNITUDE)), i32x4.splat(TINY));
  return f32x4.lt(v128.and(word, counts), f32x4.mul(f32x4.convert_i32x4_s(odd), scale));
}
