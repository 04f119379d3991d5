/**
 * Scalars between passes: the grids of quantize.ts, and how wide a dither is. float32 division and square root are
 * rounded correctly here, and so equal float64 rounded once.
 *
 * grid = [origin, scale, limit, offset, top], five words; `power` is the power of two by which quantize scales x.
 *
 * maskGrid(kept, range, grid, bits, signed, power): kept and range of two keys each, least and greatest. With T = the
 *   value of key kept[0], times power, but at least 0, and L = 2^bits - 1, or 2^(bits - 1) where signed:
 *   [0, L / T, L - 1, signed ? L - 1 : 0, T], scale 0 where T is below 2^-102.
 *   signed: 0 = no, 1 = yes, 2 = where the key range[0] is negative.
 * uniformGrid(range, grid, bits, power): with the values low and high of the two keys, times power,
 *   [low, (2^bits - 1) / (high - low), 2^bits - 1, 0, the largest finite key], scale 0 where high - low is below
 *   2^-102.
 * levelGrid(sums, max, grid, levels, fraction, power): with norm = the larger of the root of sums[0] and max[0] *
 *   power, [0, levels * 2^fraction / norm, levels, levels, the largest finite key], scale 0 where norm is below 2^-102.
 * lambdas(sums, lambdas, count, factor): factor * the root of each sum, +0 where that is below 2^-102; count >= 1.
 *
 * Scratch: none. Passes: one over the sums.
 */
import { INFINITE, SIGN } from './float-bits';
import { scaled } from './scaling';

/** The key below which a lambda counts as +0, and what is divided by as 0: 2^-102. */
export const TINY: u32 = 0x0c800000;

/** Symbols carry a sign; they do where an element is below zero. */
const SIGNED: u32 = 1;
const FOUND: u32 = 2;

export function maskGrid(kept: usize, range: usize, grid: usize, bits: u32, signed: u32, power: f32): void {
  const isSigned = signed == SIGNED || (signed == FOUND && load<i32>(range) < 0);
  const levels: u32 = isSigned ? 1 << (bits - 1) : (1 << bits) - 1;
  const t = max<f32>(scaledKey(load<i32>(kept), power), 0);
  writeGrid(grid, 0, quotient(levels, t), levels - 1, isSigned ? levels - 1 : 0, reinterpret<u32>(t));
}

export function uniformGrid(range: usize, grid: usize, bits: u32, power: f32): void {
  const low = scaledKey(load<i32>(range), power);
  const width = scaledKey(load<i32>(range, 4), power) - low;
  const most: u32 = (1 << bits) - 1;
  writeGrid(grid, low, quotient(most, width), most, 0, INFINITE - 1);
}

export function levelGrid(
  sums: usize,
  max: usize,
  grid: usize,
  levels: u32,
  fraction: u32,
  power: f32,
): void {
  const norm = larger(sqrt<f32>(load<f32>(sums)), scaled(load<u32>(max), power));
  writeGrid(grid, 0, quotient(levels << fraction, norm), levels, levels, INFINITE - 1);
}

/** The larger of two, where `max` is a pointer. */
// @ts-ignore: decorator
@inline
function larger(a: f32, b: f32): f32 {
  return max(a, b);
}

export function lambdas(sums: usize, lambdas: usize, count: u32, factor: f32): void {
  for (const end = sums + ((<usize>count) << 2); sums < end; sums += 4, lambdas += 4) {
    const lambda = reinterpret<u32>(factor * sqrt<f32>(load<f32>(sums)));
    store<u32>(lambdas, lambda < TINY ? 0 : lambda);
  }
}

/** How many levels a unit has, 0 where their span is below 2^-102. */
function quotient(levels: u32, span: f32): f32 {
  return span >= reinterpret<f32>(TINY) ? <f32>levels / span : 0;
}

/** The float32 of a signed key, times a power of two. */
function scaledKey(key: i32, power: f32): f32 {
  return scaled(key < 0 ? (<u32>-key) ^ SIGN : <u32>key, power);
}

function writeGrid(grid: usize, origin: f32, scale: f32, limit: u32, offset: u32, top: u32): void {
  store<f32>(grid, origin);
  store<f32>(grid, scale, 4);
  store<u32>(grid, limit, 8);
  store<u32>(grid, offset, 12);
  store<u32>(grid, top, 16);
}
