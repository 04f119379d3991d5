/** How each kernel of the catalogue runs on the wasm backend, by its name. */
import type { Catalogue } from '../../../kernels/catalogue.ts';
import type { unflattenSignsKernel } from '../../../kernels/flatten.ts';
import type { signsAndSumKernel } from '../../../kernels/reduce.ts';
import type { flattenLevelsKernel, unflattenLevelsKernel } from '../../../kernels/centroids.ts';
import { accumulate, clear } from './accumulate.ts';
import { blockCounts } from './counts.ts';
import { blockLevels, blockTopK } from './blocks.ts';
import { compact } from './compact.ts';
import { compensate } from './compensate.ts';
import { packDithered } from './dither.ts';
import { codeSymbols } from './entropy.ts';
import { unflattenSigns } from './flatten.ts';
import { flatten, fwht, unflatten } from './fwht.ts';
import { keyCounts } from './histogram.ts';
import type { KernelOf } from './kernel.ts';
import { listLevels } from './levels.ts';
import { flattenLevels, packLevels, unflattenLevels } from './centroids.ts';
import { addSigns, packBits, packSigns, unpackBits, unpackSigns } from './pack.ts';
import { addLookup, findMarked, lookup, mark, quantize } from './quantize.ts';
import { randomBits } from './random.ts';
import { absSum, extremes, nonFinite, signsAndSum, squareSum } from './reduce.ts';
import { lambdas, levelGrid, maskGrid, uniformGrid } from './scalars.ts';
import { scan } from './scan.ts';
import { threshold, topK } from './select.ts';
import { addAt, gather, place, scatter } from './sparse.ts';

export type Kernels = { readonly [Name in keyof Catalogue]: KernelOf<Catalogue[Name]> } & {
  /** Kernels made of others that are faster than their parts. */
  readonly signsAndSum: KernelOf<typeof signsAndSumKernel>;
  readonly flattenLevels: KernelOf<typeof flattenLevelsKernel>;
  readonly unflattenLevels: KernelOf<typeof unflattenLevelsKernel>;
  readonly unflattenSigns: KernelOf<typeof unflattenSignsKernel>;
};

/** The kernels of sparse packets: all that `fewbits/sparse` carries. */
export const sparseKernels: Pick<
  Kernels,
  | 'accumulate'
  | 'addAt'
  | 'clear'
  | 'compensate'
  | 'gather'
  | 'listLevels'
  | 'nonFinite'
  | 'place'
  | 'scatter'
  | 'threshold'
  | 'topK'
> = { accumulate, addAt, clear, compensate, gather, listLevels, nonFinite, place, scatter, threshold, topK };

/** All kernels. */
export const allKernels: Kernels = {
  absSum,
  accumulate,
  addAt,
  addLookup,
  addSigns,
  blockCounts,
  blockLevels,
  blockTopK,
  clear,
  codeSymbols,
  compact,
  compensate,
  extremes,
  findMarked,
  flatten,
  flattenLevels,
  fwht,
  gather,
  keyCounts,
  lambdas,
  levelGrid,
  listLevels,
  lookup,
  mark,
  maskGrid,
  nonFinite,
  packBits,
  packDithered,
  packLevels,
  packSigns,
  place,
  quantize,
  randomBits,
  scan,
  scatter,
  signsAndSum,
  squareSum,
  threshold,
  topK,
  unflatten,
  unflattenLevels,
  unflattenSigns,
  uniformGrid,
  unpackBits,
  unpackSigns,
};
