/** Every kernel that has a plan, under several limits and sizes, and what a plan's passes bind. */
import * as assert from 'uvu/assert';
import { shaders } from '../../ts/generated/wgsl.ts';
import { accumulateKernel, clearKernel } from '../../ts/kernels/accumulate.ts';
import { compactKernel } from '../../ts/kernels/compact.ts';
import { compensateKernel } from '../../ts/kernels/compensate.ts';
import { ditheredAndMaxKernel, packDitheredKernel } from '../../ts/kernels/dither.ts';
import { flattenLevelsKernel, packLevelsKernel, unflattenLevelsKernel } from '../../ts/kernels/centroids.ts';
import { flattenSignsKernel, unflattenSignsKernel, WAYS } from '../../ts/kernels/flatten.ts';
import { flattenKernel, fwhtKernel, transformLength, unflattenKernel } from '../../ts/kernels/fwht.ts';
import { blockCountsKernel } from '../../ts/kernels/counts.ts';
import { codeSymbolsKernel } from '../../ts/kernels/entropy.ts';
import { keyCountsKernel } from '../../ts/kernels/histogram.ts';
import { type Kernel } from '../../ts/kernels/kernel.ts';
import { planOf } from '../../ts/kernels/plans/index.ts';
import { type Limits, type Pass, type Plan, type Window } from '../../ts/kernels/plans/plan.ts';
import { packBitsKernel, packedWords, packSignsKernel } from '../../ts/kernels/pack.ts';
import { addSignsKernel, unpackBitsKernel, unpackSignsKernel } from '../../ts/kernels/pack.ts';
import {
  addLookupKernel,
  findMarkedKernel,
  GRID,
  lookupKernel,
  markKernel,
  quantizeKernel,
} from '../../ts/kernels/quantize.ts';
import { randomBitsKernel } from '../../ts/kernels/random.ts';
import {
  absSumKernel,
  extremesKernel,
  nonFiniteKernel,
  signsAndSumKernel,
  squareSumKernel,
} from '../../ts/kernels/reduce.ts';
import {
  lambdasKernel,
  levelGridKernel,
  maskGridKernel,
  uniformGridKernel,
} from '../../ts/kernels/scalars.ts';
import { scanKernel } from '../../ts/kernels/scan.ts';
import { thresholdKernel, topKKernel } from '../../ts/kernels/select.ts';
import { addAtKernel, gatherKernel, placeKernel, scatterKernel } from '../../ts/kernels/sparse.ts';

export const LIMITS: readonly Limits[] = [
  { bindingWords: 4096, gridWidth: 3 },
  { bindingWords: 4160, gridWidth: 65_535 },
  { bindingWords: 10_048, gridWidth: 7 },
  { bindingWords: 2 ** 25, gridWidth: 65_535 },
  { bindingWords: 2 ** 29 - 64, gridWidth: 65_535 },
];
const SMALL: readonly number[] = [
  1, 2, 31, 32, 33, 63, 64, 65, 1023, 1025, 2047, 2048, 2049, 4095, 4096, 4097, 8193, 65_537, 131_072,
];
const LARGE: readonly number[] = [2 ** 20 + 7, 2 ** 24, 2 ** 25 + 1, 2 ** 26];

/** Of random draws. */
const KEY = { seed: 1, step: 2, stream: 3 };

/** A kernel with its numbers, and how long its buffers are. */
interface Call {
  readonly kernel: string;
  readonly words: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, number>>;
  readonly plan: Plan;
  readonly limits: Limits;
}

export function call<Buffers extends string, Params extends string>(
  kernel: Kernel<Buffers, Params>,
  limits: Limits,
  words: Readonly<Record<Buffers, number>>,
  params: Readonly<Record<Params, number>>,
): Call {
  let plan: Plan | undefined;
  return {
    kernel: kernel.name,
    words,
    params,
    limits,
    get plan() {
      // Most tests look at few kernels: the others' plans are not made.
      return (plan ??= planOf(kernel, params, limits));
    },
  };
}

let made: readonly Call[] | undefined;

/** Sizes that are planned under these limits: under small ones a large vector has no end of windows. */
export function sizes({ bindingWords }: Limits): readonly number[] {
  return bindingWords < 2 ** 20 ? SMALL : [...SMALL, ...LARGE];
}

export function calls(): readonly Call[] {
  return (made ??= [...allCalls()]);
}

function* allCalls(): Generator<Call> {
  for (const limits of LIMITS) {
    for (const n of sizes(limits)) {
      const shares = new Set([1, Math.ceil(n / 100), Math.ceil(n / 3), n]);
      const bits = Math.ceil(n / 32);
      yield call(randomBitsKernel, limits, { bits: n }, { n, ...KEY });
      // bound as a whole: by every GPU, but not under the smallest limits here
      for (const width of [1, 3, 12]) {
        const packed = packedWords(n, width);
        const bound = Math.max(packed, Math.ceil(n / 2), 8192);
        if (bound <= limits.bindingWords)
          yield call(codeSymbolsKernel, limits, { packed, coded: packed, size: 1 }, { n, width });
      }
      yield call(accumulateKernel, limits, { x: n, y: n }, { n, scale: 0.5 });
      yield call(clearKernel, limits, { y: n }, { n });
      yield call(compensateKernel, limits, { x: n, error: n, y: n, keys: 2 }, { n, scale: 0.5 });
      yield call(scanKernel, limits, { x: n, sums: n, total: 1 }, { n });
      yield call(packSignsKernel, limits, { x: n, bits }, { n });
      yield call(extremesKernel, limits, { x: n, range: 2 }, { n, order: 0 });
      yield call(nonFiniteKernel, limits, { x: n, found: 2 }, { n });
      const digit = { known: 23, prefix: 130, shift: 17, bins: 64 };
      yield call(keyCountsKernel, limits, { x: n, counts: 64 }, { n, ...digit });
      for (const length of [1, 1000, n]) {
        const blocks = Math.ceil(n / length);
        yield call(blockCountsKernel, limits, { x: n, counts: blocks }, { n, key: 9, length });
      }
      yield call(lambdasKernel, limits, { sums: n, lambdas: n }, { count: n, factor: 2 });
      for (const width of [1, 3, 8, 11, 16]) {
        const packed = packedWords(n, width);
        yield call(packBitsKernel, limits, { codes: n, packed }, { n, width });
        yield call(unpackBitsKernel, limits, { packed, codes: n }, { n, width });
        for (const power of [1, 2 ** -126, 2 ** 96]) {
          const rounded = { n, width, rounding: 1, power, fraction: 5, ...KEY };
          yield call(quantizeKernel, limits, { x: n, grid: GRID, packed }, rounded);
        }
        yield call(lookupKernel, limits, { packed, table: 2 ** width, y: n }, { n, width });
        yield call(addLookupKernel, limits, { packed, table: 2 ** width, y: n }, { n, width });
        yield call(findMarkedKernel, limits, { packed, bits }, { n, width });
        for (const count of shares)
          yield call(markKernel, limits, { indices: count, packed }, { n, count, width });
      }
      yield call(unpackSignsKernel, limits, { bits, scales: 1, y: n }, { n, segment: 0 });
      for (const segment of [1, 3, 1000, 1024, 4096, n]) {
        const segments = Math.ceil(n / segment);
        yield call(unpackSignsKernel, limits, { bits, scales: segments, y: n }, { n, segment });
        yield call(addSignsKernel, limits, { bits, scales: segments, y: n }, { n, segment });
        const sum = { n, segment, tiny: 5, scale: 2 ** -96 };
        yield call(absSumKernel, limits, { x: n, sums: segments, max: segments }, sum);
        yield call(squareSumKernel, limits, { x: n, sums: segments, max: segments }, sum);
        const drawn = { n, segment, ...KEY };
        yield call(packDitheredKernel, limits, { z: n, lambdas: segments, bits }, drawn);
        const found = { z: n, lambdas: segments, bits, max: 1 };
        yield call(ditheredAndMaxKernel, limits, found, drawn);
        const signs = { x: n, bits, sums: segments, max: segments };
        yield call(signsAndSumKernel, limits, signs, { n, segment, tiny: 5 });
        yield call(unflattenKernel, limits, { t: n, scales: segments, y: n }, drawn);
      }
      for (const block of [1, 64, 4096, 8192, 'whole'] as const) {
        const total = transformLength(n, block);
        const lengths = { n, total, block: block === 'whole' ? total : block };
        yield call(fwhtKernel, limits, { x: n, y: total }, lengths);
        const scaling = { tiny: 5, scale: 2 ** -96 };
        yield call(flattenKernel, limits, { x: n, y: total }, { ...lengths, ...KEY, ...scaling });
        for (const way of Object.values(WAYS)) {
          const blocks = total / lengths.block;
          const outputs = { bits: Math.ceil(total / 32), squares: way === WAYS.drive ? blocks : 1, max: 1 };
          const widths = way === WAYS.given ? 1 : blocks;
          const numbers = { ...lengths, ...KEY, scale: 2 ** -96, way, factor: 2 };
          yield call(flattenSignsKernel, limits, { x: n, widths, ...outputs }, numbers);
        }
        for (const bits of [2, 3, 4]) {
          const [blocks, codes] = [total / lengths.block, Math.ceil((total * bits) / 32)];
          const tallied = { sums: blocks * 2 ** (bits - 1), counts: blocks * 2 ** (bits - 1) };
          const numbers = { ...lengths, bits, ...KEY };
          const outputs = { codes, squares: blocks, ...tallied, max: 1 };
          yield call(flattenLevelsKernel, limits, { x: n, ...outputs }, { ...numbers, scale: 2 ** -96 });
          const segments = { n: total, segment: lengths.block, bits };
          yield call(packLevelsKernel, limits, { z: total, roots: blocks, codes, ...tallied }, segments);
          const decoded = { codes, table: 2 ** bits, scales: blocks, y: n };
          yield call(unflattenLevelsKernel, limits, decoded, { ...numbers, add: bits % 2, factor: 2 });
        }
        for (const add of [0, 1]) {
          const scales = total / lengths.block;
          const decoded = { bits: Math.ceil(total / 32), scales, y: n };
          yield call(unflattenSignsKernel, limits, decoded, { ...lengths, ...KEY, add, factor: 2 });
        }
      }
      for (const k of shares) {
        yield call(topKKernel, limits, { x: n, indices: k, values: k }, { n, k, order: 0 });
        const lists = { indices: k, values: k, count: 1 };
        yield call(thresholdKernel, limits, { x: n, ...lists }, { n, key: 9, capacity: k });
        yield call(compactKernel, limits, { bits, indices: k, count: 1 }, { n, capacity: k });
        yield call(gatherKernel, limits, { x: n, indices: k, values: k }, { n, count: k });
        yield call(scatterKernel, limits, { indices: k, values: k, y: n }, { n, count: k });
        yield call(placeKernel, limits, { indices: k, values: k, y: n }, { n, count: k });
        yield call(addAtKernel, limits, { indices: k, values: k, y: n }, { n, count: k });
      }
    }
    for (const power of [1, 2 ** -126, 2 ** 28]) {
      const range = 2;
      const masks = { kept: 2, range, grid: GRID };
      yield call(maskGridKernel, limits, masks, { bits: 4, signed: 2, power });
      yield call(uniformGridKernel, limits, { range, grid: GRID }, { bits: 16, power });
      const levels = { levels: 127, fraction: 15, power };
      yield call(levelGridKernel, limits, { sums: 1, max: 1, grid: GRID }, levels);
    }
  }
}

interface EntryTable {
  readonly bindings: Readonly<Record<string, { readonly access: string }>>;
  readonly uniforms: Readonly<Record<string, { readonly type: string }>>;
}

export function tableOf({ shader, entry }: Pass): EntryTable {
  return (shaders[shader].entries as Readonly<Record<string, EntryTable>>)[entry];
}

export function passes({ plan }: Call, ...entries: string[]): Pass[] {
  return plan.steps.filter((step): step is Pass => 'entry' in step && entries.includes(step.entry));
}

/** What a pass binds under a name, as a window. */
export function shown({ words, plan }: Call, pass: Pass, name: string): Window {
  const bound = pass.bindings[name];
  return typeof bound === 'string'
    ? { of: bound, first: 0, count: words[bound] ?? plan.scratch[bound] }
    : bound;
}

export function describe({ kernel, params, limits }: Call): string {
  return `${kernel} ${JSON.stringify(params)} with bindings of ${limits.bindingWords} words`;
}

export type Interval = Pick<Window, 'first' | 'count'>;

/** The intervals, in any order, cover 0..total-1, each place once. */
export function covers(intervals: readonly Interval[], total: number, what: string): void {
  let next = 0;
  for (const { first, count } of [...intervals].sort((a, b) => a.first - b.first)) {
    if (first !== next) assert.unreachable(`${what}: ${next} is followed by ${first}`);
    next = first + count;
  }
  assert.is(next, total, what);
}

export function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups.values()];
}
