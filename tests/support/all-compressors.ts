/** The list of all compressors that tests and scripts go through: one that joins the package joins it here. */
import type { Compressor } from '../../ts/compressors/compressor.ts';
import {
  blockTopK,
  ditheredSign,
  flattenedLevels,
  flattenedOneBit,
  float32,
  maskEncoded,
  qsgd,
  quantized,
  randomizedTopK,
  randomK,
  scaledSign,
  threshold,
  topK,
} from '../../ts/index.ts';

import { whole } from './inputs.ts';

/**
 * Each compressor as it is typically used, in each way that goes through other kernels or loses much more; what is
 * drawn at random is keyed by a seed. For vectors of 100 elements and more. Rows of docs/compressors.md, in its order.
 */
export const ALL_COMPRESSORS: readonly Compressor[] = [
  float32(),
  topK({ ratio: 0.01 }),
  topK({ ratio: 0.01, values: 'float16' }),
  topK({ ratio: 0.01, values: 'levels' }),
  topK({ ratio: 0.01, values: 'sign' }),
  blockTopK(),
  blockTopK({ values: 'bfloat16' }),
  threshold({ t: 2.5 }),
  randomK({ ratio: 0.01, seed: 1 }),
  randomizedTopK({ ratio: 0.01, alpha: 0.1, seed: 1 }),
  maskEncoded({ ratio: 0.01, bits: 2 }),
  maskEncoded({ ratio: 0.001, bits: 3 }),
  quantized({ bits: 2 }),
  quantized({ bits: 3 }),
  quantized({ bits: 8 }),
  qsgd({ levels: 7, seed: 1 }),
  qsgd({ levels: 1023, seed: 1 }),
  scaledSign(),
  scaledSign({ block: 4096 }),
  ditheredSign({ seed: 1 }),
  flattenedOneBit({ seed: 1 }),
  flattenedOneBit({ seed: 1, lambda: 'max' }),
  flattenedOneBit({ seed: 1, scale: 'drive' }),
  flattenedLevels({ seed: 1 }),
  flattenedLevels({ seed: 1, bits: 3 }),
  flattenedLevels({ seed: 1, bits: 4 }),
  flattenedLevels({ seed: 1, bits: 4, scale: 'least' }),
];

/** For what is no word of a packet, and asked of a GPU that compiles each kernel anew: in short runs one of a kind. */
export const TYPICAL: readonly Compressor[] = whole
  ? ALL_COMPRESSORS
  : [topK({ ratio: 0.01 }), blockTopK(), threshold({ t: 2.5 }), quantized({ bits: 2 }), scaledSign()];
