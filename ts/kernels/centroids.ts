/**
 * Flattened levels: each element of z = H D x by blocks (fwht.ts) as its sign and one of 2^(bits - 1) levels, and what
 * its block needs beside them for a scale. EDEN (S. Vargaftik et al., arXiv 2108.08842) over the flattening of FO-SGD
 * (arXiv 2405.11095); with one level it is DRIVE (arXiv 2105.08339).
 *
 * z is close to normal with the standard deviation |x|_2, so levels and the edges between them are those that S. Lloyd
 * and J. Max found to be the best for a normal distribution, as whole numbers: the transform of a decoder then has
 * whole numbers alone.
 *
 * Here: what all backends give, and the kernels that flatten first, or decode, as those that do it one after the other.
 * How: ts/backends/js/centroids.ts, assembly/centroids.ts and its -flatten and -decode, wgsl/centroids.wgsl,
 * wgsl/centroids-flatten.wgsl and wgsl/centroids-decode.wgsl.
 */
import { accumulateKernel } from './accumulate.ts';
import { flatteningOf } from './flatten.ts';
import { fwhtKernel, unflattenKernel } from './fwht.ts';
import { type Kernel, partOf, type Parts } from './kernel.ts';
import { lookupKernel } from './quantize.ts';
import { lambdasKernel } from './scalars.ts';

/** Levels by their bits, in units of |x|_2 / UNITS: Lloyd and Max's, rounded. The error is the same to three digits. */
const LEVELS: Readonly<Record<number, readonly number[]>> = {
  1: [1],
  2: [29, 97],
  3: [31, 97, 172, 275],
  4: [33, 99, 168, 241, 322, 414, 530, 700],
};
const UNITS: Readonly<Record<number, number>> = { 1: 1, 2: 64, 3: 128, 4: 256 };

/** The bits of the longest code. */
export const MOST_BITS = 4;

/** The levels of codes of `bits` bits, 1 to 4, ascending. */
export function levelsOf(bits: number): readonly number[] {
  return LEVELS[bits];
}

/** The edges between them, in units of |x|_2: half-way between two levels, and exact. */
export function edgesOf(bits: number): readonly number[] {
  const levels = LEVELS[bits];
  return levels.slice(1).map((level, l) => (levels[l] + level) / (2 * UNITS[bits]));
}

/**
 * A code of `bits` bits for each element of z, by segments that have a root each: level + 2^(bits - 1) where z_i < 0,
 * 0 for -0. Its level is how many of the edges, each times the root and rounded, have a key that is not above that of
 * z_i. sums has a word a level of each segment in turn: the tree (reduce.ts) over |z_i| of that level, where the others
 * are +0, as are magnitudes below 2^-102; counts as many: how many elements are of that level. n >= 1 is a multiple of
 * segment, a power of two; roots are finite, +0 or at least 2^-51; 1 <= bits <= 4. codes has ceil(n bits / 32) words,
 * sums and counts 2^(bits - 1) n / segment.
 */
export const packLevelsKernel: Kernel<'z' | 'roots' | 'codes' | 'sums' | 'counts', 'n' | 'segment' | 'bits'> =
  {
    name: 'packLevels',
    buffers: ['z', 'roots', 'codes', 'sums', 'counts'],
    params: ['n', 'segment', 'bits'],
  };

/**
 * packLevels of z = H D (x * scale) by blocks of `block` elements, a power of two, of x padded with zeros to `total`, a
 * multiple of block. squares[s] = the sum of the squares of block s of x, whose root it takes; max[0] = the largest key
 * of x. `scale` is a power of two; magnitudes below 2^-102 count as +0, in squares those below 2^-51, both after
 * scaling and as tinyFor holds them. 1 <= n <= total.
 */
export const flattenLevelsKernel: Kernel<
  'x' | 'codes' | 'squares' | 'sums' | 'counts' | 'max',
  'n' | 'total' | 'block' | 'bits' | 'seed' | 'step' | 'stream' | 'scale'
> = {
  name: 'flattenLevels',
  buffers: ['x', 'codes', 'squares', 'sums', 'counts', 'max'],
  params: ['n', 'total', 'block', 'bits', 'seed', 'step', 'stream', 'scale'],
  parts: partsOf,
};

export interface Numbers {
  readonly n: number;
  readonly total: number;
  readonly block: number;
  readonly bits: number;
  readonly seed: number;
  readonly step: number;
  readonly stream: number;
  readonly scale: number;
}

export function partsOf({ bits, ...numbers }: Numbers): Parts {
  const { total, block } = numbers;
  const blocks = total / block;
  const { flat, squaresTo, largestOf } = flatteningOf(numbers);
  return {
    scratch: { z: total, keys: blocks, roots: blocks, unused: 1 },
    runs: [
      flat,
      squaresTo('squares'),
      partOf(lambdasKernel, { sums: 'squares', lambdas: 'roots' }, { count: blocks, factor: 1 }),
      partOf(
        packLevelsKernel,
        { z: 'z', roots: 'roots', codes: 'codes', sums: 'sums', counts: 'counts' },
        { n: total, segment: block, bits },
      ),
      largestOf(blocks),
    ],
  };
}

/**
 * The vector of flattened levels, written or added: v = D H q by blocks of `block` elements, a power of two,
 * q_i = table[code_i]; each element times the scale of its block, as unflatten has it. add = 0: y_i = v_i. add = 1:
 * y_i = y_i + factor * v_i, as accumulate has it; `factor` is a float32, 0 or normal, and is read only here. The table
 * has 2^bits whole numbers as float32, up to 1024, +0 for none; scales are +0 or normal and positive. 1 <= bits <= 4;
 * 1 <= n <= total, a multiple of block; y has n words, scales total / block, codes ceil(total bits / 32).
 */
export const unflattenLevelsKernel: Kernel<
  'codes' | 'table' | 'scales' | 'y',
  'n' | 'total' | 'block' | 'bits' | 'seed' | 'step' | 'stream' | 'add' | 'factor'
> = {
  name: 'unflattenLevels',
  buffers: ['codes', 'table', 'scales', 'y'],
  params: ['n', 'total', 'block', 'bits', 'seed', 'step', 'stream', 'add', 'factor'],
  parts: unflattenPartsOf,
};

export interface UnflattenNumbers {
  readonly n: number;
  readonly total: number;
  readonly block: number;
  readonly bits: number;
  readonly seed: number;
  readonly step: number;
  readonly stream: number;
  readonly add: number;
  readonly factor: number;
}

export function unflattenPartsOf({ n, total, block, bits, add, factor, ...key }: UnflattenNumbers): Parts {
  // q is no longer needed where v is: what is added lies in its place
  const v = add === 0 ? 'y' : 'q';
  const written = [
    partOf(lookupKernel, { packed: 'codes', table: 'table', y: 'q' }, { n: total, width: bits }),
    // whole numbers up to 1024 block, so the sums are exact up to a block of 2^14
    partOf(fwhtKernel, { x: 'q', y: 't' }, { n: total, total, block }),
    partOf(unflattenKernel, { t: 't', scales: 'scales', y: v }, { n, segment: block, ...key }),
  ];
  const added = partOf(accumulateKernel, { x: v, y: 'y' }, { n, scale: factor });
  return { scratch: { q: total, t: total }, runs: add === 0 ? written : [...written, added] };
}

/** What codes of `bits` bits stand for, as float32: the table of unflattenLevels. */
export function tableOf(bits: number): Float32Array {
  const levels = levelsOf(bits);
  return Float32Array.from([...levels, ...levels.map((level) => -level)]);
}
