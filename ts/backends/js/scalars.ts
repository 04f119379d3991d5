/**
 * In plain TypeScript: the grid of a quantiser from the range or the norm of a vector, and the width of each block's
 * dither from its sum of squares (definitions: ts/kernels/scalars.ts). Quotients and roots are float64, rounded once.
 */
import type { Implementations } from '../../kernels/catalogue.ts';
import { bitsOf, floatOfSignedKey, INFINITE } from '../../kernels/float-bits.ts';
import { SIGNED, TINY } from '../../kernels/scalars.ts';
import { scaled } from '../../kernels/scaling.ts';
import type { Memory } from './memory.ts';

type Kernels = Implementations<Memory>;

function writeGrid(
  grid: Memory,
  origin: number,
  scale: number,
  limit: number,
  offset: number,
  top: number,
): void {
  grid.floats.set([origin, scale]);
  grid.words.set([limit, offset, top], 2);
}

/** How many levels a unit has, 0 where their span is too small to say. */
function quotient(levels: number, span: number): number {
  return bitsOf(Math.max(span, 0)) < TINY ? 0 : levels / span;
}

/** The float32 of a signed key, times a power of two. */
function scaledKey(key: number, power: number): number {
  return scaled(bitsOf(floatOfSignedKey(key | 0)), power);
}

export const maskGrid: Kernels['maskGrid'] = ({ kept, range, grid }, { bits, signed, power }) => {
  const isSigned = signed === SIGNED.yes || (signed === SIGNED.found && (range.words[0] | 0) < 0);
  const levels = isSigned ? 2 ** (bits - 1) : 2 ** bits - 1;
  const t = Math.max(scaledKey(kept.words[0], power), 0);
  writeGrid(grid, 0, quotient(levels, t), levels - 1, isSigned ? levels - 1 : 0, bitsOf(t));
};

export const uniformGrid: Kernels['uniformGrid'] = ({ range, grid }, { bits, power }) => {
  const low = scaledKey(range.words[0], power);
  const width = Math.fround(scaledKey(range.words[1], power) - low);
  const most = 2 ** bits - 1;
  writeGrid(grid, low, quotient(most, width), most, 0, INFINITE - 1);
};

export const levelGrid: Kernels['levelGrid'] = ({ sums, max, grid }, { levels, fraction, power }) => {
  const norm = Math.max(Math.fround(Math.sqrt(sums.floats[0])), scaled(max.words[0], power));
  writeGrid(grid, 0, quotient(levels * 2 ** fraction, norm), levels, levels, INFINITE - 1);
};

export const lambdas: Kernels['lambdas'] = ({ sums, lambdas }, { count, factor }) => {
  for (let s = 0; s < count; s++) {
    const lambda = Math.fround(factor * Math.fround(Math.sqrt(sums.floats[s])));
    lambdas.words[s] = bitsOf(lambda) < TINY ? 0 : bitsOf(lambda);
  }
};
