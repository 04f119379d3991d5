/** The plan of compensate (../compensate.ts, wgsl/compensate.wgsl). */
import type { compensateKernel } from '../compensate.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, pass, type Plan, runs, WINDOW_UNIT, type PlanFor } from './plan.ts';
import { tileFor } from './reduce.ts';
import { part } from './windows.ts';

function compensatePlan({ n, scale }: { n: number; scale: number }, limits: Limits): Plan {
  const steps = runs(n, WINDOW_UNIT, (_, count) => count <= limits.bindingWords).map(({ first, count }) => {
    const tile = tileFor(count);
    const [x, error, y] = ['x', 'error', 'y'].map((name) => part(name, count, first));
    return pass(
      'compensate',
      'compensate',
      ceilDiv(count, tile),
      { x, error, y, keys: part('keys', 2) },
      { n: count, tile, scale, zero: 0 },
    );
  });
  return { scratch: {}, steps: [{ clear: 'keys' }, ...steps] };
}

export const plans: {
  readonly compensate: PlanFor<typeof compensateKernel>;
} = {
  compensate: compensatePlan,
};
