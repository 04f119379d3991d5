/** Quantisation in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { floatOf, MAGNITUDE } from '../../kernels/float-bits.ts';
import { ROUNDINGS } from '../../kernels/quantize.ts';
import { scaled } from '../../kernels/scaling.ts';
import { flushed } from './accumulate.ts';
import type { Memory } from './memory.ts';
import { get, put } from './pack.ts';
import { draws } from './random.ts';

type Kernels = Implementations<Memory>;

const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/** p >= 0 to the nearest whole number, half to even, or down. */
function whole(p: number, rounding: number): number {
  return rounding === ROUNDINGS.floor ? Math.floor(p) : p + 2 ** 52 - 2 ** 52;
}

export const quantize: Kernels['quantize'] = (
  { x, grid, packed },
  { n, width, rounding, power, fraction, ...key },
) => {
  const [origin, scale] = grid.floats;
  const [, , limit, offset, top] = grid.words;
  packed.words.fill(0, 0, Math.ceil((n * width) / 32));
  const quantized = (i: number, random: number): void => {
    real[0] = scaled(x.words[i], power) - origin;
    const negative = real[0] < 0;
    const p = Math.fround(floatOf(Math.min(word[0] & MAGNITUDE, top)) * scale);
    const fine = whole(p, rounding);
    const rest = fine & (2 ** fraction - 1);
    const up = fraction > 0 && random >>> (32 - fraction) < rest ? 1 : 0;
    const m = Math.min((fine >>> fraction) + up, limit);
    put(packed.words, i, width, offset + (negative ? -Math.min(m, offset) : m));
  };
  if (fraction > 0) draws(n, key, quantized);
  else for (let i = 0; i < n; i++) quantized(i, 0);
};

export const lookup: Kernels['lookup'] = ({ packed, table, y }, { n, width }) => {
  for (let i = 0; i < n; i++) y.words[i] = table.words[get(packed.words, i, width)];
};

export const addLookup: Kernels['addLookup'] = ({ packed, table, y }, { n, width }) => {
  for (let i = 0; i < n; i++)
    y.floats[i] = flushed(y.words[i]) + flushed(table.words[get(packed.words, i, width)]);
};

export const mark: Kernels['mark'] = ({ indices, packed }, { count, width }) => {
  for (let j = 0; j < count; j++) put(packed.words, indices.words[j], width, 2 ** width - 1);
};

export const findMarked: Kernels['findMarked'] = ({ packed, bits }, { n, width }) => {
  bits.words.fill(0, 0, Math.ceil(n / 32));
  for (let i = 0; i < n; i++)
    if (get(packed.words, i, width) === 2 ** width - 1) bits.words[i >>> 5] |= 1 << (i & 31);
};
