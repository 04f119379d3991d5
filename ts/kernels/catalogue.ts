/** Every kernel of the contract, by name: what a backend must implement. */
import type { accumulateKernel } from './accumulate.ts';
import type { compactKernel } from './compact.ts';
import type { fwhtKernel } from './fwht.ts';
import type { Kernel } from './kernel.ts';
import type { packBitsKernel, packSignsKernel, unpackBitsKernel, unpackSignsKernel } from './pack.ts';
import type { randomBitsKernel } from './random.ts';
import type { absSumKernel, extremesKernel, nonFiniteKernel, squareSumKernel } from './reduce.ts';
import type { scanKernel } from './scan.ts';
import type { thresholdKernel, topKKernel } from './select.ts';
import type { gatherKernel, scatterKernel } from './sparse.ts';

export interface Catalogue {
  absSum: typeof absSumKernel;
  accumulate: typeof accumulateKernel;
  compact: typeof compactKernel;
  extremes: typeof extremesKernel;
  fwht: typeof fwhtKernel;
  gather: typeof gatherKernel;
  nonFinite: typeof nonFiniteKernel;
  packBits: typeof packBitsKernel;
  packSigns: typeof packSignsKernel;
  randomBits: typeof randomBitsKernel;
  scan: typeof scanKernel;
  scatter: typeof scatterKernel;
  squareSum: typeof squareSumKernel;
  threshold: typeof thresholdKernel;
  topK: typeof topKKernel;
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
