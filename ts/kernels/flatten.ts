/**
 * Flattened signs: one bit an element of z = H D x by blocks (fwht.ts), and what stands for each block beside them.
 * What flattened one-bit SGD (arXiv 2405.11095) and DRIVE (arXiv 2105.08339) make of a vector, as one kernel, and what
 * they make of the bits, as another: a GPU does all of it for blocks of up to a tile in one pass, where z never leaves
 * workgroup memory.
 *
 * Here: what all backends give, as the kernels that do it one after the other. How it is done at once:
 * assembly/flatten.ts, wgsl/flatten.wgsl and wgsl/flatten-decode.wgsl.
 */
import { accumulateKernel } from './accumulate.ts';
import { packDitheredKernel, TINY } from './dither.ts';
import { flattenKernel, fwhtKernel, unflattenKernel } from './fwht.ts';
import { type Kernel, partOf, type Part, type Parts } from './kernel.ts';
import { ORDERS } from './order.ts';
import { packSignsKernel, unpackSignsKernel } from './pack.ts';
import { absSumKernel, extremesKernel, squareSumKernel } from './reduce.ts';
import { lambdasKernel } from './scalars.ts';
import { tinyFor } from './scaling.ts';

export { TILE } from './fwht.ts';

/**
 * What the bits are of, and what stands for a block, by its number as `way`. With a dither (dither.ts), which is as
 * wide as widths[s]: `norm`, factor * root(sum of the squares of x); `max`, the largest |z|; `given`, widths[0] for all
 * blocks, which is read and not written. Signs of z as it is: `mean`, widths[s] is the sum of |z|; `drive`, and
 * squares[s] the sum of the squares of x.
 */
export const WAYS = { norm: 0, max: 1, given: 2, mean: 3, drive: 4 } as const;

export type Way = keyof typeof WAYS;

export const WAY_NAMES = Object.keys(WAYS) as Way[];

/**
 * z = H D (x * scale) by blocks of `block` elements, a power of two, of x padded with zeros to `total`, a multiple of
 * block; `scale` is a power of two. bits has an element of z each, by `way`; widths has a word a block, or one word
 * that is given; squares has a word a block for `drive`, else any number, and is left as it is. max[0] = the largest
 * key of x. Magnitudes below 2^-102 count as +0, in squares those below 2^-51, both after scaling and as tinyFor holds
 * them; `factor` is that of lambdas. 1 <= n <= total; bits has ceil(total / 32) words.
 */
export const flattenSignsKernel: Kernel<
  'x' | 'bits' | 'widths' | 'squares' | 'max',
  'n' | 'total' | 'block' | 'seed' | 'step' | 'stream' | 'scale' | 'way' | 'factor'
> = {
  name: 'flattenSigns',
  buffers: ['x', 'bits', 'widths', 'squares', 'max'],
  params: ['n', 'total', 'block', 'seed', 'step', 'stream', 'scale', 'way', 'factor'],
  parts: partsOf,
};

export interface Numbers {
  readonly n: number;
  readonly total: number;
  readonly block: number;
  readonly seed: number;
  readonly step: number;
  readonly stream: number;
  readonly scale: number;
  readonly way: number;
  readonly factor: number;
}

/** What x is padded and cut into, how it is scaled, and what draws D. */
export type FlattenNumbers = Pick<Numbers, 'n' | 'total' | 'block' | 'seed' | 'step' | 'stream' | 'scale'>;

/** The parts that all kernels have which flatten x, over scratch memory z, keys and unused. */
export function flatteningOf({ n, total, block, scale, ...key }: FlattenNumbers): {
  readonly flat: Part;
  /** The squares of each block of x, and the largest keys of each. */
  readonly squaresTo: (sums: string) => Part;
  /** The largest of `count` keys. */
  readonly largestOf: (count: number) => Part;
} {
  const tiny = (least: number): number => tinyFor(least, Math.log2(scale));
  return {
    flat: partOf(flattenKernel, { x: 'x', y: 'z' }, { n, total, block, ...key, tiny: tiny(-102), scale }),
    squaresTo: (sums) =>
      partOf(squareSumKernel, { x: 'x', sums, max: 'keys' }, { n, segment: block, tiny: tiny(-51), scale }),
    // keys are ordered as the magnitudes that they are of, and their own keys: the largest of them is that of all
    largestOf: (count) =>
      partOf(
        absSumKernel,
        { x: 'keys', sums: 'unused', max: 'max' },
        { n: count, segment: count, tiny: TINY, scale: 1 },
      ),
  };
}

export function partsOf({ way, factor, ...numbers }: Numbers): Parts {
  const { n, total, block, seed, step, stream } = numbers;
  const key = { seed, step, stream };
  const blocks = total / block;
  const { flat, squaresTo, largestOf } = flatteningOf(numbers);
  const roots = partOf(lambdasKernel, { sums: 'sums', lambdas: 'widths' }, { count: blocks, factor });
  const magnitudesTo = (sums: string, max: string): Part =>
    partOf(absSumKernel, { x: 'z', sums, max }, { n: total, segment: block, tiny: TINY, scale: 1 });
  const signs = partOf(packSignsKernel, { x: 'z', bits: 'bits' }, { n: total });
  const dithered = (segment: number): Part =>
    partOf(packDitheredKernel, { z: 'z', lambdas: 'widths', bits: 'bits' }, { n: total, segment, ...key });
  const extremes = partOf(extremesKernel, { x: 'x', range: 'keys' }, { n, order: ORDERS.magnitude });
  const [sums, unused] = [blocks, blocks];
  switch (WAY_NAMES[way]) {
    case 'norm':
      return {
        scratch: { z: total, sums, keys: blocks, unused },
        runs: [flat, squaresTo('sums'), roots, dithered(block), largestOf(blocks)],
      };
    case 'max':
      return {
        scratch: { z: total, sums, keys: 2, unused },
        runs: [flat, magnitudesTo('sums', 'widths'), dithered(block), extremes, largestOf(2)],
      };
    case 'given':
      return {
        scratch: { z: total, keys: 2, unused },
        runs: [flat, dithered(total), extremes, largestOf(2)],
      };
    case 'mean':
      return {
        scratch: { z: total, keys: 2, unused },
        runs: [flat, signs, magnitudesTo('widths', 'unused'), extremes, largestOf(2)],
      };
    case 'drive':
      return {
        scratch: { z: total, keys: blocks, unused },
        runs: [flat, signs, magnitudesTo('widths', 'unused'), squaresTo('squares'), largestOf(blocks)],
      };
  }
}

/**
 * The vector of flattened signs, written or added: v = D H s by blocks of `block` elements, a power of two, s_i = -1
 * where bit i is 1, else 1; each element times the scale of its block, as unflatten has it. add = 0: y_i = v_i.
 * add = 1: y_i = y_i + factor * v_i, as accumulate has it; `factor` is a float32, 0 or normal, and is read only here.
 * Scales are +0 or normal and positive. 1 <= n <= total, a multiple of block; y has n words, scales total / block, bits
 * ceil(total / 32).
 */
export const unflattenSignsKernel: Kernel<
  'bits' | 'scales' | 'y',
  'n' | 'total' | 'block' | 'seed' | 'step' | 'stream' | 'add' | 'factor'
> = {
  name: 'unflattenSigns',
  buffers: ['bits', 'scales', 'y'],
  params: ['n', 'total', 'block', 'seed', 'step', 'stream', 'add', 'factor'],
  parts: unflattenPartsOf,
};

export interface UnflattenNumbers {
  readonly n: number;
  readonly total: number;
  readonly block: number;
  readonly seed: number;
  readonly step: number;
  readonly stream: number;
  readonly add: number;
  readonly factor: number;
}

export function unflattenPartsOf({ n, total, block, add, factor, ...key }: UnflattenNumbers): Parts {
  // the signs are no longer needed where v is: what is added lies in their place
  const v = add === 0 ? 'y' : 'signs';
  const written = [
    partOf(unpackSignsKernel, { bits: 'bits', scales: 'scales', y: 'signs' }, { n: total, segment: 0 }),
    // whole numbers up to `block`, so the sums are exact up to 2^24
    partOf(fwhtKernel, { x: 'signs', y: 't' }, { n: total, total, block }),
    partOf(unflattenKernel, { t: 't', scales: 'scales', y: v }, { n, segment: block, ...key }),
  ];
  const added = partOf(accumulateKernel, { x: v, y: 'y' }, { n, scale: factor });
  return { scratch: { signs: total, t: total }, runs: add === 0 ? written : [...written, added] };
}
