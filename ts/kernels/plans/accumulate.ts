/** The plans of accumulate (../accumulate.ts, wgsl/accumulate.wgsl). */
import type { accumulateKernel } from '../accumulate.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, pass, type Plan, runs, WINDOW_UNIT, type PlanFor } from './plan.ts';
import { part } from './windows.ts';

const WIDTH = 256;

function accumulatePlan({ n, scale }: { n: number; scale: number }, limits: Limits): Plan {
  const steps = runs(n, WINDOW_UNIT, (_, count) => count <= limits.bindingWords).flatMap(
    ({ first, count }) => {
      const groups = ceilDiv(count, WIDTH);
      const x = part('x', count, first);
      const products = part('products', count, first);
      return [
        pass('accumulate', 'multiply', groups, { x, products }, { n: count, scale }),
        pass('accumulate', 'add', groups, { terms: products, y: part('y', count, first) }, { n: count }),
      ];
    },
  );
  return { scratch: { products: n }, steps };
}

export const plans: {
  readonly accumulate: PlanFor<typeof accumulateKernel>;
} = {
  accumulate: accumulatePlan,
};
