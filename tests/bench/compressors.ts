/** The compressors that are measured, as whole calls of a device. */
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
import { floatOf } from '../../ts/kernels/float-bits.ts';
import type { Input } from './data.ts';
import { SHARES } from './kernels.ts';
import { plainQuantized, plainSignsAndMean, plainThreshold } from './plain.ts';

/** A compressor to be measured. */
export interface CompressorTask {
  /** Without `compress` or `decompress`. */
  readonly name: string;
  compressor(input: Input): Compressor;
  /** The work of compress in plain JavaScript, without a packet. */
  readonly plain?: (input: Input) => () => unknown;
  /** The share of the elements that is kept: peers that select take part. */
  readonly share?: number;
}

export const COMPRESSORS: readonly CompressorTask[] = [
  ...Object.entries(SHARES).map(([name, share]) => ({
    name: `topK ${name}`,
    compressor: () => topK({ ratio: share }),
    share,
  })),
  { name: 'topK 1 %, levels', compressor: () => topK({ ratio: 0.01, values: 'levels' }) },
  { name: 'topK 1 %, sign', compressor: () => topK({ ratio: 0.01, values: 'sign' }) },
  {
    name: 'threshold 1 %',
    compressor: ({ keyOf }) => threshold({ t: floatOf(keyOf(0.01)) }),
    plain: ({ x, keyOf }) => plainThreshold(x, floatOf(keyOf(0.01))),
  },
  { name: 'randomK 1 %', compressor: () => randomK({ ratio: 0.01, seed: 1 }) },
  {
    name: 'randomizedTopK 1 %',
    compressor: () => randomizedTopK({ ratio: 0.01, alpha: 0.1, seed: 1 }),
  },
  { name: 'maskEncoded 1 %, 2 bits', compressor: () => maskEncoded({ ratio: 0.01, bits: 2 }) },
  { name: 'quantized, 8 bits', compressor: () => quantized({ bits: 8 }) },
  {
    name: 'quantized, 4 bits',
    compressor: () => quantized({ bits: 4 }),
    plain: ({ x }) => plainQuantized(x),
  },
  { name: 'qsgd, 7 levels', compressor: () => qsgd({ levels: 7, seed: 1 }) },
  { name: 'scaledSign', compressor: () => scaledSign(), plain: ({ x }) => plainSignsAndMean(x) },
  { name: 'scaledSign, blocks of 4096', compressor: () => scaledSign({ block: 4096 }) },
  { name: 'ditheredSign', compressor: () => ditheredSign({ seed: 1 }) },
  { name: 'flattenedOneBit', compressor: () => flattenedOneBit({ seed: 1 }) },
  { name: 'flattenedOneBit, drive', compressor: () => flattenedOneBit({ seed: 1, scale: 'drive' }) },
  ...([2, 4] as const).flatMap((bits) => [
    { name: `flattenedLevels, ${bits} bits`, compressor: () => flattenedLevels({ seed: 1, bits }) },
    {
      name: `flattenedLevels, ${bits} bits, packed`,
      compressor: () => flattenedLevels({ seed: 1, bits, coding: 'packed' }),
    },
  ]),
  { name: 'blockTopK, 64 of 4096, 2 bits', compressor: () => blockTopK() },
  { name: 'float32', compressor: () => float32() },
];
