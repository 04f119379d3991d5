/** The plans of accumulate and clear (../accumulate.ts, wgsl/accumulate.wgsl). */
import { type accumulateKernel, type clearKernel, TILE } from '../accumulate.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, pass, type Plan, runs, WINDOW_UNIT, type PlanFor } from './plan.ts';
import { part } from './windows.ts';

function accumulatePlan({ n, scale }: { n: number; scale: number }, limits: Limits): Plan {
  const steps = runs(n, WINDOW_UNIT, (_, count) => count <= limits.bindingWords).map(({ first, count }) =>
    pass(
      'accumulate',
      'accumulate',
      ceilDiv(count, TILE),
      { x: part('x', count, first), y: part('y', count, first) },
      { n: count, scale, zero: 0 },
    ),
  );
  return { scratch: {}, steps };
}

export const plans: {
  readonly accumulate: PlanFor<typeof accumulateKernel>;
  readonly clear: PlanFor<typeof clearKernel>;
} = {
  accumulate: accumulatePlan,
  clear: () => ({ scratch: {}, steps: [{ clear: 'y' }] }),
};
