/** Compressors by the names of their factories, with options as JSON has them: for the command line and for runs. */
import { shown } from '../arguments.ts';
import { blockTopK } from '../compressors/block-top-k.ts';
import type { Compressor } from '../compressors/compressor.ts';
import { ditheredSign } from '../compressors/dithered-sign.ts';
import { flattenedLevels } from '../compressors/flattened-levels.ts';
import { flattenedOneBit } from '../compressors/flattened-one-bit.ts';
import { float32 } from '../compressors/float32.ts';
import { maskEncoded } from '../compressors/mask-encoded.ts';
import { qsgd } from '../compressors/qsgd.ts';
import { quantized } from '../compressors/quantized.ts';
import { randomK } from '../compressors/random-k.ts';
import { randomizedTopK } from '../compressors/randomized-top-k.ts';
import { scaledSign } from '../compressors/scaled-sign.ts';
import { threshold } from '../compressors/threshold.ts';
import { topK } from '../compressors/top-k.ts';

export type { Compressor };

/** The factories. The options' rules are their own. */
export const FACTORIES: Readonly<Record<string, (options: never) => Compressor>> = {
  topK,
  threshold,
  randomK,
  randomizedTopK,
  maskEncoded,
  quantized,
  qsgd,
  scaledSign,
  blockTopK,
  ditheredSign,
  flattenedOneBit,
  flattenedLevels,
  float32,
};

/** A compressor as JSON: the name of its factory beside its options, `{ name: 'topK', ratio: 0.01 }`. */
export interface NamedCompressor {
  readonly name: string;
  readonly [option: string]: unknown;
}

/**
 * The compressor of a name and options, from wherever they come.
 * @throws TypeError or RangeError where there is no such compressor, or an option is wrong
 */
export function compressorOf(named: NamedCompressor): Compressor {
  const { name, ...options } = named;
  if (typeof name !== 'string' || !Object.hasOwn(FACTORIES, name))
    throw new RangeError(
      `"compressor.name" expected one of ${Object.keys(FACTORIES).join(', ')}, got ${shown(name)}`,
    );
  return FACTORIES[name](options as never);
}
