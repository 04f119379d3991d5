/** The plans of histograms (../histogram.ts, wgsl/histogram.wgsl). */
import type { keyCountsKernel } from '../histogram.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, pass, type Plan, type PlanFor, runs, WINDOW_UNIT } from './plan.ts';
import { part } from './windows.ts';

/**
 * Elements that a workgroup counts: many, since each adds its bins to those of all, but few where else the GPU would
 * have less than 256 workgroups.
 */
const SPAN = { least: 2048, most: 16_384, groups: 256, step: 1024 };

/** The elements of each workgroup, where `count` are counted. */
export function spanFor(count: number): number {
  const even = ceilDiv(count, SPAN.groups * SPAN.step) * SPAN.step;
  return Math.min(Math.max(even, SPAN.least), SPAN.most);
}

interface Numbers {
  readonly n: number;
  readonly known: number;
  readonly prefix: number;
  readonly shift: number;
  readonly bins: number;
}

function keyCountsPlan({ n, known, prefix, shift, bins }: Numbers, limits: Limits): Plan {
  // the bits of a key that are known, and their values: a shader cannot shift by 32
  const fixed = known < 32 ? (-1 << known) >>> 0 : 0;
  const wanted = known < 32 ? (prefix << known) >>> 0 : 0;
  const steps = runs(n, WINDOW_UNIT, (_, count) => count <= limits.bindingWords).map(({ first, count }) => {
    const span = spanFor(count);
    return pass(
      'histogram',
      'countKeys',
      ceilDiv(count, span),
      { x: part('x', count, first), counts: part('counts', bins) },
      { n: count, fixed, wanted, shift, bins, span },
    );
  });
  return { scratch: {}, steps: [{ clear: 'counts' }, ...steps] };
}

export const plans: { readonly keyCounts: PlanFor<typeof keyCountsKernel> } = { keyCounts: keyCountsPlan };
