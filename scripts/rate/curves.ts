/**
 * The table of what `npm run docs:rate` measures: each compressor at several settings. One that joins the package joins
 * it here by a line; a way of an old one that loses or costs something else is a line of its own.
 */
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

/** One line of the plots. */
export interface Curve {
  /** As the legend writes it: the compressor, and what is set where there are several lines of it. */
  readonly name: string;
  /** In the order of the line, from few bits to many; for data of this root mean square. */
  readonly settings: (rms: number) => readonly Compressor[];
  /** Which of the settings is the usual one: its packet is taken apart. */
  readonly usual: number;
  /** The option that is a multiple of the root mean square, where there is one. */
  readonly scaled?: string;
  /** Whether the mean of many packets is the vector, as docs/compressors.md has measured. */
  readonly unbiased?: boolean;
}

/** Shares of the elements that are kept: all of those here, and where the line is of less interest every third. */
const RATIOS = [
  0.001, 0.0015, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5,
];
const FEWER = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3];

/** Elements of 4096 that blockTopK keeps. */
const KEPT = [4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];

const seed = 1;

const ofRatios = (
  compressor: (ratio: number) => Compressor,
  ratios: readonly number[] = RATIOS,
): Pick<Curve, 'settings' | 'usual'> => ({
  settings: () => ratios.map(compressor),
  usual: ratios.indexOf(0.01),
});

const ofBlocks = (compressor: (k?: number) => Compressor): Pick<Curve, 'settings' | 'usual'> => ({
  // left out where it is the default, so that the setting is written as it is called
  settings: () => KEPT.map((k) => compressor(k === 64 ? undefined : k)),
  usual: KEPT.indexOf(64),
});

/** All lines, in the order of docs/compressors.md. */
export const CURVES: readonly Curve[] = [
  { name: 'float32', settings: () => [float32()], usual: 0 },
  { name: 'topK', ...ofRatios((ratio) => topK({ ratio })) },
  { name: 'topK, float16', ...ofRatios((ratio) => topK({ ratio, values: 'float16' })) },
  { name: 'topK, levels', ...ofRatios((ratio) => topK({ ratio, values: 'levels' })) },
  { name: 'topK, sign', ...ofRatios((ratio) => topK({ ratio, values: 'sign' })) },
  { name: 'blockTopK', ...ofBlocks((k) => blockTopK({ ...(k && { k }) })) },
  { name: 'blockTopK, 1 bit', ...ofBlocks((k) => blockTopK({ ...(k && { k }), bits: 1 })) },
  { name: 'blockTopK, bfloat16', ...ofBlocks((k) => blockTopK({ ...(k && { k }), values: 'bfloat16' })) },
  {
    name: 'threshold',
    settings: (rms) => [12, 6, 4, 2.5, 1.5, 1, 0.5].map((t) => threshold({ t: t * rms })),
    usual: 3,
    scaled: 't',
  },
  { name: 'randomK', ...ofRatios((ratio) => randomK({ ratio, seed }), FEWER) },
  { name: 'randomizedTopK', ...ofRatios((ratio) => randomizedTopK({ ratio, alpha: 0.1, seed }), FEWER) },
  {
    name: 'maskEncoded, 1 %',
    settings: () => [1, 2, 3, 4, 5, 6].map((bits) => maskEncoded({ ratio: 0.01, bits })),
    usual: 1,
  },
  {
    name: 'maskEncoded, 0.1 %',
    settings: () => [1, 2, 3, 4, 5, 6, 8].map((bits) => maskEncoded({ ratio: 0.001, bits })),
    usual: 2,
  },
  {
    name: 'maskEncoded, 1 %, packed',
    settings: () => [1, 2, 3, 4, 5, 6].map((bits) => maskEncoded({ ratio: 0.01, bits, coding: 'packed' })),
    usual: 1,
  },
  {
    name: 'quantized',
    settings: () => [1, 2, 3, 4, 5, 6, 8, 10, 12].map((bits) => quantized({ bits })),
    usual: 6,
  },
  {
    name: 'qsgd',
    settings: () => [1, 7, 127, 1023, 4095, 32767].map((levels) => qsgd({ levels, seed })),
    usual: 3,
    unbiased: true,
  },
  {
    name: 'scaledSign',
    settings: () => [scaledSign(), ...[4096, 1024, 256, 64, 16].map((block) => scaledSign({ block }))],
    usual: 1,
  },
  {
    name: 'ditheredSign, max',
    settings: () => [ditheredSign({ seed })],
    usual: 0,
    unbiased: true,
  },
  {
    name: 'ditheredSign',
    settings: (rms) => [4, 2, 1, 0.5].map((lambda) => ditheredSign({ seed, lambda: lambda * rms })),
    usual: 1,
    scaled: 'lambda',
  },
  {
    name: 'flattenedOneBit',
    settings: () => [
      flattenedOneBit({ seed, c: 1 }),
      flattenedOneBit({ seed }),
      flattenedOneBit({ seed, c: 0.2 }),
    ],
    usual: 1,
  },
  {
    name: 'flattenedOneBit, max',
    settings: () => [flattenedOneBit({ seed, lambda: 'max' })],
    usual: 0,
    unbiased: true,
  },
  {
    name: 'flattenedOneBit, mean',
    settings: () => [flattenedOneBit({ seed, scale: 'mean' })],
    usual: 0,
  },
  {
    name: 'flattenedOneBit, drive',
    settings: () => [
      flattenedOneBit({ seed, scale: 'drive' }),
      ...[1024, 256, 64].map((block) => flattenedOneBit({ seed, block, scale: 'drive' })),
    ],
    usual: 0,
    unbiased: true,
  },
  {
    name: 'flattenedLevels',
    settings: () =>
      [2, 3, 4].map((bits) => flattenedLevels({ seed, ...(bits > 2 && { bits: bits as 3 | 4 }) })),
    usual: 0,
    unbiased: true,
  },
  {
    name: 'flattenedLevels, packed',
    settings: () =>
      ([2, 3, 4] as const).map((bits) =>
        flattenedLevels({ seed, ...(bits > 2 && { bits }), coding: 'packed' }),
      ),
    usual: 0,
    unbiased: true,
  },
  {
    name: 'flattenedLevels, least',
    settings: () =>
      ([2, 3, 4] as const).map((bits) =>
        flattenedLevels({ seed, ...(bits > 2 && { bits }), scale: 'least' }),
      ),
    usual: 0,
  },
];

/** A compressor as it is called, without its seed; an option that is `scaled` is in units of the data's. */
export function callOf({ name, options }: Compressor, scaled?: string): string {
  const given = Object.entries(options).filter(([key]) => key !== 'seed');
  const shown = given.map(([key, value]) => {
    const text = typeof value === 'string' ? `'${value}'` : String(value);
    return `${key}: ${text}${key === scaled ? ' rms' : ''}`;
  });
  return shown.length > 0 ? `${name}({ ${shown.join(', ')} })` : `${name}()`;
}

/**
 * A compressor as the curve that has it among its settings writes it.
 * @throws Error where it is in none
 */
export function settingOf(compressor: Compressor): string {
  const call = callOf(compressor);
  for (const { settings, scaled } of CURVES) {
    const own = settings(1).find((setting) => callOf(setting) === call);
    if (own !== undefined) return callOf(own, scaled);
  }
  throw new Error(`scripts/rate/curves.ts has no ${call}`);
}
