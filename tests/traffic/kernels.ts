/** The kernels whose traffic is counted: all of the catalogue and more, with inputs as they are in training. */
import { keptShare } from '../../ts/compressors/count.ts';
import { accumulateKernel, clearKernel } from '../../ts/kernels/accumulate.ts';
import type { Catalogue } from '../../ts/kernels/catalogue.ts';
import { blockCountsKernel } from '../../ts/kernels/counts.ts';
import { blockLevelsKernel, blockTopKKernel, keptOf } from '../../ts/kernels/blocks.ts';
import { compactKernel } from '../../ts/kernels/compact.ts';
import { compensateKernel } from '../../ts/kernels/compensate.ts';
import { packDitheredKernel } from '../../ts/kernels/dither.ts';
import { codeSymbolsKernel } from '../../ts/kernels/entropy.ts';
import { bitsOf, INFINITE, keyOfPower, MAGNITUDE } from '../../ts/kernels/float-bits.ts';
import { unflattenSignsKernel } from '../../ts/kernels/flatten.ts';
import { flattenKernel, fwhtKernel, TINY, transformLength, unflattenKernel } from '../../ts/kernels/fwht.ts';
import { keyCountsKernel } from '../../ts/kernels/histogram.ts';
import { ceilDiv } from '../../ts/kernels/kernel.ts';
import {
  flattenLevelsKernel,
  packLevelsKernel,
  tableOf,
  unflattenLevelsKernel,
} from '../../ts/kernels/centroids.ts';
import { ORDERS } from '../../ts/kernels/order.ts';
import { listLevelsKernel } from '../../ts/kernels/levels.ts';
import {
  addSignsKernel,
  packBitsKernel,
  packedWords,
  packSignsKernel,
  unpackBitsKernel,
  unpackSignsKernel,
} from '../../ts/kernels/pack.ts';
import {
  addLookupKernel,
  findMarkedKernel,
  GRID,
  lookupKernel,
  markKernel,
  quantizeKernel,
  ROUNDINGS,
} from '../../ts/kernels/quantize.ts';
import { randomBitsKernel } from '../../ts/kernels/random.ts';
import { absSumKernel, extremesKernel, nonFiniteKernel, squareSumKernel } from '../../ts/kernels/reduce.ts';
import {
  lambdasKernel,
  levelGridKernel,
  maskGridKernel,
  uniformGridKernel,
} from '../../ts/kernels/scalars.ts';
import { scanKernel } from '../../ts/kernels/scan.ts';
import { thresholdKernel, topKKernel } from '../../ts/kernels/select.ts';
import { addAtKernel, gatherKernel, placeKernel, scatterKernel } from '../../ts/kernels/sparse.ts';
import { pack } from '../reference/pack.ts';
import { input, randomWords } from '../support/inputs.ts';
import { kernelCase, type Case } from '../support/same-words.ts';

/** A kernel with its inputs, and the least that any kernel could move that does the same. */
export interface KernelTask {
  readonly name: string;
  readonly run: Case;
  /** In words: each input once, each output once. */
  readonly least: number;
}

/** Shares of the elements that selections keep, by their names. */
const SHARES = { '0.1 %': 0.001, '1 %': 0.01, '10 %': 0.1 } as const;
const BLOCK = 4096;
const WIDTH = 4;
/** Digits of keys by their names: the exponents, and of the magnitudes from 2 to 4 what comes next. */
const DIGITS = {
  '256 bins': { known: 32, prefix: 0, shift: 23, bins: 256 },
  '64 bins': { known: 23, prefix: 128, shift: 17, bins: 64 },
} as const;
const KEY = { seed: 1, step: 0, stream: 0 } as const;

/** A vector, and what kernels take with it. */
interface Inputs {
  readonly n: number;
  readonly x: Float32Array;
  readonly words: Uint32Array;
  /** One element in a hundred: ascending indices, their values, and the bitmap of them. */
  readonly indices: Uint32Array;
  readonly values: Float32Array;
  readonly bitmap: Uint32Array;
}

type Make = (inputs: Inputs) => readonly KernelTask[];

/** Kernels made of others that a GPU does in one pass: decoders, which no packet shows whole, and one of each bits. */
type Composite = 'flattenLevels' | 'unflattenLevels' | 'unflattenSigns';

/** The tasks of a kernel, by its name: one, or one for each of its settings. */
const TASKS: { readonly [Name in keyof Catalogue | Composite]: Make } = {
  absSum: ({ n, x }) =>
    [n, BLOCK].map((segment) => {
      const [sums, params] = [ceilDiv(n, segment), { n, segment, tiny: TINY, scale: 1 }];
      return task(kernelCase(absSumKernel, byBlocks(segment), { x }, { sums, max: sums }, params));
    }),
  accumulate: ({ n, x }) => [
    task({
      ...{ label: '', kernel: accumulateKernel, inputs: { x }, changed: { y: x }, outputs: {} },
      params: { n, scale: 0.25 },
    }),
  ],
  addAt: ({ n, x, indices, values }) => {
    const count = indices.length;
    const run = { label: '1 %', kernel: addAtKernel, inputs: { indices, values }, changed: { y: x } };
    return [{ ...task({ ...run, outputs: {}, params: { n, count } }), least: 4 * count }];
  },
  addLookup: ({ n, x }) => {
    const inputs = { packed: randomWords(packedWords(n, WIDTH)), table: input('normal', 2 ** WIDTH) };
    const run = { label: '4 bits', kernel: addLookupKernel, inputs, changed: { y: x }, outputs: {} };
    return [task({ ...run, params: { n, width: WIDTH } })];
  },
  addSigns: ({ n, x, bitmap }) => {
    const inputs = { bits: bitmap, scales: new Float32Array(ceilDiv(n, BLOCK)).fill(0.5) };
    const run = { label: '', kernel: addSignsKernel, inputs, changed: { y: x }, outputs: {} };
    return [task({ ...run, params: { n, segment: BLOCK } })];
  },
  blockLevels: ({ n }) => {
    const [k, values] = [64, input('normal', n)];
    const outputs = { levels: ceilDiv(n, k), codes: n };
    const params = { count: n, k, bits: 2 };
    return [task(kernelCase(blockLevelsKernel, `${k} a block`, { values }, outputs, params))];
  },
  blockTopK: ({ n, x }) => {
    const [block, k] = [4096, 64];
    const kept = keptOf(n, block, k);
    const outputs = { indices: kept, values: kept };
    return [task(kernelCase(blockTopKKernel, `${k} of ${block}`, { x }, outputs, { n, block, k }))];
  },
  clear: ({ n }) => [task(kernelCase(clearKernel, '', {}, { y: n }, { n }))],
  codeSymbols: ({ n, x }) =>
    [2, 8].map((width) => {
      // the largest magnitude of a gradient is several times most of them
      const symbols = [...x].map((value) =>
        Math.min(Math.floor(Math.abs(value) * 2 ** (width - 2)), 2 ** width - 1),
      );
      const words = packedWords(n, width);
      const packed = pack(symbols, width);
      const outputs = { coded: words, size: 1 };
      return task(kernelCase(codeSymbolsKernel, `${width} bits`, { packed }, outputs, { n, width }));
    }),
  compact: ({ n, bitmap, indices }) => {
    const [capacity, outputs] = [indices.length, { indices: indices.length, count: 1 }];
    return [task(kernelCase(compactKernel, '1 %', { bits: bitmap }, outputs, { n, capacity }))];
  },
  compensate: ({ n, x }) => {
    const params = { n, scale: 0.25 };
    return [task(kernelCase(compensateKernel, '', { x, error: x }, { y: n, keys: 2 }, params))];
  },
  extremes: ({ n, x }) => [
    task(kernelCase(extremesKernel, '', { x }, { range: 2 }, { n, order: ORDERS.value })),
  ],
  findMarked: ({ n }) => {
    const packed = randomWords(packedWords(n, WIDTH));
    const params = { n, width: WIDTH };
    return [task(kernelCase(findMarkedKernel, '4 bits', { packed }, { bits: packedWords(n, 1) }, params))];
  },
  flatten: ({ n, x }) =>
    [BLOCK, 'whole' as const].map((block) => {
      const lengths = lengthsOf(n, block);
      const params = { n, ...lengths, ...KEY, tiny: TINY, scale: 1 };
      return task(kernelCase(flattenKernel, byBlocks(block), { x }, { y: lengths.total }, params));
    }),
  flattenLevels: ({ n, x }) =>
    [2, 3, WIDTH].map((bits) => {
      const lengths = lengthsOf(n, BLOCK);
      const blocks = lengths.total / BLOCK;
      const tallied = blocks * 2 ** (bits - 1);
      const outputs = {
        ...{ codes: packedWords(lengths.total, bits), squares: blocks, sums: tallied },
        ...{ counts: tallied, max: 1 },
      };
      const params = { n, ...lengths, bits, ...KEY, scale: 1 };
      return task(kernelCase(flattenLevelsKernel, `${bits} bits`, { x }, outputs, params));
    }),
  fwht: ({ n, x }) =>
    [BLOCK, 'whole' as const].map((block) => {
      const lengths = lengthsOf(n, block);
      return task(kernelCase(fwhtKernel, byBlocks(block), { x }, { y: lengths.total }, { n, ...lengths }));
    }),
  blockCounts: ({ n, x }) => {
    // 1024 blocks, of elements of which one in a hundred or so reaches the threshold
    const length = ceilDiv(n, 1024);
    const params = { n, key: bitsOf(2.6), length };
    return [task(kernelCase(blockCountsKernel, '1 %', { x }, { counts: ceilDiv(n, length) }, params))];
  },
  gather: ({ n, x, indices }) => {
    const count = indices.length;
    const run = kernelCase(gatherKernel, '1 %', { x, indices }, { values: count }, { n, count });
    return [{ ...task(run), least: 3 * count }];
  },
  keyCounts: ({ n, x }) =>
    Object.entries(DIGITS).map(([name, digit]) =>
      task(kernelCase(keyCountsKernel, name, { x }, { counts: digit.bins }, { n, ...digit })),
    ),
  lambdas: ({ n }) => {
    const count = ceilDiv(n, BLOCK);
    const sums = new Float32Array(count).fill(BLOCK);
    return [task(kernelCase(lambdasKernel, '', { sums }, { lambdas: count }, { count, factor: 2 }))];
  },
  levelGrid: ({ n }) => {
    const inputs = { sums: Float32Array.of(n), max: words(5) };
    const params = { levels: 7, fraction: 19, power: 1 };
    return [task(kernelCase(levelGridKernel, '', inputs, { grid: GRID }, params))];
  },
  listLevels: ({ n }) => {
    const inputs = { values: input('normal', n), count: Uint32Array.of(n) };
    const outputs = { levels: 1, packed: packedWords(n, 2) };
    return [task(kernelCase(listLevelsKernel, '2 bits', inputs, outputs, { capacity: n, bits: 2 }))];
  },
  lookup: ({ n }) => {
    const inputs = { packed: randomWords(packedWords(n, WIDTH)), table: input('normal', 2 ** WIDTH) };
    return [task(kernelCase(lookupKernel, '4 bits', inputs, { y: n }, { n, width: WIDTH }))];
  },
  mark: ({ n, indices }) => {
    const count = indices.length;
    const changed = { packed: randomWords(packedWords(n, WIDTH)) };
    const params = { n, count, width: WIDTH };
    const run = { label: '1 %', kernel: markKernel, inputs: { indices }, changed, outputs: {}, params };
    // marks are made by atomics, which are no words
    return [{ ...task(run), least: count }];
  },
  maskGrid: () => {
    const inputs = { kept: words(2.5, 5), range: Int32Array.of(~bitsOf(5), bitsOf(5)) };
    const keys = { kept: inputs.kept, range: new Uint32Array(inputs.range.buffer) };
    const params = { bits: 2, signed: 1, power: 1 };
    return [task(kernelCase(maskGridKernel, '', keys, { grid: GRID }, params))];
  },
  nonFinite: ({ n, x }) => [task(kernelCase(nonFiniteKernel, '', { x }, { found: 2 }, { n }))],
  packBits: ({ n, words }) => {
    const outputs = { packed: packedWords(n, WIDTH) };
    return [task(kernelCase(packBitsKernel, '4 bits', { codes: words }, outputs, { n, width: WIDTH }))];
  },
  packDithered: ({ n, x }) => {
    const inputs = { z: x, lambdas: new Float32Array(ceilDiv(n, BLOCK)).fill(2) };
    const params = { n, segment: BLOCK, ...KEY };
    return [task(kernelCase(packDitheredKernel, '', inputs, { bits: packedWords(n, 1) }, params))];
  },
  packLevels: ({ n }) =>
    [64, 'whole' as const].map((segment) => {
      const { total, block } = lengthsOf(n, segment);
      const inputs = { z: input('normal', total), roots: new Float32Array(total / block).fill(1) };
      const tallied = (total / block) * 2 ** (WIDTH - 1);
      const outputs = { codes: packedWords(total, WIDTH), sums: tallied, counts: tallied };
      const label = segment === 'whole' ? 'whole, 4 bits' : `blocks of ${segment}, 4 bits`;
      const params = { n: total, segment: block, bits: WIDTH };
      return task(kernelCase(packLevelsKernel, label, inputs, outputs, params));
    }),
  packSigns: ({ n, x }) => [task(kernelCase(packSignsKernel, '', { x }, { bits: packedWords(n, 1) }, { n }))],
  place: ({ n, x, indices, values }) => {
    const count = indices.length;
    const inputs = { indices, values };
    const run = { label: '1 %', kernel: placeKernel, inputs, changed: { y: x }, outputs: {} };
    return [{ ...task({ ...run, params: { n, count } }), least: 3 * count }];
  },
  quantize: ({ n, x }) => {
    const inputs = { x, grid: uniformGrid(-5, 5) };
    const settings = { width: WIDTH, rounding: ROUNDINGS.nearest, power: 1, fraction: 0 };
    const outputs = { packed: packedWords(n, WIDTH) };
    return [task(kernelCase(quantizeKernel, '4 bits', inputs, outputs, { n, ...settings, ...KEY }))];
  },
  randomBits: ({ n }) => [task(kernelCase(randomBitsKernel, '', {}, { bits: n }, { n, ...KEY }))],
  scan: ({ n, words }) => [task(kernelCase(scanKernel, '', { x: words }, { sums: n, total: 1 }, { n }))],
  scatter: ({ n, indices, values }) => {
    const params = { n, count: indices.length };
    return [task(kernelCase(scatterKernel, '1 %', { indices, values }, { y: n }, params))];
  },
  squareSum: ({ n, x }) =>
    [n, BLOCK].map((segment) => {
      const [sums, params] = [ceilDiv(n, segment), { n, segment, tiny: keyOfPower(-51), scale: 1 }];
      return task(kernelCase(squareSumKernel, byBlocks(segment), { x }, { sums, max: sums }, params));
    }),
  threshold: ({ n, x, indices, values }) => {
    const key = values.reduce((least, value) => Math.min(least, bitsOf(value) & MAGNITUDE), INFINITE);
    const capacity = indices.length;
    const outputs = { indices: capacity, values: capacity, count: 1 };
    return [task(kernelCase(thresholdKernel, '1 %', { x }, outputs, { n, key, capacity }))];
  },
  topK: ({ n, x }) =>
    Object.entries(SHARES).map(([name, share]) => {
      const k = keptShare(share, n);
      const params = { n, k, order: ORDERS.magnitude };
      return task(kernelCase(topKKernel, name, { x }, { indices: k, values: k }, params));
    }),
  unflatten: ({ n, x }) => {
    const inputs = { t: x.map(Math.trunc), scales: new Float32Array(ceilDiv(n, BLOCK)).fill(0.5) };
    return [task(kernelCase(unflattenKernel, '', inputs, { y: n }, { n, segment: BLOCK, ...KEY }))];
  },
  unflattenLevels: ({ n, x }) =>
    [0, 1].map((add) => {
      const lengths = lengthsOf(n, BLOCK);
      const inputs = {
        ...{ codes: randomWords(packedWords(lengths.total, WIDTH)), table: tableOf(WIDTH) },
        scales: new Float32Array(lengths.total / BLOCK).fill(0.5),
      };
      return task({
        ...{ label: `${add === 0 ? 'written' : 'added'}, 4 bits`, kernel: unflattenLevelsKernel, inputs },
        ...(add === 0 ? { outputs: { y: n } } : { changed: { y: x }, outputs: {} }),
        params: { n, ...lengths, bits: WIDTH, ...KEY, add, factor: 0.25 },
      });
    }),
  unflattenSigns: ({ n, x }) =>
    [BLOCK, 'whole' as const].flatMap((block) => {
      const lengths = lengthsOf(n, block);
      const bits = randomWords(packedWords(lengths.total, 1));
      const inputs = { bits, scales: new Float32Array(lengths.total / lengths.block).fill(0.5) };
      const params = { n, ...lengths, ...KEY, factor: 0.25 };
      const kernel = unflattenSignsKernel;
      return [
        task(kernelCase(kernel, `written, ${byBlocks(block)}`, inputs, { y: n }, { ...params, add: 0 })),
        task({
          ...{ label: `added, ${byBlocks(block)}`, kernel, inputs, changed: { y: x }, outputs: {} },
          params: { ...params, add: 1 },
        }),
      ];
    }),
  uniformGrid: () => {
    const range = new Uint32Array(Int32Array.of(~bitsOf(5), bitsOf(5)).buffer);
    const params = { bits: WIDTH, power: 1 };
    return [task(kernelCase(uniformGridKernel, '', { range }, { grid: GRID }, params))];
  },
  unpackBits: ({ n }) => {
    const packed = randomWords(packedWords(n, WIDTH));
    return [task(kernelCase(unpackBitsKernel, '4 bits', { packed }, { codes: n }, { n, width: WIDTH }))];
  },
  unpackSigns: ({ n, bitmap }) => {
    const inputs = { bits: bitmap, scales: new Float32Array(ceilDiv(n, BLOCK)).fill(0.5) };
    return [task(kernelCase(unpackSignsKernel, '', inputs, { y: n }, { n, segment: BLOCK }))];
  },
};

/** The kernels of the catalogue that are wanted, or all, over a vector of n elements. */
export function kernelTasks(n: number, wanted: (kernel: string) => boolean = () => true): KernelTask[] {
  const inputs = inputsOf(n);
  return Object.entries(TASKS).flatMap(([kernel, make]) => (wanted(kernel) ? make(inputs) : []));
}

function inputsOf(n: number): Inputs {
  const x = input('normal', n);
  const k = keptShare(0.01, n);
  const keys = new Uint32Array(x.buffer).map((bits) => bits & MAGNITUDE);
  const least = keys.toSorted()[n - k];
  const indices: number[] = [];
  const bitmap = new Uint32Array(ceilDiv(n, 32));
  for (let i = 0; i < n; i++)
    if (keys[i] >= least) {
      indices.push(i);
      bitmap[i >>> 5] |= 1 << (i & 31);
    }
  const values = Float32Array.from(indices, (i) => x[i]);
  return { n, x, words: randomWords(n), indices: Uint32Array.from(indices), values, bitmap };
}

/** A kernel that reads all that it is given and writes all that it leaves. */
function task(run: Case): KernelTask {
  const { kernel, label, inputs, outputs, changed = {} } = run;
  const lengths = [...Object.values(inputs), ...Object.values(changed)].map(({ length }) => length);
  const written = [...Object.values(outputs), ...Object.values(changed).map(({ length }) => length)];
  const least = [...lengths, ...written].reduce((sum, words) => sum + words, 0);
  return { name: label === '' ? kernel.name : `${kernel.name}, ${label}`, run, least };
}

function byBlocks(block: number | 'whole'): string {
  return block === BLOCK ? `blocks of ${BLOCK}` : 'whole';
}

function lengthsOf(n: number, block: number | 'whole'): { total: number; block: number } {
  const total = transformLength(n, block);
  return { total, block: block === 'whole' ? total : block };
}

/** The bits of some floats. */
function words(...floats: number[]): Uint32Array {
  return Uint32Array.from(floats, bitsOf);
}

/** The grid of 2^WIDTH levels from `low` to `high` (ts/kernels/quantize.ts). */
function uniformGrid(low: number, high: number): Uint32Array {
  const levels = 2 ** WIDTH - 1;
  return Uint32Array.of(bitsOf(low), bitsOf(levels / (high - low)), levels, 0, INFINITE - 1);
}
