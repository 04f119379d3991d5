/** Flattened levels step by step from their definition: codes, sums and counts of one segment. */
import { bitsOf } from '../../ts/kernels/float-bits.ts';
import { sumOfTree } from './tree.ts';

/** Lloyd and Max's levels for a normal distribution, as they are printed: by bits, then in units of 1 / unit. */
const TABLES = [
  { unit: 1, levels: [1] },
  { unit: 64, levels: [29, 97] },
  { unit: 128, levels: [31, 97, 172, 275] },
  { unit: 256, levels: [33, 99, 168, 241, 322, 414, 530, 700] },
];

export function levels(bits: number): number[] {
  return TABLES[bits - 1].levels;
}

/** What codes stand for. */
export function valueOf(code: number, bits: number): number {
  const table = levels(bits);
  return code < table.length ? table[code] : -table[code - table.length];
}

/** Codes, sums and counts by level of one segment, whose root is `root`. */
export function levelled(
  z: Float32Array,
  root: number,
  bits: number,
): { codes: number[]; sums: number[]; counts: number[] } {
  const { unit, levels } = TABLES[bits - 1];
  const edges = levels.slice(1).map((level, l) => {
    const edge = (levels[l] + level) / (2 * unit);
    return bitsOf(Math.fround(Math.fround(edge) * root));
  });
  const own = Array.from(z, (value) => edges.filter((edge) => bitsOf(Math.abs(value)) >= edge).length);
  const magnitudes = Array.from(z, (value) => (Math.abs(value) < 2 ** -102 ? 0 : Math.abs(value)));
  return {
    codes: own.map((level, i) => level + (z[i] < 0 ? levels.length : 0)),
    sums: levels.map((_, l) => sumOfTree(magnitudes.map((magnitude, i) => (own[i] === l ? magnitude : 0)))),
    counts: levels.map((_, l) => own.filter((level) => level === l).length),
  };
}
