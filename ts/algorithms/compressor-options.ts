/**
 * How systems take a compressor: by itself, `memSgd(topK({ ratio: 0.01 }))`, or among their options,
 * `memSgd({ compressor: topK({ ratio: 0.01 }) })`. Both are the same, in every system that has one.
 */
import { requireOptions } from '../arguments.ts';
import { isCompressor, requireCompressor, type Compressor } from '../compressors/compressor.ts';

/** The options of a system that compresses and has no other settings. */
export interface CompressorOptions {
  /** C: what is sent instead of vectors. */
  readonly compressor: Compressor;
}

/**
 * What a system was given, as options. `names` are those it has.
 * @throws TypeError where it is neither a compressor nor options, or the compressor in them is none; RangeError where
 *   an option has another name
 */
export function optionsWithCompressor<Options extends Partial<CompressorOptions>>(
  owner: string,
  given: Compressor | Options | undefined,
  names: readonly (keyof Options & string)[],
): Partial<Options> {
  if (isCompressor(given)) return { compressor: given } as Partial<Options>;
  // a system, and a factory that was not called, are taken for compressors rather than for options with wrong names
  if (typeof given === 'function' || (given !== null && typeof given === 'object' && 'worker' in given))
    requireCompressor('compressor', given);
  requireOptions(owner, given, names);
  const options: Partial<Options> = given ?? {};
  if (options.compressor !== undefined) requireCompressor('compressor', options.compressor);
  return options;
}

/**
 * The compressor of a system that has no other settings.
 * @throws TypeError or RangeError where there is none
 */
export function compressorOf(owner: string, given: Compressor | CompressorOptions): Compressor {
  const { compressor } = optionsWithCompressor(owner, given, ['compressor']);
  return requireCompressor('compressor', compressor);
}
