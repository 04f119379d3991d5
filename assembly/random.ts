/**
 * Random bits from a counter: pcg4d (M. Jarzynski and M. Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020)
 * of three rounds, as ts/kernels/random.ts has it, all arithmetic modulo 2^32. Word i is component floor(i / 4) mod 4 of the hash of
 * (floor(i / 16) * 4 + i mod 4, seed, step, stream): four lanes hold four counters, and no lane changes place.
 *
 * randomBits(bits, n, seed, step, stream): bits of n words, n >= 1.
 * Scratch: none. Passes: one write. Edges: the last words, fewer than 16, are made one by one.
 */
const FACTOR: u32 = 1664525;
const SUMMAND: u32 = 1013904223;
const ROUNDS: i32 = 3;

/** Words that four counters make. */
const GROUP: u32 = 16;

export function randomBits(bits: usize, n: u32, seed: u32, step: u32, stream: u32): void {
  const y = seed * FACTOR + SUMMAND;
  const z = step * FACTOR + SUMMAND;
  const w = stream * FACTOR + SUMMAND;
  const whole = n & ~(GROUP - 1);
  const end = bits + ((<usize>whole) << 2);
  if (ASC_FEATURE_SIMD) {
    let counter = i32x4(0, 1, 2, 3);
    for (; bits < end; bits += GROUP << 2) {
      four(bits, counter, i32x4.splat(y), i32x4.splat(z), i32x4.splat(w));
      counter = i32x4.add(counter, i32x4.splat(4));
    }
  } else {
    for (let counter: u32 = 0; bits < end; bits += GROUP << 2) {
      for (let lane: usize = 0; lane < 16; lane += 4, counter++) one(bits + lane, 4, counter, y, z, w);
    }
  }
  for (let lane: u32 = 0; lane < 4; lane++) {
    if (whole + lane >= n) return;
    one(bits + (lane << 2), (n - whole - lane + 3) >> 2, (whole >> 2) + lane, y, z, w);
  }
}

/** The hash of one counter: its first `components` ones, each 16 bytes behind the one before. */
function one(bits: usize, components: u32, counter: u32, y: u32, z: u32, w: u32): void {
  let x = counter * FACTOR + SUMMAND;
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
  store<u32>(bits, x);
  if (components > 1) store<u32>(bits, y, 16);
  if (components > 2) store<u32>(bits, z, 32);
  if (components > 3) store<u32>(bits, w, 48);
}

/** The hashes of four counters, 16 words; the ROUNDS rounds stand one by one. */
// @ts-ignore: decorator
@inline
function four(bits: usize, counter: v128, y: v128, z: v128, w: v128): void {
  let x = i32x4.add(i32x4.mul(counter, i32x4.splat(FACTOR)), i32x4.splat(SUMMAND));
  x = i32x4.add(x, i32x4.mul(y, w));
  y = i32x4.add(y, i32x4.mul(z, x));
  z = i32x4.add(z, i32x4.mul(x, y));
  w = i32x4.add(w, i32x4.mul(y, z));
  x = v128.xor(x, i32x4.shr_u(x, 16));
  y = v128.xor(y, i32x4.shr_u(y, 16));
  z = v128.xor(z, i32x4.shr_u(z, 16));
  w = v128.xor(w, i32x4.shr_u(w, 16));
  x = i32x4.add(x, i32x4.mul(y, w));
  y = i32x4.add(y, i32x4.mul(z, x));
  z = i32x4.add(z, i32x4.mul(x, y));
  w = i32x4.add(w, i32x4.mul(y, z));
  x = v128.xor(x, i32x4.shr_u(x, 16));
  y = v128.xor(y, i32x4.shr_u(y, 16));
  z = v128.xor(z, i32x4.shr_u(z, 16));
  w = v128.xor(w, i32x4.shr_u(w, 16));
  x = i32x4.add(x, i32x4.mul(y, w));
  y = i32x4.add(y, i32x4.mul(z, x));
  z = i32x4.add(z, i32x4.mul(x, y));
  w = i32x4.add(w, i32x4.mul(y, z));
  x = v128.xor(x, i32x4.shr_u(x, 16));
  y = v128.xor(y, i32x4.shr_u(y, 16));
  z = v128.xor(z, i32x4.shr_u(z, 16));
  w = v128.xor(w, i32x4.shr_u(w, 16));
  v128.store(bits, x);
  v128.store(bits, y, 16);
  v128.store(bits, z, 32);
  v128.store(bits, w, 48);
}
