/**
 * Random bits from a counter: pcg4d (M. Jarzynski and M. Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020)
 * of three rounds, as ts/kernels/random.ts has it, all arithmetic modulo 2^32. Word i is component floor(i / 4) mod 4
 * of the hash of (floor(i / 16) * 4 + i mod 4, seed, step, stream): four lanes hold four counters, and no lane changes
 * place. Flip i, a random sign, is bit 31 - floor(i / 4) mod 32 of component i mod 4 of the hash whose counter is
 * 2^31 + floor(i / 128): four lanes hold one hash, and a shift moves four flips to their signs.
 *
 * randomBits(bits, n, seed, step, stream): bits of n words, n >= 1.
 * Scratch: none. Passes: one write. Edges: the last words, fewer than 32, are made one by one.
 *
 * Other kernels draw pieces of their words or flips into scratch, small enough to stay in the first level of a cache.
 */
import { is, Off, On } from './flag';
import { SIGN } from './float-bits';

const FACTOR: u32 = 1664525;
const SUMMAND: u32 = 1013904223;
const ROUNDS: i32 = 3;

/** Words that four counters make. */
const GROUP: u32 = 16;

/** Counters from here on draw flips. */
export const FLIP_COUNTER: u32 = 0x80000000;

/** Elements whose flips are drawn at a time: 64 hashes. */
export const FLIP_RUN: u32 = 8192;

/** Words of scratch that the flips of so many elements take. */
export const FLIP_SCRATCH: u32 = FLIP_RUN / 32;

export function randomBits(bits: usize, n: u32, seed: u32, step: u32, stream: u32): void {
  drawWords(bits, 0, n, seed, step, stream);
}

/** The `count` words from word `first` on, a multiple of 16. */
export function drawWords(bits: usize, first: u32, count: u32, seed: u32, step: u32, stream: u32): void {
  const y = spread(seed);
  const z = spread(step);
  const w = spread(stream);
  let counter = first >> 2;
  let i: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    // The first two sums of a hash grow by the same from counter to counter: they are carried along.
    const x0 = spread(counter) + y * w;
    const lanes = i32x4(0, FACTOR, 2 * FACTOR, 3 * FACTOR);
    let x4 = i32x4.add(i32x4.splat(x0), lanes);
    let y4 = i32x4.add(i32x4.splat(y + z * x0), i32x4.mul(i32x4.splat(z), lanes));
    if (count >= 2 * GROUP) {
      do {
        const nextX = i32x4.add(x4, i32x4.splat(4 * FACTOR));
        const nextY = i32x4.add(y4, i32x4.splat(4 * FACTOR * z));
        eight<Off>(bits + ((<usize>i) << 2), x4, y4, nextX, nextY, i32x4.splat(z), i32x4.splat(w));
        x4 = i32x4.add(nextX, i32x4.splat(4 * FACTOR));
        y4 = i32x4.add(nextY, i32x4.splat(4 * FACTOR * z));
        i += 2 * GROUP;
        counter += 8;
      } while (count - i >= 2 * GROUP);
    }
  }
  // Four counters make words 0 to 3 of a group, and those 4, 8 and 12 behind each.
  for (; i < count; counter++) {
    one(bits + ((<usize>i) << 2), 16, (count - i + 3) >> 2, counter, y, z, w);
    i += (i & 3) == 3 ? GROUP - 3 : 1;
  }
}

/** The hashes that hold the flips of `count` elements from `first` on, a multiple of FLIP_RUN: count <= FLIP_RUN. */
export function drawFlips(flips: usize, first: u32, count: u32, seed: u32, step: u32, stream: u32): void {
  const y = spread(seed);
  const z = spread(step);
  const w = spread(stream);
  let counter = FLIP_COUNTER + (first >> 7);
  if (ASC_FEATURE_SIMD) {
    // eight hashes at a time, the last ones for nobody: a run has room for them
    const x0 = spread(counter) + y * w;
    const lanes = i32x4(0, FACTOR, 2 * FACTOR, 3 * FACTOR);
    let x4 = i32x4.add(i32x4.splat(x0), lanes);
    let y4 = i32x4.add(i32x4.splat(y + z * x0), i32x4.mul(i32x4.splat(z), lanes));
    const end = flips + (((count + 127) >> 7) << 4);
    do {
      const nextX = i32x4.add(x4, i32x4.splat(4 * FACTOR));
      const nextY = i32x4.add(y4, i32x4.splat(4 * FACTOR * z));
      eight<On>(flips, x4, y4, nextX, nextY, i32x4.splat(z), i32x4.splat(w));
      x4 = i32x4.add(nextX, i32x4.splat(4 * FACTOR));
      y4 = i32x4.add(nextY, i32x4.splat(4 * FACTOR * z));
      flips += 128;
    } while (flips < end);
    return;
  }
  for (const end = flips + (((count + 127) >> 7) << 4); flips < end; flips += 16, counter++) {
    one(flips, 4, 4, counter, y, z, w);
  }
}

/** The flip of element i, whose run was drawn: SIGN or 0. */
// @ts-ignore: decorator
@inline
export function flip(flips: usize, i: u32): u32 {
  return (load<u32>(hashOf(flips, i) + ((i & 3) << 2)) << (i >> 2)) & SIGN;
}

/** The flips of the 32 elements from i on, a multiple of 32: shifted left by k, those of 4 k..4 k + 3 are the signs. */
// @ts-ignore: decorator
@inline
export function flips32(flips: usize, i: u32): v128 {
  return i32x4.shl(v128.load(hashOf(flips, i)), i >> 2);
}

// @ts-ignore: decorator
@inline
function hashOf(flips: usize, i: u32): usize {
  return flips + ((i & (FLIP_RUN - 128)) >> 3);
}

// @ts-ignore: decorator
@inline
function spread(v: u32): u32 {
  return v * FACTOR + SUMMAND;
}

/** The hash of one counter: its first `components` ones, up to four, each `stride` bytes behind the one before. */
function one(to: usize, stride: usize, components: u32, counter: u32, y: u32, z: u32, w: u32): void {
  let x = spread(counter);
  for (let round = 0; round < ROUNDS; round++) {
    x += y * w;
    y += z * x;
    z += x * y;
    w += y * z;
    x ^= x >> 16;
    y ^= y >> 16;
    z ^= z >> 16;
    w ^= w >> 16;
  }
  store<u32>(to, x);
  if (components > 1) store<u32>(to + stride, y);
  if (components > 2) store<u32>(to + 2 * stride, z);
  if (components > 3) store<u32>(to + 3 * stride, w);
}

/**
 * The hashes of twice four counters, 32 words: x and y of each after the first two sums of the first of the ROUNDS
 * rounds. Two by two, since each sum waits long for the product before it. Stored component by component of four
 * counters, or, where they are to be Apart, hash by hash.
 */
// @ts-ignore: decorator
@inline
function eight<Apart>(to: usize, x0: v128, y0: v128, x1: v128, y1: v128, z: v128, w: v128): void {
  let z0 = plus(z, x0, y0);
  let z1 = plus(z, x1, y1);
  let w0 = plus(w, y0, z0);
  let w1 = plus(w, y1, z1);
  x0 = folded(x0);
  x1 = folded(x1);
  y0 = folded(y0);
  y1 = folded(y1);
  z0 = folded(z0);
  z1 = folded(z1);
  w0 = folded(w0);
  w1 = folded(w1);
  x0 = plus(x0, y0, w0);
  x1 = plus(x1, y1, w1);
  y0 = plus(y0, z0, x0);
  y1 = plus(y1, z1, x1);
  z0 = plus(z0, x0, y0);
  z1 = plus(z1, x1, y1);
  w0 = plus(w0, y0, z0);
  w1 = plus(w1, y1, z1);
  x0 = folded(x0);
  x1 = folded(x1);
  y0 = folded(y0);
  y1 = folded(y1);
  z0 = folded(z0);
  z1 = folded(z1);
  w0 = folded(w0);
  w1 = folded(w1);
  x0 = plus(x0, y0, w0);
  x1 = plus(x1, y1, w1);
  y0 = plus(y0, z0, x0);
  y1 = plus(y1, z1, x1);
  z0 = plus(z0, x0, y0);
  z1 = plus(z1, x1, y1);
  w0 = plus(w0, y0, z0);
  w1 = plus(w1, y1, z1);
  storeFour<Apart>(to, folded(x0), folded(y0), folded(z0), folded(w0));
  storeFour<Apart>(to + 64, folded(x1), folded(y1), folded(z1), folded(w1));
}

/** The components of four hashes. */
// @ts-ignore: decorator
@inline
function storeFour<Apart>(to: usize, x: v128, y: v128, z: v128, w: v128): void {
  if (is<Apart, On>()) {
    const xz0 = v128.shuffle<u32>(x, z, 0, 4, 1, 5);
    const xz1 = v128.shuffle<u32>(x, z, 2, 6, 3, 7);
    const yw0 = v128.shuffle<u32>(y, w, 0, 4, 1, 5);
    const yw1 = v128.shuffle<u32>(y, w, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<u32>(xz0, yw0, 0, 4, 1, 5));
    v128.store(to, v128.shuffle<u32>(xz0, yw0, 2, 6, 3, 7), 16);
    v128.store(to, v128.shuffle<u32>(xz1, yw1, 0, 4, 1, 5), 32);
    v128.store(to, v128.shuffle<u32>(xz1, yw1, 2, 6, 3, 7), 48);
  } else {
    v128.store(to, x);
    v128.store(to, y, 16);
    v128.store(to, z, 32);
    v128.store(to, w, 48);
  }
}

/** a + b * c. */
// @ts-ignore: decorator
@inline
function plus(a: v128, b: v128, c: v128): v128 {
  return i32x4.add(a, i32x4.mul(b, c));
}

/** a ^ (a >> 16). */
// @ts-ignore: decorator
@inline
function folded(a: v128): v128 {
  return v128.xor(a, i32x4.shr_u(a, 16));
}
