/** The plans of quantisation (../quantize.ts, wgsl/quantize.wgsl). */
import type {
  addLookupKernel,
  quantizeKernel,
  lookupKernel,
  markKernel,
  findMarkedKernel,
} from '../quantize.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, pass, type Plan, runs, WINDOW_UNIT, type PlanFor } from './plan.ts';
import { packedWords } from '../pack.ts';
import { scalingBy } from '../scaling.ts';
import { part } from './windows.ts';
import { TILE, GRID, UNPACK_TILE, WIDTH, FLAG_TILE } from '../quantize.ts';

/** Windows start at a multiple of so many codes, whose bits fill a multiple of WINDOW_UNIT words. */
const UNIT = 2048;

type Numbers<Names extends string> = Readonly<Record<Names, number>>;

function quantizePlan(
  {
    n,
    width,
    rounding,
    power,
    fraction,
    ...key
  }: Numbers<'n' | 'width' | 'rounding' | 'power' | 'fraction' | 'seed' | 'step' | 'stream'>,
  limits: Limits,
): Plan {
  const steps = runs(n, TILE, (_, count) => count <= limits.bindingWords).map(({ first, count }) =>
    pass(
      'quantize',
      'quantize',
      ceilDiv(count, TILE),
      { x: part('x', count, first), grid: part('grid', GRID), packed: codes(first, count, width) },
      { n: count, width, rounding, fraction, counter: first / 4, ...scalingBy(power), ...key },
    ),
  );
  return { scratch: {}, steps };
}

/** The words of codes `first` to `first + count - 1`. */
function codes(first: number, count: number, width: number): ReturnType<typeof part> {
  return part('packed', packedWords(count, width), packedWords(first, width));
}

/** Each window of elements meets each window of the table, whose codes it looks up. */
function lookupPlan(
  entry: 'lookup' | 'addLookup',
  { n, width }: Numbers<'n' | 'width'>,
  limits: Limits,
): Plan {
  const fits = (_: number, count: number): boolean => count <= limits.bindingWords;
  const tables = runs(2 ** width, WINDOW_UNIT, fits);
  const steps = runs(n, UNIT, fits).flatMap(({ first, count }) =>
    tables.map((table) =>
      pass(
        'quantize',
        entry,
        ceilDiv(count, UNPACK_TILE),
        {
          packedIn: codes(first, count, width),
          table: part('table', table.count, table.first),
          y: part('y', count, first),
        },
        { n: count, width, first: table.first, count: table.count },
      ),
    ),
  );
  return { scratch: {}, steps };
}

/** Each window of codes meets each window of the list. */
function markPlan({ n, count, width }: Numbers<'n' | 'count' | 'width'>, limits: Limits): Plan {
  const lists = runs(count, WINDOW_UNIT, (_, items) => items <= limits.bindingWords);
  const windows = runs(n, UNIT, (_, items) => packedWords(items, width) <= limits.bindingWords);
  const steps = windows.flatMap(({ first, count: items }) =>
    lists.map((list) =>
      pass(
        'quantize',
        'mark',
        ceilDiv(list.count, WIDTH),
        { indices: part('indices', list.count, list.first), marked: codes(first, items, width) },
        { n: items, width, first, count: list.count },
      ),
    ),
  );
  return { scratch: {}, steps };
}

function findMarkedPlan({ n, width }: Numbers<'n' | 'width'>, limits: Limits): Plan {
  const steps = runs(n, UNIT, (_, count) => packedWords(count, width) <= limits.bindingWords).map(
    ({ first, count }) =>
      pass(
        'quantize',
        'findMarked',
        ceilDiv(count, FLAG_TILE),
        { packedIn: codes(first, count, width), flags: part('bits', ceilDiv(count, 32), first / 32) },
        { n: count, width },
      ),
  );
  return { scratch: {}, steps };
}

export const plans: {
  readonly quantize: PlanFor<typeof quantizeKernel>;
  readonly lookup: PlanFor<typeof lookupKernel>;
  readonly addLookup: PlanFor<typeof addLookupKernel>;
  readonly mark: PlanFor<typeof markKernel>;
  readonly findMarked: PlanFor<typeof findMarkedKernel>;
} = {
  quantize: quantizePlan,
  lookup: (params, limits) => lookupPlan('lookup', params, limits),
  addLookup: (params, limits) => lookupPlan('addLookup', params, limits),
  mark: markPlan,
  findMarked: findMarkedPlan,
};
