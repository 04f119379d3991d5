/** GPUs with small limits: inputs beyond a binding, grids beyond a row, at sizes that a software GPU can do. */
import type { Kernel } from '../../ts/kernels/kernel.ts';
import { planOf } from '../../ts/kernels/plans/index.ts';
import type { Limits } from '../../ts/kernels/plans/plan.ts';

/** The limits of WebGPU. */
export const WIDE: Limits = { bindingWords: 2 ** 25, gridWidth: 65_535 };

export const NARROW: Limits = { bindingWords: 2 ** 15, gridWidth: 7 };

/**
 * What a backend with small limits tells: whether they change how a kernel runs, and so which cases are worth their
 * time.
 */
export interface InWindows {
  /** Whether a case is to be run; all are where this is left out. */
  takes?<Params extends string>(
    kernel: Kernel<string, Params>,
    params: Readonly<Record<Params, number>>,
  ): boolean;
}

/** Whether a kernel's plan has windows, or rows of workgroups, that it has not with the limits of WebGPU. */
export function isCut<Params extends string>(
  kernel: Kernel<string, Params>,
  params: Readonly<Record<Params, number>>,
  limits: Limits,
): boolean {
  const plan = planOf(kernel, params, limits);
  if (plan.steps.some((step) => 'groups' in step && step.groups > limits.gridWidth)) return true;
  return JSON.stringify(plan) !== JSON.stringify(planOf(kernel, params, WIDE));
}

/** Takes all cases that `limits` change, and of the others every `every`th. */
export function cutAnd(every: number, limits: Limits): Required<InWindows>['takes'] {
  let others = 0;
  return (kernel, params) => isCut(kernel, params, limits) || others++ % every === 0;
}
