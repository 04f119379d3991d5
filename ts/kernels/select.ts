/**
 * Selection: the k largest elements, or all from a threshold on. Exact; ties go to the lowest index; output ascends.
 *
 * Elements are compared by integer keys and copied as words, so every bit survives, of subnormals and of NaN too. NaN
 * has larger keys than infinity; compressors refuse both.
 */
import { requireFloat32Array, requireInteger, requireNumber, requireOneOf } from '../arguments.ts';
import type { DeviceBuffer } from '../backends/backend.ts';
import { bitsOfTiles, LIST, listPasses, TILE, type Tiles, tileRuns } from './compact.ts';
import { bitsOf } from './float-bits.ts';
import {
  ceilDiv,
  type Kernel,
  type Limits,
  type Pass,
  pass,
  type Plan,
  runs,
  type Window,
  WINDOW_UNIT,
} from './kernel.ts';
import { ORDERS, type Order } from './order.ts';
import { scanPlan } from './scan.ts';
import { floatsOf, type Host, type Scope, type Vector } from './scope.ts';
import { type Around, around, part } from './windows.ts';

export { LIST, ORDERS, type Order, TILE };

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

/** Bins of a histogram: a digit of a key has 11 bits at most. */
export const BINS = 2048;

/** Threads that go through a tile's candidates. */
export const LANES = 8;

/** Bits of the last digit. */
export const LAST = 10;

/** Bits of a key below its first digit: keys have 31 bits by magnitude, 32 by value; digits 11, 10 or 11, and 10. */
const REST = { [ORDERS.magnitude]: 20, [ORDERS.value]: 21 };

/**
 * Elements whose first digits a workgroup counts: many, since each adds its bins to those of all, but few where else the
 * GPU would have less than 256 workgroups.
 */
const SPAN = { least: 2048, most: 16384, groups: 256, step: 1024 };

/** Tiles whose candidates a workgroup of 256 threads goes through. */
const SETTLED = 256 / LANES;

/** What the passes of a selection need to know. */
interface Selecting {
  readonly n: number;
  readonly k: number;
  readonly order: number;
  readonly rest: number;
  readonly tiles: readonly Tiles[];
  /**
   * `counts` has the counts of larger keys in each tile, then, from this multiple of WINDOW_UNIT on, those of equal keys,
   * so that one scan gives the places of both, and what lies between them is zero. Behind them are the bins: all are
   * cleared at once.
   */
  readonly equals: number;
  readonly limits: Limits;
}

function topKPlan({ n, k, order }: { n: number; k: number; order: number }, limits: Limits): Plan {
  const tiles = ceilDiv(n, TILE);
  const equals = ceilDiv(tiles, WINDOW_UNIT) * WINDOW_UNIT;
  const of = { n, k, order, rest: REST[order], tiles: tileRuns(n, 1, limits), equals, limits };
  const few = tiles <= SETTLED && of.tiles.length === 1;
  const settling = few ? settled(of) : refined(of);
  return {
    scratch: {
      state: 2,
      above: ceilDiv(n, 32),
      candidates: tiles * LIST,
      counts: bins(of, few ? 1 : 3).first,
      offsets: equals + tiles,
      ...settling.scratch,
    },
    steps: [{ clear: 'counts' }, ...firstDigit(of), ...marking(of), ...settling.steps, ...listing(of)],
  };
}

/** The bins of a digit of the key: 0, 1, 2 from the top. */
function bins({ equals }: Selecting, digit: number): Window {
  return part('counts', BINS, 2 * equals + digit * BINS);
}

/** The words of a run of tiles in what `counts` has, or `offsets`: of larger and of equal keys. */
function counters(
  { equals }: Selecting,
  of: string,
  { firstTile, tiles }: Tiles,
): Record<'above' | 'equal', Around> {
  return { above: around(of, firstTile, tiles), equal: around(of, equals + firstTile, tiles) };
}

/** Counts the first digit of each key, and finds that of the k-th largest. */
function firstDigit(of: Selecting): Pass[] {
  const { n, order, rest, limits } = of;
  const windows = runs(n, WINDOW_UNIT, (_, count) => count <= limits.bindingWords);
  const counting = windows.map(({ first, count }) => {
    const even = ceilDiv(count, SPAN.groups * SPAN.step) * SPAN.step;
    const span = Math.min(Math.max(even, SPAN.least), SPAN.most);
    const bindings = { x: part('x', count, first), bins: bins(of, 0) };
    return pass('select', 'histogram', ceilDiv(count, span), bindings, { n: count, order, span, rest });
  });
  return [...counting, pivoting(of, 0, rest)];
}

function pivoting(of: Selecting, digit: number, shift: number): Pass {
  const { k, rest } = of;
  return pass(
    'select-candidates',
    'pivot',
    1,
    { state: 'state', counted: bins(of, digit) },
    { k, rest, shift },
  );
}

/** Marks what is larger for sure, and lists what has the first digit of the k-th largest. */
function marking(of: Selecting): Pass[] {
  const { order, rest } = of;
  return of.tiles.map((run) => {
    const { window, skip } = counters(of, 'counts', run).above;
    return pass(
      'select',
      'markTop',
      run.tiles,
      {
        x: part('x', run.count, run.first),
        known: 'state',
        above: bitsOfTiles('above', run),
        aboveCounts: window,
        candidates: candidatesOf(run),
      },
      { n: run.count, order, rest, tile: skip },
    );
  });
}

function candidatesOf({ firstTile, tiles }: Tiles): Window {
  return part('candidates', tiles * LIST, firstTile * LIST);
}

/** The other digits, the counts of each tile and their scan, for any number of tiles. */
function refined(of: Selecting): Plan {
  const { n, order, rest, tiles, equals, limits } = of;
  const shown = (run: Tiles): Record<'x' | 'known' | 'candidatesIn', Window> => ({
    x: part('x', run.count, run.first),
    known: part('state', 2),
    candidatesIn: candidatesOf(run),
  });
  const digits = [
    { top: rest, shift: LAST },
    { top: LAST, shift: 0 },
  ].flatMap(({ top, shift }, i) => [
    ...tiles.map((run) =>
      pass(
        'select-candidates',
        'refine',
        ceilDiv(run.tiles, SETTLED),
        { ...shown(run), bins: bins(of, i + 1) },
        { n: run.count, order, rest, top, shift },
      ),
    ),
    pivoting(of, i + 1, shift),
  ]);
  const counting = tiles.map((run) => {
    const { above, equal } = counters(of, 'counts', run);
    return pass(
      'select-candidates',
      'countTop',
      ceilDiv(run.tiles, SETTLED),
      { ...shown(run), aboveCounts: above.window, equalCounts: equal.window },
      { n: run.count, order, rest, tile: above.skip },
    );
  });
  const scanned = { x: 'counts', sums: 'offsets', total: 'marked' };
  const scan = scanPlan({ n: equals + ceilDiv(n, TILE) }, limits, scanned);
  return { scratch: { marked: 1, ...scan.scratch }, steps: [...digits, ...counting, ...scan.steps] };
}

/** The same by one workgroup. */
function settled(of: Selecting): Plan {
  const { n, k, order, rest } = of;
  const [run] = of.tiles;
  const offsets = counters(of, 'offsets', run);
  const settling = pass(
    'select-candidates',
    'settle',
    1,
    {
      x: part('x', n),
      state: 'state',
      candidatesIn: candidatesOf(run),
      aboveCounts: counters(of, 'counts', run).above.window,
      offsets: offsets.above.window,
      equalOffsets: offsets.equal.window,
    },
    { n, k, order, rest },
  );
  return { scratch: {}, steps: [settling] };
}

/** Lists what is marked, what is larger among the candidates, and as many of the equals as there is room for. */
function listing(of: Selecting): Pass[] {
  const { k, order, rest, tiles, limits } = of;
  return listPasses(tiles, k, limits, (run, list) => {
    const offsets = counters(of, 'offsets', run);
    return pass(
      'compact',
      'collectTop',
      run.tiles,
      {
        bits: bitsOfTiles('above', run),
        candidates: candidatesOf(run),
        offsets: offsets.above.window,
        equalOffsets: offsets.equal.window,
        state: 'state',
        x: part('x', run.count, run.first),
        indices: part('indices', list.count, list.first),
        values: part('values', list.count, list.first),
      },
      {
        ...{ n: run.count, first: run.first, tile: offsets.above.skip, place: list.first, room: list.count },
        ...{ k, order, rest },
      },
    );
  });
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
