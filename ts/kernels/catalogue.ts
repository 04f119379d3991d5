/** Every kernel of the contract, by name: what a backend must implement. */
import type { accumulateKernel, clearKernel } from './accumulate.ts';
import type { blockCountsKernel } from './counts.ts';
import type { blockLevelsKernel, blockTopKKernel } from './blocks.ts';
import type { compactKernel } from './compact.ts';
import type { compensateKernel } from './compensate.ts';
import type { packDitheredKernel } from './dither.ts';
import type { codeSymbolsKernel } from './entropy.ts';
import type { flattenKernel, fwhtKernel, unflattenKernel } from './fwht.ts';
import type { keyCountsKernel } from './histogram.ts';
import type { Kernel } from './kernel.ts';
import type { listLevelsKernel } from './levels.ts';
import type { packLevelsKernel } from './centroids.ts';
import type {
  addSignsKernel,
  packBitsKernel,
  packSignsKernel,
  unpackBitsKernel,
  unpackSignsKernel,
} from './pack.ts';
import type {
  addLookupKernel,
  findMarkedKernel,
  lookupKernel,
  markKernel,
  quantizeKernel,
} from './quantize.ts';
import type { randomBitsKernel } from './random.ts';
import type { absSumKernel, extremesKernel, nonFiniteKernel, squareSumKernel } from './reduce.ts';
import type { lambdasKernel, levelGridKernel, maskGridKernel, uniformGridKernel } from './scalars.ts';
import type { scanKernel } from './scan.ts';
import type { thresholdKernel, topKKernel } from './select.ts';
import type { addAtKernel, gatherKernel, placeKernel, scatterKernel } from './sparse.ts';

export interface Catalogue {
  absSum: typeof absSumKernel;
  accumulate: typeof accumulateKernel;
  addAt: typeof addAtKernel;
  addLookup: typeof addLookupKernel;
  addSigns: typeof addSignsKernel;
  blockCounts: typeof blockCountsKernel;
  blockLevels: typeof blockLevelsKernel;
  blockTopK: typeof blockTopKKernel;
  clear: typeof clearKernel;
  codeSymbols: typeof codeSymbolsKernel;
  compact: typeof compactKernel;
  compensate: typeof compensateKernel;
  extremes: typeof extremesKernel;
  findMarked: typeof findMarkedKernel;
  flatten: typeof flattenKernel;
  fwht: typeof fwhtKernel;
  gather: typeof gatherKernel;
  keyCounts: typeof keyCountsKernel;
  lambdas: typeof lambdasKernel;
  levelGrid: typeof levelGridKernel;
  listLevels: typeof listLevelsKernel;
  lookup: typeof lookupKernel;
  mark: typeof markKernel;
  maskGrid: typeof maskGridKernel;
  nonFinite: typeof nonFiniteKernel;
  packBits: typeof packBitsKernel;
  packDithered: typeof packDitheredKernel;
  packLevels: typeof packLevelsKernel;
  packSigns: typeof packSignsKernel;
  place: typeof placeKernel;
  quantize: typeof quantizeKernel;
  randomBits: typeof randomBitsKernel;
  scan: typeof scanKernel;
  scatter: typeof scatterKernel;
  squareSum: typeof squareSumKernel;
  threshold: typeof thresholdKernel;
  topK: typeof topKKernel;
  unflatten: typeof unflattenKernel;
  uniformGrid: typeof uniformGridKernel;
  unpackBits: typeof unpackBitsKernel;
  unpackSigns: typeof unpackSignsKernel;
}

/** The buffers of a kernel as a backend's memory `M`, and its numbers. */
type Arguments<K, M> =
  K extends Kernel<infer Buffers, infer Params>
    ? [buffers: Readonly<Record<Buffers, M>>, params: Readonly<Record<Params, number>>]
    : never;

/** One function a kernel, over a backend's own memory: what the js and wasm backends are made of. */
export type Implementations<M> = {
  readonly [Name in keyof Catalogue]: (...args: Arguments<Catalogue[Name], M>) => void;
};
