/** The plans of reductions (../reduce.ts, wgsl/reduce.wgsl). */
import type {
  absSumKernel,
  squareSumKernel,
  signsAndSumKernel,
  extremesKernel,
  nonFiniteKernel,
} from '../reduce.ts';
import { ceilDiv } from '../kernel.ts';
import {
  type Limits,
  pass,
  type Plan,
  planOfParts,
  runs,
  WINDOW_UNIT,
  type PlanFor,
  type PlanOf,
} from './plan.ts';
import { sumPlan } from './sums.ts';
import { around, part } from './windows.ts';
import { type SumNumbers, signsAndSumParts } from '../reduce.ts';

/**
 * The most elements of a workgroup that looks for extremes, or for what is not finite, and how short of it they stay.
 */
const LONGEST_TILE = 16384;
const TILE_UNIT = 1024;
const WORKGROUPS = 64;

/** Elements of a workgroup, so that short vectors, too, keep many busy; a long one has few atomics. */
export function tileFor(n: number): number {
  return Math.min(ceilDiv(n, WORKGROUPS * TILE_UNIT) * TILE_UNIT, LONGEST_TILE);
}

function absSumPlan({ tiny, scale, ...lengths }: SumNumbers, limits: Limits): Plan {
  return sumPlan(lengths, limits, ({ x, sums, largest, groups, uniforms }) => {
    const numbers = { ...uniforms, owner: largest.first, tiny, scale };
    return pass('reduce', 'sumMagnitudes', groups, { x, sums, largest }, numbers);
  });
}

function squareSumPlan({ tiny, scale, ...lengths }: SumNumbers, limits: Limits): Plan {
  return sumPlan(lengths, limits, ({ x, sums, largest, groups, uniforms }) => {
    const numbers = { ...uniforms, owner: largest.first, tiny, scale };
    return pass('reduce', 'sumSquares', groups, { x, sums, largest }, numbers);
  });
}

function signsAndSumPlan(numbers: Omit<SumNumbers, 'scale'>, limits: Limits, planOf: PlanOf): Plan {
  const { n, segment, tiny } = numbers;
  if (segment < n && segment % 32 !== 0) return planOfParts(signsAndSumParts(numbers), limits, planOf);
  return sumPlan(numbers, limits, ({ x, sums, largest, elements: [first, count], groups, uniforms }) => {
    // what lies wholly beyond the end binds the last word, and writes nothing there
    const signs = around('bits', Math.floor(first / 32), ceilDiv((first % 32) + count, 32)).window;
    const given = { ...uniforms, owner: largest.first, word: signs.first, tiny, scale: 1 };
    return pass('reduce', 'packAndSum', groups, { x, sums, largest, signs }, given);
  });
}

function extremesPlan({ n, order }: { n: number; order: number }, limits: Limits): Plan {
  const steps = wordWindows(n, limits).map(({ first, count }) =>
    pass(
      'reduce',
      'findExtremes',
      ceilDiv(count, tileFor(count)),
      { x: part('x', count, first), range: part('range', 2) },
      { n: count, order, tile: tileFor(count) },
    ),
  );
  // The least starts from the greatest int32 and the greatest from the least.
  const start = pass(
    'reduce',
    'start',
    1,
    { words: part('range', 2) },
    { word0: 0x7fffffff, word1: 0x80000000 },
  );
  return { scratch: {}, steps: [start, ...steps] };
}

function nonFinitePlan({ n }: { n: number }, limits: Limits): Plan {
  const steps = wordWindows(n, limits).map(({ first, count }) =>
    pass(
      'reduce',
      'findNonFinite',
      ceilDiv(count, tileFor(count)),
      { x: part('x', count, first), found: part('found', 2) },
      { n: count, origin: first, tile: tileFor(count) },
    ),
  );
  const start = pass('reduce', 'start', 1, { words: part('found', 2) }, { word0: 0, word1: 0xffffffff });
  return { scratch: {}, steps: [start, ...steps] };
}

function wordWindows(n: number, limits: Limits): { first: number; count: number }[] {
  return runs(n, WINDOW_UNIT, (_, count) => count <= limits.bindingWords);
}

export const plans: {
  readonly absSum: PlanFor<typeof absSumKernel>;
  readonly squareSum: PlanFor<typeof squareSumKernel>;
  readonly signsAndSum: PlanFor<typeof signsAndSumKernel>;
  readonly extremes: PlanFor<typeof extremesKernel>;
  readonly nonFinite: PlanFor<typeof nonFiniteKernel>;
} = {
  absSum: absSumPlan,
  squareSum: squareSumPlan,
  signsAndSum: signsAndSumPlan,
  extremes: extremesPlan,
  nonFinite: nonFinitePlan,
};
