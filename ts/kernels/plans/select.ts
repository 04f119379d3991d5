/** The passes of a selection on a GPU: wgsl/select.wgsl says what they do. */
import { LIST, TILE } from '../compact.ts';
import { bitsOfTiles, listPasses, type Tiles, tileRuns } from './compact.ts';
import { BINS, LANES, LAST, type thresholdKernel, type topKKernel } from '../select.ts';
import { ceilDiv } from '../kernel.ts';
import { spanFor } from './histogram.ts';
import {
  type Limits,
  type Pass,
  pass,
  type Plan,
  runs,
  type Window,
  WINDOW_UNIT,
  type PlanFor,
} from './plan.ts';
import { ORDERS } from '../order.ts';
import { scanPlan } from './scan.ts';
import { type Around, around, part } from './windows.ts';

/** Bits of a key below its first digit: keys have 31 bits by magnitude, 32 by value; digits 11, 10 or 11, and 10. */
const REST = { [ORDERS.magnitude]: 20, [ORDERS.value]: 21 };

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
   * `counts` has the counts of larger keys in each tile, then, from this multiple of WINDOW_UNIT on, those of equal
   * keys, so that one scan gives the places of both, and what lies between them is zero. Behind them are the totals and
   * the bins: all are cleared at once.
   */
  readonly equals: number;
  readonly limits: Limits;
}

/** From so many elements on it costs more to read x than to start the passes that a guess takes. */
const GUESS_FROM = 2 ** 22;

/** The part of x from which the first digit is guessed: the first `span` of every `stride` elements. */
const SAMPLE = { span: 1024, stride: 32_768 };

/** The passes of topK; the first digit is guessed where n is `guessFrom` or more. */
export function topKPlan(
  { n, k, order }: { n: number; k: number; order: number },
  limits: Limits,
  guessFrom: number = GUESS_FROM,
): Plan {
  const tiles = ceilDiv(n, TILE);
  const equals = ceilDiv(tiles, WINDOW_UNIT) * WINDOW_UNIT;
  const of = { n, k, order, rest: REST[order], tiles: tileRuns(n, 1, limits), equals, limits };
  const few = tiles <= SETTLED && of.tiles.length === 1;
  const settling = few ? settled(of) : refined(of);
  return {
    scratch: {
      state: 3,
      above: ceilDiv(n, 32),
      candidates: tiles * LIST,
      counts: bins(of, 4).first,
      offsets: equals + tiles,
      ...settling.scratch,
    },
    steps: [
      { clear: 'counts' },
      ...(n >= guessFrom ? guessed(of) : [...firstDigit(of), ...marking(of, 'markTop')]),
      ...settling.steps,
      ...listing(of),
    ],
  };
}

/** The bins of a digit of the key: 0, 1, 2 from the top, and 3 of a guess. */
function bins({ equals }: Selecting, digit: number): Window {
  return part('counts', BINS, 2 * equals + WINDOW_UNIT + digit * BINS);
}

/** How many keys have a first digit above the pivot's, and how many have the pivot's. */
function totals({ equals }: Selecting): Window {
  return part('counts', 2, 2 * equals);
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
  const counting = countingPasses(of).map(({ groups, x, uniforms }) =>
    pass('select', 'histogram', groups, { x, bins: bins(of, 0) }, uniforms),
  );
  return [...counting, pivoting(of, 0, of.rest)];
}

/**
 * Marks by the digit that a sample of x guesses. Where the marks show that another digit is right, the passes behind
 * them count and mark again; else they find nothing to do.
 */
function guessed(of: Selecting): Pass[] {
  const { n, k, rest } = of;
  const sampling = countingPasses(of, SAMPLE);
  const sampled = sampling.reduce((sum, { elements }) => sum + elements, 0);
  const share = { ...of, k: Math.min(Math.max(Math.round((k * sampled) / n), 1), sampled) };
  const again = { state: 'state', counted: bins(of, 0) };
  return [
    ...sampling.map(({ groups, x, uniforms }) =>
      pass('select', 'histogram', groups, { x, bins: bins(of, 3) }, uniforms),
    ),
    pivoting(share, 3, rest),
    ...marking(of, 'markTop'),
    pass('select-candidates', 'confirm', 1, { state: 'state', totals: totals(of) }, { k }),
    ...countingPasses(of).map(({ groups, x, uniforms }) =>
      pass('select', 'histogramAgain', groups, { x, known: 'state', bins: bins(of, 0) }, uniforms),
    ),
    pass('select-candidates', 'pivotAgain', 1, again, { k, shift: rest }),
    ...marking(of, 'markTopAgain'),
  ];
}

/** What a pass counts the first digits of. */
interface Counting {
  readonly groups: number;
  readonly x: Window;
  readonly uniforms: Readonly<Record<'n' | 'order' | 'rest' | 'span' | 'stride', number>>;
  /** The elements that it counts. */
  readonly elements: number;
}

/** The windows of x, and how a pass goes through each: over all of it, or over a sample. */
function countingPasses({ n, order, rest, limits }: Selecting, sample?: typeof SAMPLE): Counting[] {
  return runs(n, WINDOW_UNIT, (_, count) => count <= limits.bindingWords).map(({ first, count }) => {
    const whole = spanFor(count);
    const { span, stride } = sample ?? { span: whole, stride: whole };
    const groups = ceilDiv(count, stride);
    const elements = (groups - 1) * span + Math.min(span, count - (groups - 1) * stride);
    return {
      groups,
      x: part('x', count, first),
      uniforms: { n: count, order, rest, span, stride },
      elements,
    };
  });
}

function pivoting(of: Selecting, digit: number, shift: number): Pass {
  const { k, rest } = of;
  const bindings = { state: 'state', counted: bins(of, digit) };
  return pass('select-candidates', 'pivot', 1, bindings, { k, rest, shift });
}

/** Marks what is larger for sure, and lists what has the first digit of the k-th largest. */
function marking(of: Selecting, entry: 'markTop' | 'markTopAgain'): Pass[] {
  const { order, rest } = of;
  return of.tiles.map((run) => {
    const { window, skip } = counters(of, 'counts', run).above;
    return pass(
      'select',
      entry,
      run.tiles,
      {
        x: part('x', run.count, run.first),
        known: 'state',
        above: bitsOfTiles('above', run),
        aboveCounts: window,
        candidates: candidatesOf(run),
        totals: totals(of),
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
    known: part('state', 3),
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

/** The passes of threshold. */
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

export const plans: {
  readonly topK: PlanFor<typeof topKKernel>;
  readonly threshold: PlanFor<typeof thresholdKernel>;
} = { topK: (params, limits) => topKPlan(params, limits), threshold: thresholdPlan };
