/** The plans of gather, scatter, place and addAt (../sparse.ts, wgsl/sparse.wgsl). */
import type { addAtKernel, gatherKernel, scatterKernel, placeKernel } from '../sparse.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, type Pass, pass, type Plan, runs, WINDOW_UNIT, type PlanFor } from './plan.ts';
import { part } from './windows.ts';
import { WIDTH } from '../sparse.ts';

/** Each window of the dense side meets each window of the list. */
function meetings(
  n: number,
  count: number,
  limits: Limits,
): { first: number; words: number; from: number; items: number }[] {
  const windows = (total: number): { first: number; count: number }[] =>
    runs(total, WINDOW_UNIT, (_, words) => words <= limits.bindingWords);
  return windows(n).flatMap(({ first, count: words }) =>
    windows(count).map((list) => ({ first, words, from: list.first, items: list.count })),
  );
}

function gatherPlan({ n, count }: { n: number; count: number }, limits: Limits): Plan {
  const steps = meetings(n, count, limits).map(({ first, words, from, items }) =>
    pass(
      'sparse',
      'gather',
      ceilDiv(items, WIDTH),
      {
        indices: part('indices', items, from),
        x: part('x', words, first),
        picked: part('values', items, from),
      },
      { count: items, n: words, first },
    ),
  );
  return { scratch: {}, steps };
}

function scatterPlan(params: { n: number; count: number }, limits: Limits): Plan {
  return { scratch: {}, steps: [{ clear: 'y' }, ...listPasses('scatter', params, limits)] };
}

/** Passes that take the elements of a list to y. */
function listPasses(
  entry: 'scatter' | 'addAt',
  { n, count }: { n: number; count: number },
  limits: Limits,
): Pass[] {
  return meetings(n, count, limits).map(({ first, words, from, items }) =>
    pass(
      'sparse',
      entry,
      ceilDiv(items, WIDTH),
      {
        indices: part('indices', items, from),
        values: part('values', items, from),
        y: part('y', words, first),
      },
      { count: items, n: words, first },
    ),
  );
}

export const plans: {
  readonly gather: PlanFor<typeof gatherKernel>;
  readonly scatter: PlanFor<typeof scatterKernel>;
  readonly place: PlanFor<typeof placeKernel>;
  readonly addAt: PlanFor<typeof addAtKernel>;
} = {
  gather: gatherPlan,
  scatter: scatterPlan,
  place: (params, limits) => ({ scratch: {}, steps: listPasses('scatter', params, limits) }),
  addAt: (params, limits) => ({ scratch: {}, steps: listPasses('addAt', params, limits) }),
};
