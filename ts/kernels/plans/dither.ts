/** The plans of dithered signs (../dither.ts, wgsl/dither.wgsl). */
import type { packDitheredKernel, ditheredAndMaxKernel } from '../dither.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, pass, type Plan, runs, type Window, type PlanFor } from './plan.ts';
import { around, part, segmentsOf, wordsAround } from './windows.ts';
import { type Numbers, TILE } from '../dither.ts';

/** A pass over a window of z: all that both entry points bind, and its numbers. */
interface DitherWindow {
  readonly groups: number;
  readonly bindings: Readonly<Record<'z' | 'lambdas' | 'bits', Window>>;
  readonly uniforms: Numbers & Readonly<Record<'first' | 'owner', number>>;
}

function windowsOf({ n, segment, ...key }: Numbers, limits: Limits): DitherWindow[] {
  const fits = (first: number, count: number): boolean =>
    Math.max(count, wordsAround(...segmentsOf(first, count, segment))) <= limits.bindingWords;
  return runs(n, TILE, fits).map(({ first, count }) => {
    const lambdas = around('lambdas', ...segmentsOf(first, count, segment)).window;
    return {
      groups: ceilDiv(count, TILE),
      bindings: { z: part('z', count, first), lambdas, bits: part('bits', ceilDiv(count, 32), first / 32) },
      uniforms: { n: count, first, segment, owner: lambdas.first, ...key },
    };
  });
}

function packDitheredPlan(numbers: Numbers, limits: Limits): Plan {
  const steps = windowsOf(numbers, limits).map(({ groups, bindings, uniforms }) =>
    pass('dither', 'packDithered', groups, bindings, uniforms),
  );
  return { scratch: {}, steps };
}

function ditheredAndMaxPlan(numbers: Numbers, limits: Limits): Plan {
  const steps = windowsOf(numbers, limits).map(({ groups, bindings, uniforms }) =>
    pass('dither', 'packAndFind', groups, { ...bindings, largest: part('max', 1) }, uniforms),
  );
  return { scratch: {}, steps: [{ clear: 'max' }, ...steps] };
}

export const plans: {
  readonly packDithered: PlanFor<typeof packDitheredKernel>;
  readonly ditheredAndMax: PlanFor<typeof ditheredAndMaxKernel>;
} = {
  packDithered: packDitheredPlan,
  ditheredAndMax: ditheredAndMaxPlan,
};
