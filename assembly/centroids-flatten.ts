/**
 * Flattened levels (ts/kernels/centroids.ts): a vector is flattened block by block, and what that leaves becomes codes
 * (centroids.ts) while it is in a cache.
 *
 * flattenLevels(x, codes, squares, sums, counts, max, scratch, from, n, total, block, bits, seed, step, stream, scale):
 *   z = H D (x * scale) by blocks of up to 2^14 elements, squares of each block of x, and packLevels of z; max[0] = the
 *   largest key of x. Of the elements from..total - 1 alone, `from` a multiple of block and of FLIP_RUN; x, codes,
 *   squares, sums and counts point to what is of element `from`. flattenLevelsPart: the same, where max[0] is raised.
 *   Scratch: flattenLevelsScratch(block) words.
 *
 * Passes over the data: x is read twice, the second time from a cache, codes are written once.
 */
import { packLevels, packLevelsScratch } from './centroids';
import { flatten } from './fwht';
import { FLIP_RUN, FLIP_SCRATCH } from './random';
import { squareSum } from './reduce';
import { lambdas } from './scalars';

/** Elements that are flattened at a time: whole blocks, under one run of flips where they are shorter. */
function pieceOf(block: u32): u32 {
  return max(block, FLIP_RUN);
}

export function flattenLevelsScratch(block: u32): u32 {
  const piece = pieceOf(block);
  return FLIP_SCRATCH + packLevelsScratch(block) + piece + 2 * (piece / block);
}

export function flattenLevels(
  x: usize,
  codes: usize,
  squares: usize,
  sums: usize,
  counts: usize,
  max: usize,
  scratch: usize,
  from: u32,
  n: u32,
  total: u32,
  block: u32,
  bits: u32,
  seed: u32,
  step: u32,
  stream: u32,
  scale: f32,
): void {
  store<u32>(max, 0);
  flattenLevelsPart(
    x,
    codes,
    squares,
    sums,
    counts,
    max,
    scratch,
    from,
    n,
    total,
    block,
    bits,
    seed,
    step,
    stream,
    scale,
  );
}

export function flattenLevelsPart(
  x: usize,
  codes: usize,
  squares: usize,
  sums: usize,
  counts: usize,
  max: usize,
  scratch: usize,
  from: u32,
  n: u32,
  total: u32,
  block: u32,
  bits: u32,
  seed: u32,
  step: u32,
  stream: u32,
  scale: f32,
): void {
  const piece = pieceOf(block);
  const inner = scratch + (FLIP_SCRATCH << 2);
  const z = inner + ((<usize>packLevelsScratch(block)) << 2);
  const roots = z + ((<usize>piece) << 2);
  const keys = roots + ((<usize>(piece / block)) << 2);
  const levels: u32 = 1 << (bits - 1);
  for (; from < total; from += piece) {
    const end = min(total - from, piece) + from;
    const left = min(n, end) - from;
    const blocks = (end - from) / block;
    // to flatten, x and z are where element 0 would lie, modulo 2^32
    const before = (<usize>from) << 2;
    const tiny = tinyFor(-102, scale);
    flatten(x - before, z - before, scratch, from, from + left, end, block, seed, step, stream, tiny, scale);
    squareSum(x, squares, keys, inner, left, block, tinyFor(-51, scale), scale);
    for (let s: u32 = 0; s < blocks; s++) {
      const key = load<u32>(keys + ((<usize>s) << 2));
      if (key > load<u32>(max)) store<u32>(max, key);
    }
    lambdas(squares, roots, blocks, 1);
    packLevels(z, roots, codes, sums, counts, inner, end - from, block, bits);
    x += (<usize>piece) << 2;
    codes += ((<usize>piece) >> 3) * bits;
    squares += (<usize>blocks) << 2;
    sums += (<usize>(blocks * levels)) << 2;
    counts += (<usize>(blocks * levels)) << 2;
  }
}

/** The key below which a magnitude, times scale, lies below 2^least; that of a normal number, at least. */
function tinyFor(least: i32, scale: f32): u32 {
  const exponent = <i32>(reinterpret<u32>(scale) >> 23) - 127;
  return (<u32>(max(least - exponent, -126) + 127)) << 23;
}
