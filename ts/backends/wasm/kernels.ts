/** The catalogue's kernels by the functions of the module: pointers first, then scratch, then numbers. */
import type { Implementations } from '../../kernels/catalogue.ts';
import type { Heap } from './heap.ts';

/** What assembly/index.ts exports. All arguments but `scale`, `power` and `factor` are u32; pointers are bytes. */
export interface Exports {
  absSum(
    x: number,
    sums: number,
    max: number,
    scratch: number,
    n: number,
    segment: number,
    tiny: number,
    scale: number,
  ): void;
  accumulate(x: number, y: number, n: number, scale: number): void;
  butterflies(y: number, h: number, stages: number, first: number, last: number): void;
  compact(bits: number, indices: number, count: number, n: number, capacity: number): void;
  /** The topK sample of an x in memory. */
  drawSample(x: number, n: number, list: number): void;
  /** Words of scratch of packDithered. */
  ditherScratch(): number;
  extremes(x: number, range: number, n: number, order: number): void;
  findMarked(packed: number, bits: number, n: number, width: number): void;
  flatten(
    x: number,
    y: number,
    scratch: number,
    from: number,
    n: number,
    total: number,
    block: number,
    seed: number,
    step: number,
    stream: number,
    tiny: number,
    scale: number,
  ): void;
  /** Words of scratch of flatten and unflatten. */
  flipScratch(): number;
  /** Folds words of a CRC onto later ones; not a kernel of the catalogue. */
  fold(window: number, count: number): void;
  fwht(x: number, y: number, n: number, total: number, block: number): void;
  gather(x: number, indices: number, values: number, n: number, count: number): void;
  /** The first byte of memory that is not the module's own. */
  heapBase(): number;
  /** Puts what `take` left in regions behind each other; 0 where one of them is full. */
  join(
    regions: number,
    counts: number,
    tasks: number,
    size: number,
    indices: number,
    words: number,
    room: number,
  ): number;
  lambdas(sums: number, lambdas: number, count: number, factor: number): void;
  levelGrid(sums: number, max: number, grid: number, levels: number, fraction: number, power: number): void;
  lookup(packed: number, table: number, y: number, scratch: number, n: number, width: number): void;
  /** Words of scratch of lookup. */
  lookupScratch(): number;
  mark(indices: number, packed: number, count: number, width: number): void;
  maskGrid(kept: number, range: number, grid: number, bits: number, signed: number, power: number): void;
  nonFinite(x: number, found: number, n: number): void;
  packBits(codes: number, packed: number, n: number, width: number): void;
  packDithered(
    z: number,
    lambdas: number,
    bits: number,
    scratch: number,
    from: number,
    n: number,
    segment: number,
    seed: number,
    step: number,
    stream: number,
  ): void;
  packSigns(x: number, bits: number, n: number): void;
  place(indices: number, values: number, y: number, n: number, count: number): void;
  quantize(
    x: number,
    grid: number,
    packed: number,
    scratch: number,
    n: number,
    width: number,
    rounding: number,
    power: number,
    fraction: number,
    seed: number,
    step: number,
    stream: number,
  ): void;
  /** Words of scratch of quantize. */
  quantizeScratch(): number;
  randomBits(bits: number, n: number, seed: number, step: number, stream: number): void;
  scan(x: number, sums: number, total: number, n: number): void;
  scatter(indices: number, values: number, y: number, n: number, count: number): void;
  /** absSum, scale 1, and packSigns in one pass. */
  signsAndSum(
    x: number,
    bits: number,
    sums: number,
    max: number,
    scratch: number,
    n: number,
    segment: number,
    tiny: number,
  ): void;
  /** 1 where the module was compiled with SIMD, else 0. */
  simd(): number;
  squareSum(
    x: number,
    sums: number,
    max: number,
    scratch: number,
    n: number,
    segment: number,
    tiny: number,
    scale: number,
  ): void;
  /** Words of scratch of absSum and squareSum. */
  sumScratch(): number;
  take(
    x: number,
    from: number,
    to: number,
    order: number,
    least: number,
    indices: number,
    values: number,
    room: number,
  ): number;
  threshold(
    x: number,
    indices: number,
    values: number,
    count: number,
    n: number,
    key: number,
    capacity: number,
  ): void;
  topK(
    x: number,
    indices: number,
    values: number,
    scratch: number,
    n: number,
    k: number,
    order: number,
  ): void;
  topKBracket(scratch: number, n: number, k: number, order: number): number;
  /** Where in scratch the candidates' indices go, and behind topKRoom of them their words. */
  topKCandidates(scratch: number, n: number, k: number): number;
  topKFinish(
    indices: number,
    values: number,
    scratch: number,
    n: number,
    k: number,
    order: number,
    taken: number,
  ): number;
  /** The rank from which on elements are candidates. */
  topKLow(scratch: number): number;
  /** Candidates that there is room for. */
  topKRoom(n: number, k: number): number;
  /** Where in scratch topKBracket wants the sample; 0 where k is too large, or n too small, for it. */
  topKSample(scratch: number, n: number, k: number): number;
  /** Words of the sample. */
  topKSampleSize(n: number): number;
  /** Words of scratch of topK. */
  topKScratch(n: number, k: number): number;
  unflatten(
    t: number,
    scales: number,
    y: number,
    scratch: number,
    n: number,
    segment: number,
    seed: number,
    step: number,
    stream: number,
  ): void;
  uniformGrid(range: number, grid: number, bits: number, power: number): void;
  unpackBits(packed: number, codes: number, n: number, width: number): void;
  unpackSigns(bits: number, scales: number, y: number, n: number, segment: number): void;
}

/** The names that a module must export to be one of fewbits. */
export const EXPORTS: readonly (keyof Exports)[] = [
  'absSum',
  'accumulate',
  'butterflies',
  'compact',
  'ditherScratch',
  'drawSample',
  'extremes',
  'findMarked',
  'flatten',
  'flipScratch',
  'fold',
  'fwht',
  'gather',
  'heapBase',
  'join',
  'lambdas',
  'levelGrid',
  'lookup',
  'lookupScratch',
  'mark',
  'maskGrid',
  'nonFinite',
  'packBits',
  'packDithered',
  'packSigns',
  'place',
  'quantize',
  'quantizeScratch',
  'randomBits',
  'scan',
  'scatter',
  'signsAndSum',
  'simd',
  'squareSum',
  'sumScratch',
  'take',
  'threshold',
  'topK',
  'topKBracket',
  'topKCandidates',
  'topKFinish',
  'topKLow',
  'topKRoom',
  'topKSample',
  'topKSampleSize',
  'topKScratch',
  'unflatten',
  'uniformGrid',
  'unpackBits',
  'unpackSigns',
];

/** Kernels by name, over addresses in the memory of `heap`, which also gives them their scratch. */
export type BindKernels = (wasm: Exports, heap: Heap) => Partial<Implementations<number>>;

/** The kernels of sparse packets: all that `fewbits/sparse` carries. */
export const sparseKernels = (
  wasm: Exports,
  heap: Heap,
): Pick<
  Implementations<number>,
  'accumulate' | 'gather' | 'nonFinite' | 'place' | 'scatter' | 'threshold' | 'topK'
> => ({
  accumulate: ({ x, y }, { n, scale }) => wasm.accumulate(x, y, n, scale),
  gather: ({ x, indices, values }, { n, count }) => wasm.gather(x, indices, values, n, count),
  nonFinite: ({ x, found }, { n }) => wasm.nonFinite(x, found, n),
  place: ({ indices, values, y }, { n, count }) => wasm.place(indices, values, y, n, count),
  scatter: ({ indices, values, y }, { n, count }) => wasm.scatter(indices, values, y, n, count),
  threshold: ({ x, indices, values, count }, { n, key, capacity }) => {
    wasm.threshold(x, indices, values, count, n, key, capacity);
  },
  topK: ({ x, indices, values }, { n, k, order }) => {
    heap.with(wasm.topKScratch(n, k) >>> 0, (scratch) => wasm.topK(x, indices, values, scratch, n, k, order));
  },
});

/** All kernels. */
export const allKernels = (wasm: Exports, heap: Heap): Implementations<number> => ({
  ...sparseKernels(wasm, heap),
  absSum: ({ x, sums, max }, { n, segment, tiny, scale }) => {
    heap.with(wasm.sumScratch(), (scratch) => wasm.absSum(x, sums, max, scratch, n, segment, tiny, scale));
  },
  compact: ({ bits, indices, count }, { n, capacity }) => wasm.compact(bits, indices, count, n, capacity),
  extremes: ({ x, range }, { n, order }) => wasm.extremes(x, range, n, order),
  findMarked: ({ packed, bits }, { n, width }) => wasm.findMarked(packed, bits, n, width),
  flatten: ({ x, y }, { n, total, block, seed, step, stream, tiny, scale }) => {
    heap.with(wasm.flipScratch(), (scratch) =>
      wasm.flatten(x, y, scratch, 0, n, total, block, seed, step, stream, tiny, scale),
    );
  },
  fwht: ({ x, y }, { n, total, block }) => wasm.fwht(x, y, n, total, block),
  lambdas: ({ sums, lambdas }, { count, factor }) => wasm.lambdas(sums, lambdas, count, factor),
  levelGrid: ({ sums, max, grid }, { levels, fraction, power }) => {
    wasm.levelGrid(sums, max, grid, levels, fraction, power);
  },
  lookup: ({ packed, table, y }, { n, width }) => {
    heap.with(wasm.lookupScratch(), (scratch) => wasm.lookup(packed, table, y, scratch, n, width));
  },
  mark: ({ indices, packed }, { count, width }) => wasm.mark(indices, packed, count, width),
  maskGrid: ({ kept, range, grid }, { bits, signed, power }) => {
    wasm.maskGrid(kept, range, grid, bits, signed, power);
  },
  packBits: ({ codes, packed }, { n, width }) => wasm.packBits(codes, packed, n, width),
  packDithered: ({ z, lambdas, bits }, { n, segment, seed, step, stream }) => {
    heap.with(wasm.ditherScratch(), (scratch) =>
      wasm.packDithered(z, lambdas, bits, scratch, 0, n, segment, seed, step, stream),
    );
  },
  packSigns: ({ x, bits }, { n }) => wasm.packSigns(x, bits, n),
  quantize: ({ x, grid, packed }, { n, width, rounding, power, fraction, seed, step, stream }) => {
    heap.with(wasm.quantizeScratch(), (scratch) =>
      wasm.quantize(x, grid, packed, scratch, n, width, rounding, power, fraction, seed, step, stream),
    );
  },
  randomBits: ({ bits }, { n, seed, step, stream }) => wasm.randomBits(bits, n, seed, step, stream),
  scan: ({ x, sums, total }, { n }) => wasm.scan(x, sums, total, n),
  squareSum: ({ x, sums, max }, { n, segment, tiny, scale }) => {
    heap.with(wasm.sumScratch(), (scratch) => wasm.squareSum(x, sums, max, scratch, n, segment, tiny, scale));
  },
  unflatten: ({ t, scales, y }, { n, segment, seed, step, stream }) => {
    heap.with(wasm.flipScratch(), (scratch) =>
      wasm.unflatten(t, scales, y, scratch, n, segment, seed, step, stream),
    );
  },
  uniformGrid: ({ range, grid }, { bits, power }) => wasm.uniformGrid(range, grid, bits, power),
  unpackBits: ({ packed, codes }, { n, width }) => wasm.unpackBits(packed, codes, n, width),
  unpackSigns: ({ bits, scales, y }, { n, segment }) => wasm.unpackSigns(bits, scales, y, n, segment),
});
