/**
 * Selection: the k largest elements, or all from a threshold on. Exact; ties go to the lowest index; output ascends.
 *
 * Elements are compared by integer keys and copied as words, so every bit survives, of subnormals and of NaN too. NaN
 * has larger keys than infinity; compressors refuse both.
 */
import { requireFloat32Array, requireInteger, requireNumber, requireOneOf } from '../arguments.ts';
import type { DeviceBuffer } from '../backends/backend.ts';
import { bitsOfTiles, listPasses, TILE, type Tiles, tileRuns } from './compact.ts';
import { bitsOf } from './float-bits.ts';
import { ceilDiv, type Kernel, type Limits, pass, type Plan, runs, WINDOW_UNIT } from './kernel.ts';
import { ORDERS, type Order } from './order.ts';
import { scanPlan } from './scan.ts';
import { floatsOf, type Host, type Scope, type Vector } from './scope.ts';
import { around, part } from './windows.ts';

export { ORDERS, type Order, TILE };

/**
 * indices, values = the k largest elements in the given order (ORDERS), by ascending index; among equals the lowest
 * indices. 1 <= k <= n; indices and values have k words, values are the words of x as they are.
 */
export const topKKernel: Kernel<'x' | 'indices' | 'values', 'n' | 'k' | 'order'> = {
  name: 'topK',
  buffers: ['x', 'indices', 'values'],
  params: ['n', 'k', 'order'],
  plan: topKPlan,
};

/**
 * count[0] = how many elements have a magnitude's key of at least `key`; the first `capacity` of them, by ascending
 * index, go to indices and values. n >= 1; indices and values have `capacity` words or more, 1 <= capacity.
 */
export const thresholdKernel: Kernel<'x' | 'indices' | 'values' | 'count', 'n' | 'key' | 'capacity'> = {
  name: 'threshold',
  buffers: ['x', 'indices', 'values', 'count'],
  params: ['n', 'key', 'capacity'],
  plan: thresholdPlan,
};

/** Elements of a vector: indices ascend, values[j] = x[indices[j]], bit by bit. */
export interface Selection {
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

/** Queues the selection of the k largest elements of x. */
export function selectTopK(
  scope: Scope,
  x: Vector,
  k: number,
  order: Order,
): { indices: DeviceBuffer; values: DeviceBuffer } {
  const indices = scope.take(k);
  const values = scope.take(k);
  scope.run(topKKernel, { x: x.buffer, indices, values }, { n: x.n, k, order: ORDERS[order] });
  return { indices, values };
}

/** Queues the selection of all |x_i| >= t, t >= 0: count[0] says how many words of indices and values that fills. */
export function selectFrom(
  scope: Scope,
  x: Vector,
  t: number,
): { indices: DeviceBuffer; values: DeviceBuffer; count: DeviceBuffer } {
  const { n } = x;
  const indices = scope.take(n);
  const values = scope.take(n);
  const count = scope.take(1);
  const key = bitsOf(t + 0); // -0 + 0 is +0, whose key is 0
  scope.run(thresholdKernel, { x: x.buffer, indices, values, count }, { n, key, capacity: n });
  return { indices, values, count };
}

/**
 * The k largest elements of x, by magnitude or by value: exactly k, ties to the lowest index, indices ascending. NaN
 * counts as larger than infinity; by value, NaN with its sign set counts as the least.
 *
 * @throws RangeError unless 0 <= k <= x.length
 * @example
 * await device.kernels.topK(new Float32Array([1, -5, 3]), 2); // { indices: [1, 2], values: [-5, 3] }
 */
export async function topK(
  host: Host,
  x: Float32Array,
  k: number,
  options: { by?: Order } = {},
): Promise<Selection> {
  requireFloat32Array('x', x);
  requireInteger('k', k, 0, x.length);
  const order = requireOneOf('by', options.by ?? 'magnitude', ['magnitude', 'value']);
  if (k === 0) return { indices: new Uint32Array(0), values: new Float32Array(0) };
  return host.use(async (scope) => {
    const kept = selectTopK(scope, scope.vector(x), k, order);
    const [indices, values] = await scope.read(kept.indices, kept.values);
    return { indices, values: floatsOf(values) };
  });
}

/**
 * All elements with |x_i| >= t, indices ascending. t is rounded to float32 first; t = 0 takes all. NaN counts as larger
 * than infinity.
 *
 * @throws RangeError unless t is finite and not negative
 * @example
 * await device.kernels.threshold(new Float32Array([1, -5, 3]), 3); // { indices: [1, 2], values: [-5, 3] }
 */
export async function threshold(host: Host, x: Float32Array, t: number): Promise<Selection> {
  requireFloat32Array('x', x);
  requireNumber('t', t, 'a number of 0 or more', (value) => value >= 0);
  const n = x.length;
  if (n === 0) return { indices: new Uint32Array(0), values: new Float32Array(0) };
  return host.use(async (scope) => {
    const { indices, values, count } = selectFrom(scope, scope.vector(x), t);
    const [[found]] = await scope.read(count);
    const kept = await scope.read({ buffer: indices, count: found }, { buffer: values, count: found });
    return { indices: kept[0], values: floatsOf(kept[1]) };
  });
}

/** Bins of a histogram: 11 bits of a key. Three digits, of 11, 11 and 10 bits, are a key. */
export const BINS = 2048;

/** Elements that a workgroup counts into its own bins before it adds them to those of all. */
export const HISTOGRAM_TILE = 16384;

/** The lowest bit and the number of bits of each digit of a key, from the top. */
const DIGITS = [
  { shift: 21, bits: 11 },
  { shift: 10, bits: 11 },
  { shift: 0, bits: 10 },
];

function topKPlan({ n, k, order }: { n: number; k: number; order: number }, limits: Limits): Plan {
  const digits = DIGITS.flatMap(({ shift, bits }, place) => {
    const bins = part('bins', BINS, place * BINS);
    const digit = 2 ** bits - 1;
    // The bits above the digit, all of them found by the passes before
    const mask = 2 ** 32 - 2 ** (shift + bits);
    const counting = runs(n, WINDOW_UNIT, (_, count) => count <= limits.bindingWords).map(
      ({ first, count }) =>
        pass(
          'select',
          'histogram',
          ceilDiv(count, HISTOGRAM_TILE),
          { x: part('x', count, first), known: 'state', bins },
          { n: count, order, mask, shift, digit },
        ),
    );
    return [...counting, pass('select', 'pivot', 1, { state: 'state', counted: bins }, { k, shift })];
  });

  // The counts of larger keys in each tile, then, from a multiple of WINDOW_UNIT on, those of equal keys: one scan
  // gives the places of both. What lies between them is zero.
  const words = ceilDiv(n, 32);
  const tiles = ceilDiv(n, TILE);
  const equals = ceilDiv(tiles, WINDOW_UNIT) * WINDOW_UNIT;
  const counters = (
    of: string,
    run: Tiles,
  ): { above: ReturnType<typeof around>; equal: ReturnType<typeof around> } => ({
    above: around(of, run.firstTile, run.tiles),
    equal: around(of, equals + run.firstTile, run.tiles),
  });
  const tilesRuns = tileRuns(n, 1, limits);
  const marking = tilesRuns.map((run) => {
    const counts = counters('counts', run);
    return pass(
      'select',
      'markTop',
      run.tiles,
      {
        x: part('x', run.count, run.first),
        known: 'state',
        above: bitsOfTiles('above', run),
        equal: bitsOfTiles('equal', run),
        aboveCounts: counts.above.window,
        equalCounts: counts.equal.window,
      },
      { n: run.count, order, tile: counts.above.skip },
    );
  });
  const scan = scanPlan({ n: equals + tiles }, limits, { x: 'counts', sums: 'offsets', total: 'marked' });
  const listing = listPasses(tilesRuns, k, limits, (run, list) => {
    const offsets = counters('offsets', run);
    return pass(
      'compact',
      'collectTop',
      run.tiles,
      {
        bits: bitsOfTiles('above', run),
        equal: bitsOfTiles('equal', run),
        offsets: offsets.above.window,
        equalOffsets: offsets.equal.window,
        state: 'state',
        x: part('x', run.count, run.first),
        indices: part('indices', list.count, list.first),
        values: part('values', list.count, list.first),
      },
      { n: run.count, first: run.first, tile: offsets.above.skip, place: list.first, room: list.count, k },
    );
  });
  return {
    scratch: {
      bins: DIGITS.length * BINS,
      state: 2,
      above: words,
      equal: words,
      counts: equals + tiles,
      offsets: equals + tiles,
      marked: 1,
      ...scan.scratch,
    },
    steps: [
      { clear: 'bins' },
      { clear: 'state' },
      { clear: 'counts' },
      ...digits,
      ...marking,
      ...scan.steps,
      ...listing,
    ],
  };
}

function thresholdPlan(
  { n, key, capacity }: { n: number; key: number; capacity: number },
  limits: Limits,
): Plan {
  const tiles = ceilDiv(n, TILE);
  const tilesRuns = tileRuns(n, 1, limits);
  const marking = tilesRuns.map((run) => {
    const counts = around('counts', run.firstTile, run.tiles);
    return pass(
      'select',
      'markFrom',
      run.tiles,
      { x: part('x', run.count, run.first), above: bitsOfTiles('above', run), aboveCounts: counts.window },
      { n: run.count, key, tile: counts.skip },
    );
  });
  const scan = scanPlan({ n: tiles }, limits, { x: 'counts', sums: 'offsets', total: 'count' });
  const listing = listPasses(tilesRuns, Math.min(n, capacity), limits, (run, list) => {
    const offsets = around('offsets', run.firstTile, run.tiles);
    return pass(
      'compact',
      'collect',
      run.tiles,
      {
        bits: bitsOfTiles('above', run),
        offsets: offsets.window,
        x: part('x', run.count, run.first),
        indices: part('indices', list.count, list.first),
        values: part('values', list.count, list.first),
      },
      { n: run.count, first: run.first, tile: offsets.skip, place: list.first, room: list.count },
    );
  });
  return {
    scratch: { above: ceilDiv(n, 32), counts: tiles, offsets: tiles, ...scan.scratch },
    steps: [...marking, ...scan.steps, ...listing],
  };
}
