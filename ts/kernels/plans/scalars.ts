/** The plans of what is computed between two passes: a workgroup each (../scalars.ts, wgsl/scalars.wgsl). */
import type { maskGridKernel, uniformGridKernel, levelGridKernel, lambdasKernel } from '../scalars.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, pass, type Plan, runs, WINDOW_UNIT, type PlanFor } from './plan.ts';
import { GRID } from '../quantize.ts';
import { scalingBy } from '../scaling.ts';
import { part } from './windows.ts';
import { WIDTH } from '../scalars.ts';

function maskGridPlan({ bits, signed, power }: { bits: number; signed: number; power: number }): Plan {
  const bindings = { kept: part('kept', 1), range: part('range', 1), grid: part('grid', GRID) };
  const step = pass('scalars', 'maskGrid', 1, bindings, { bits, signed, ...scalingBy(power) });
  return { scratch: {}, steps: [step] };
}

function uniformGridPlan({ bits, power }: { bits: number; power: number }): Plan {
  const bindings = { range: part('range', 2), grid: part('grid', GRID) };
  const step = pass('scalars', 'uniformGrid', 1, bindings, { bits, ...scalingBy(power) });
  return { scratch: {}, steps: [step] };
}

function levelGridPlan({
  levels,
  fraction,
  power,
}: {
  levels: number;
  fraction: number;
  power: number;
}): Plan {
  const bindings = { sums: part('sums', 1), largest: part('max', 1), grid: part('grid', GRID) };
  const uniforms = { levels, numerator: levels * 2 ** fraction, ...scalingBy(power) };
  return { scratch: {}, steps: [pass('scalars', 'levelGrid', 1, bindings, uniforms)] };
}

function lambdasPlan({ count, factor }: { count: number; factor: number }, limits: Limits): Plan {
  const windows = runs(count, WINDOW_UNIT, (_, words) => words <= limits.bindingWords);
  return {
    scratch: {},
    steps: windows.map(({ first, count }) =>
      pass(
        'scalars',
        'lambdas',
        ceilDiv(count, WIDTH),
        { sums: part('sums', count, first), lambdasOut: part('lambdas', count, first) },
        { count, factor },
      ),
    ),
  };
}

export const plans: {
  readonly maskGrid: PlanFor<typeof maskGridKernel>;
  readonly uniformGrid: PlanFor<typeof uniformGridKernel>;
  readonly levelGrid: PlanFor<typeof levelGridKernel>;
  readonly lambdas: PlanFor<typeof lambdasKernel>;
} = {
  maskGrid: maskGridPlan,
  uniformGrid: uniformGridPlan,
  levelGrid: levelGridPlan,
  lambdas: lambdasPlan,
};
