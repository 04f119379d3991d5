/** What is compressed to see that backends agree: the golden packets' inputs, and larger vectors drawn from a seed. */
import type { Compressor, Draw } from '../compressors/compressor.ts';
import { FINITE, type InputKind } from './data.ts';
import { compressorOf, goldenInputs, SETTINGS } from './golden.ts';
import { goldenSums, type Sums } from './sums.ts';

/** One vector and one compressor. */
export interface Case {
  /** The compressor with its options, for people: `topK({"ratio":0.1})`. */
  readonly name: string;
  readonly compressor: Compressor;
  readonly kind: InputKind;
  /** Elements. */
  readonly n: number;
  readonly seed: number;
  readonly draw: Draw;
  /** The factor with which the packet is added to a vector, too; left out where it is not. */
  readonly accumulate?: number;
  /** The checksums that a golden packet and its vector have to have. */
  readonly golden?: Sums;
}

/** The length for all settings but those of small blocks: several tiles of every kernel, the last of one element. */
const TILES = 65_537;
/**
 * Blocks of fewer elements are as many workgroups, which a software GPU takes long for: these settings have shorter
 * vectors.
 */
const SMALL_BLOCK = 16;
const SMALL_BLOCKS = 4_097;
/** For the first setting of each compressor: several passes of every reduction and scan. */
const SEVERAL_PASSES = 2 ** 20 + 7;
/** For the same: more than 65,535 workgroups of 64 threads, the most of a dispatch in one dimension. */
const GRID = 4_194_304 + 3;

/** No power of two, so that the product is rounded, and negative. */
const FACTOR = -0.3;
/** Golden packets of other lengths are not added: the kernel that adds is one, whatever the packet. */
const ADDED: readonly number[] = [33, 211, 1000];

/** Kinds of data for vectors of SEVERAL_PASSES elements: heavy tails, and ties between magnitudes. */
const SEVERAL_PASSES_KINDS: readonly InputKind[] = ['heavy', 'ties'];
/** Kinds of data for every setting; all others are for the first setting of each compressor. */
const TILE_KINDS: readonly InputKind[] = ['normal', 'subnormal'];

/** Every golden packet that a compressor makes. */
export function goldenCases(): Case[] {
  const sums = goldenSums();
  return goldenInputs().flatMap((golden, i) => {
    const compressor = compressorOf(golden, golden.n);
    if (compressor === undefined) return [];
    const { kind, seed } = golden.input;
    return [caseOf(compressor, kind, golden.n, seed, golden.draw, sums[i])];
  });
}

/**
 * Every setting once, with normal numbers, and each compressor once with NaN and infinity: for where a software GPU
 * would take minutes.
 */
export function quickCases(seed: number): Case[] {
  return largeCases(seed).filter(({ n, kind }) => n <= TILES && ['normal', 'nonFinite'].includes(kind));
}

/** Vectors of up to 4 million elements; `seed` draws them and is the step of random compressors. */
export function largeCases(seed: number): Case[] {
  const draw = { step: seed, stream: 1 };
  return SETTINGS.flatMap(([compressor, ...rows]) =>
    rows.flatMap((options, row) => {
      const sized = (n: number, kinds: readonly InputKind[]): Case[] => {
        const made = compressorOf({ compressor, options }, n);
        return made === undefined ? [] : kinds.map((kind) => caseOf(made, kind, n, seed, draw));
      };
      const small = typeof options.block === 'number' && options.block < SMALL_BLOCK;
      if (row > 0) return sized(small ? SMALL_BLOCKS : TILES, TILE_KINDS);
      return [
        ...sized(TILES, [...FINITE, 'huge', 'nonFinite']),
        ...sized(SEVERAL_PASSES, SEVERAL_PASSES_KINDS),
        ...sized(GRID, ['normal']),
      ];
    }),
  );
}

function caseOf(
  compressor: Compressor,
  kind: InputKind,
  n: number,
  seed: number,
  draw: Draw,
  golden?: Sums,
): Case {
  const { name, options } = compressor;
  const settings = Object.keys(options).length > 0 ? JSON.stringify(options) : '';
  const isAdded = golden === undefined ? n <= TILES : ADDED.includes(n);
  return {
    ...{ name: `${name}(${settings})`, compressor, kind, n, seed, draw, golden },
    ...(isAdded && { accumulate: FACTOR }),
  };
}
