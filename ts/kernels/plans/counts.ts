/** The plan of counts by blocks (../counts.ts, wgsl/counts.wgsl). */
import type { blockCountsKernel } from '../counts.ts';
import { ceilDiv } from '../kernel.ts';
import { spanFor } from './histogram.ts';
import { type Limits, pass, type Plan, type PlanFor, runs, WINDOW_UNIT } from './plan.ts';
import { part } from './windows.ts';

interface Numbers {
  readonly n: number;
  readonly key: number;
  readonly length: number;
}

function blockCountsPlan({ n, key, length }: Numbers, limits: Limits): Plan {
  const steps = runs(n, WINDOW_UNIT, (_, count) => count <= limits.bindingWords).map(({ first, count }) => {
    const span = spanFor(count);
    // the counts of this window alone: those of single elements are as many as there are elements
    const least = Math.floor(Math.floor(first / length) / WINDOW_UNIT) * WINDOW_UNIT;
    const bound = ceilDiv(first + count, length) - least;
    return pass(
      'counts',
      'countBlocks',
      ceilDiv(count, span),
      { x: part('x', count, first), counts: part('counts', bound, least) },
      { n: count, before: first - least * length, key, length, span },
    );
  });
  return { scratch: {}, steps: [{ clear: 'counts' }, ...steps] };
}

export const plans: { readonly blockCounts: PlanFor<typeof blockCountsKernel> } = {
  blockCounts: blockCountsPlan,
};
