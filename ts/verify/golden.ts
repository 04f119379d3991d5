/**
 * The golden packets as settings and inputs. `npm run test:vectors` writes the packets to tests/vectors, and their
 * checksums to golden-sums.ts.
 */
import type { Compressor, Draw } from '../compressors/compressor.ts';
import { writeIndexList } from '../compressors/index-list.ts';
import type { PacketDevice } from '../packet-device.ts';
import * as fewbits from '../index.ts';
import { wordsOf } from '../kernels/scope.ts';
import { writePacket } from '../packet/packet.ts';
import { FINITE, input, type InputKind } from './data.ts';
import { goldenPlan, type PlanName } from './golden-plans.ts';

/** A compressor by the name of its factory, and the factory's options; of a plan, which of golden-plans.ts. */
export interface Setting {
  readonly compressor: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** How a golden packet is made. */
export interface GoldenInput extends Setting {
  readonly n: number;
  /** The arguments of `input(kind, n, seed)`. */
  readonly input: { readonly kind: InputKind; readonly seed: number };
  /** What random compressors are keyed by beside their own seed. */
  readonly draw: Draw;
}

/** A list of the elements whose magnitude is t or more, with a tag: no compressor makes it. */
export interface ListOptions {
  readonly t: number;
  readonly tag: number;
}

const LAST_WORD = 2 ** 32 - 1;

/** Symbols as they are, whatever they hold. */
const PACKED = { coding: 'packed' };

/**
 * The compressors, and lists of indices (`indexList`), each with several options, those of few-bit values behind the
 * others. The first gets all kinds of input, the first two the medium one, the last of several the large one, and so
 * does the last without few-bit values.
 */
export const SETTINGS: readonly (readonly [compressor: string, ...options: readonly Setting['options'][]])[] =
  [
    [
      'topK',
      { ratio: 0.1 },
      { ratio: 0.6 },
      { k: 1 },
      { ratio: 1, values: 'bfloat16' },
      { ratio: 0.2, values: 'float16' },
      { ratio: 0.05 },
      { ratio: 0.3, values: 'levels' },
      { ratio: 0.3, values: 'sign' },
      { k: 1, values: 'levels' },
      { ratio: 1, values: 'sign' },
      { ratio: 0.05, values: 'levels' },
    ],
    ['scaledSign', {}, { block: 1 }, { block: 7 }, { block: 100 }, { block: 4096 }],
    [
      'threshold',
      { t: 0.5 },
      { t: 0 },
      { t: 1000 },
      { t: 1, values: 'bfloat16' },
      { t: 2.5 },
      { t: 0.5, values: 'sign' },
      { t: 0, values: 'levels' },
      { t: 1000, values: 'levels' },
      { t: 2.5, values: 'sign' },
    ],
    [
      'randomK',
      { ratio: 0.1, seed: 7 },
      { k: 1, seed: 0 },
      { ratio: 1, seed: 1 },
      { ratio: 0.4, seed: 5, values: 'float16' },
      { ratio: 0.03, seed: LAST_WORD },
    ],
    ['float32', {}],
    [
      'randomizedTopK',
      { ratio: 0.1, alpha: 0.2, seed: 3 },
      { ratio: 0.9, alpha: 1, seed: 0 },
      { k: 1, alpha: 0, seed: LAST_WORD, values: 'bfloat16' },
      { ratio: 0.2, alpha: 0.5, seed: 5, values: 'levels' },
      { ratio: 0.2, alpha: 0.5, seed: 5, values: 'sign' },
    ],
    [
      'maskEncoded',
      { ratio: 0.1, bits: 2, ...PACKED },
      { ratio: 0.01, bits: 3, rounding: 'floor', ...PACKED },
      { ratio: 0.5, bits: 1, ...PACKED },
      { ratio: 0.1, bits: 4, signed: false, ...PACKED },
      { ratio: 0.03, bits: 5, signed: true, ...PACKED },
      { ratio: 1, bits: 7, ...PACKED },
      { ratio: 0.01, bits: 8, ...PACKED },
    ],
    ['quantized', ...[4, 1, 2, 3, 7, 16, 8].map((bits) => ({ bits, ...PACKED }))],
    ['qsgd', ...[7, 1, 2, 100, 32767, 3].map((levels) => ({ levels, seed: levels, ...PACKED }))],
    ['ditheredSign', { seed: 7 }, { seed: 0, lambda: 1 }, { seed: 1, lambda: 2 ** -30 }],
    [
      'flattenedOneBit',
      { seed: 9 },
      { seed: 9, lambda: 'max', block: 64 },
      { seed: 1, lambda: 0.5, block: 'whole' },
      { seed: 2, scale: 'mean', block: 128 },
      { seed: 3, scale: 'drive', block: 1 },
      { seed: LAST_WORD, lambda: 'norm', c: 1, block: 2 },
      { seed: 5, lambda: 2 ** -60, block: 64 },
      { seed: 6, lambda: 'norm', c: 2 ** 20, block: 16 },
      { seed: 4, scale: 'drive', block: 1024 },
    ],
    ['indexList', { t: 1, tag: 0 }, { t: 0, tag: 7 }, { t: 2, tag: LAST_WORD }],
    [
      'blockTopK',
      { block: 64, k: 8 },
      { block: 64, k: 40, bits: 1 },
      { block: 128, k: 1 },
      { block: 256, k: 100, values: 'float16' },
      { block: 64, k: 64, values: 'float32' },
      {},
    ],
    ['plan', { of: 'network' }, { of: 'draws' }, { of: 'together' }],
    // behind all others, whose checksums keep their places: symbols by their entropy where that is smaller
    [
      'maskEncoded',
      { ratio: 0.1, bits: 2 },
      { ratio: 0.01, bits: 3, signed: false },
      { ratio: 0.03, bits: 5, signed: true },
    ],
    ['quantized', { bits: 8 }, { bits: 1 }, { bits: 12 }, { bits: 5 }],
    ['qsgd', { levels: 7, seed: 7 }, { levels: 1023, seed: 5 }, { levels: 1, seed: 1 }],
    [
      'flattenedLevels',
      { seed: 9, ...PACKED },
      { seed: 1, bits: 2, block: 64, scale: 'least', ...PACKED },
      { seed: 2, bits: 3, block: 'whole', ...PACKED },
      { seed: 3, bits: 3, block: 1, scale: 'least', ...PACKED },
      { seed: LAST_WORD, bits: 4, block: 2, ...PACKED },
      { seed: 4, bits: 4, block: 1024, scale: 'least', ...PACKED },
      { seed: 5, bits: 4, block: 'whole', scale: 'least', ...PACKED },
      { seed: 6, bits: 3, block: 128, ...PACKED },
    ],
    [
      'flattenedLevels',
      { seed: LAST_WORD, bits: 4, block: 2 },
      { seed: 7, bits: 3, block: 1, scale: 'least' },
      { seed: 4, bits: 4, block: 64, scale: 'least' },
      { seed: 2, bits: 3, block: 'whole' },
      { seed: 9 },
      { seed: 6, bits: 4 },
    ],
  ];

const DRAW: Draw = { step: 3, stream: 2 };
const SEED = 1;
/** Around a word, and around a block of the index coding. */
const SMALL = [0, 1, 2, 31, 32, 33, 127, 128, 129];
/** Two blocks of the index coding, and no multiple of anything. */
const ODD = 211;
/** Long enough for several blocks of everything. */
const MEDIUM = 1000;
const LARGE = 5000;
const KINDS = [...FINITE, 'huge'] as const;

/** All golden packets, in the order of their checksums. */
export function goldenInputs(): GoldenInput[] {
  return SETTINGS.flatMap(([compressor, ...rows]) =>
    rows.flatMap((options, row) =>
      inputsOf(row, rows).map(({ kind, n }) => ({
        ...{ compressor, options: optionsOf({ compressor, options }), n },
        input: { kind, seed: SEED },
        draw: DRAW,
      })),
    ),
  );
}

/** Whether kept values are sent as codes. */
const fewBits = ({ values }: { readonly values?: unknown }): boolean =>
  values === 'sign' || values === 'levels';

/** The inputs of one setting, the `row`th of `rows` of its compressor. Kinds take turns over the sizes. */
function inputsOf(row: number, rows: readonly Setting['options'][]): { kind: InputKind; n: number }[] {
  const inputs: { kind: InputKind; n: number }[] = SMALL.map((n, s) => ({
    n,
    kind: KINDS[(row * 5 + s) % KINDS.length],
  }));
  if (row === 0) for (const kind of KINDS) inputs.push({ n: ODD, kind });
  if (row < 2) inputs.push({ n: MEDIUM, kind: row === 0 ? 'normal' : 'sparse' });
  const last = row === rows.length - 1 || (!fewBits(rows[row]) && fewBits(rows[row + 1]));
  if (row > 0 && last) inputs.push({ n: LARGE, kind: 'normal' });
  return inputs;
}

const factories = fewbits as unknown as Record<string, (options: Setting['options']) => Compressor>;

/** The compressor of a setting for n elements; undefined where the packet is made without one. */
export function compressorOf({ compressor, options }: Setting, n: number): Compressor | undefined {
  if (compressor === 'plan') return goldenPlan(options.of as PlanName, n);
  const without = compressor === 'indexList' || (compressor === 'maskEncoded' && options.ratio === 1);
  return without ? undefined : factories[compressor](options);
}

/** The options as the compressor has them: without those that are left out. */
function optionsOf(setting: Setting): Setting['options'] {
  return setting.compressor === 'plan'
    ? setting.options
    : (compressorOf(setting, 0)?.options ?? setting.options);
}

/** The packet of a golden input. */
export async function makeGolden(device: PacketDevice, golden: GoldenInput): Promise<Uint8Array> {
  const { options, n, draw } = golden;
  const x = input(golden.input.kind, n, golden.input.seed);
  const compressor = compressorOf(golden, n);
  if (compressor !== undefined) return device.compress(compressor, x, draw);
  if (golden.compressor === 'maskEncoded') return allKept(x, options.bits as number);
  const { t, tag } = options as unknown as ListOptions;
  const places = Uint32Array.from(x.keys()).filter((i) => Math.abs(x[i]) >= t);
  return writeIndexList(places, n, tag);
}

/**
 * The mask-encoded packet that keeps every element: the format has it, though no compressor makes it of many elements.
 */
export function allKept(x: Float32Array, bits: number): Uint8Array<ArrayBuffer> {
  const signed = x.some((value) => value < 0) ? 1 : 0;
  const ones = x.length * bits;
  const masks = new Uint32Array(Math.ceil(ones / 32)).fill(LAST_WORD);
  if (ones % 32 !== 0) masks[masks.length - 1] >>>= 32 - (ones % 32);
  return writePacket({
    id: 7,
    n: x.length,
    parameters: [x.length, bits, signed],
    sections: [wordsOf(x), masks],
  });
}
