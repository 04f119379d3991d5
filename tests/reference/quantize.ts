/** Quantisation of one element in big integers (definition: ts/kernels/quantize.ts). */
import { floatWith, halfToEven, nearest, units } from './exact.ts';
import { scaled } from './scaling.ts';

export interface Grid {
  readonly origin: number;
  readonly scale: number;
  readonly limit: number;
  readonly offset: number;
  /** The key of a magnitude. */
  readonly top: number;
}

export interface Rounded {
  readonly rounding: 'nearest' | 'floor';
  readonly power: number;
  readonly fraction: number;
}

/** A grid as its five words, and back. */
export function wordsOfGrid({ origin, scale, limit, offset, top }: Grid): Uint32Array {
  const words = new Uint32Array([0, 0, limit, offset, top]);
  new Float32Array(words.buffer).set([origin, scale]);
  return words;
}

export function gridOf(words: Uint32Array): Grid {
  const [origin, scale] = new Float32Array(words.slice().buffer);
  const [, , limit, offset, top] = words;
  return { origin, scale, limit, offset, top };
}

/** x' - origin in float32. */
export function distance(x: number, { origin }: Grid, power: number): number {
  return nearest(units(scaled(x, power)) - units(origin), -149);
}

/** P: |x' - origin|, at most `top`, times scale, as a whole number. */
export function whole(x: number, grid: Grid, { rounding, power }: Rounded): number {
  const size = Math.min(Math.abs(distance(x, grid, power)), floatWith(grid.top));
  const p = units(nearest(units(size) * units(grid.scale), -298));
  return Number(rounding === 'floor' ? p >> 149n : halfToEven(p, 149));
}

/** The code of x; `word` is its random word. */
export function codeOf(x: number, grid: Grid, rounded: Rounded, word: number): number {
  const { limit, offset } = grid;
  const P = whole(x, grid, rounded);
  const parts = 2 ** rounded.fraction;
  const up = Math.floor((word / 2 ** 32) * parts) < P % parts;
  const m = Math.min(Math.floor(P / parts) + Number(up), limit);
  return distance(x, grid, rounded.power) < 0 ? offset - Math.min(m, offset) : offset + m;
}
