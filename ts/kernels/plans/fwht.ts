/** The plans of the Walsh-Hadamard transform: tiles, then rows that lie apart (../fwht.ts, wgsl/fwht.wgsl). */
import type { fwhtKernel, flattenKernel, unflattenKernel } from '../fwht.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, type Pass, pass, type Plan, runs, WINDOW_UNIT, type PlanFor } from './plan.ts';
import { FLIP_COUNTER } from '../random.ts';
import { around, part, segmentsOf, wordsAround } from './windows.ts';
import { TINY, FLIPS, TILE, COMBINE_TILE } from '../fwht.ts';

/** The most stages that one pass over rows does: a tile then has 64 rows of 64 columns, 256 bytes each. */
const MOST_STAGES = 6;

interface Lengths {
  readonly n: number;
  readonly total: number;
  readonly block: number;
}

interface Key {
  readonly seed: number;
  readonly step: number;
  readonly stream: number;
}

function fwhtPlan(lengths: Lengths, limits: Limits): Plan {
  const steps = inputWindows(lengths, limits).map(({ groups, bindings, uniforms }) =>
    pass('fwht', 'transform', groups, bindings, { ...uniforms, tiny: TINY, scale: 1 }),
  );
  return { scratch: {}, steps: [...steps, ...farPasses(lengths, limits)] };
}

function flattenPlan(
  { n, total, block, tiny, scale, ...key }: Lengths & Key & { tiny: number; scale: number },
  limits: Limits,
): Plan {
  const lengths = { n, total, block };
  const steps = inputWindows(lengths, limits).map(({ first, groups, bindings, uniforms }) => {
    const counter = FLIP_COUNTER + first / FLIPS;
    return pass('fwht', 'flatten', groups, bindings, { ...uniforms, tiny, scale, counter, ...key });
  });
  return { scratch: {}, steps: [...steps, ...farPasses(lengths, limits)] };
}

/** The stages from TILE on, over y. */
function farPasses({ total, block }: Lengths, limits: Limits): Pass[] {
  const steps: Pass[] = [];
  let distance = TILE;
  while (distance < block) {
    const left = Math.log2(block / distance);
    let stages = Math.ceil(left / Math.ceil(left / MOST_STAGES));
    while (stages > 0 && distance * 2 ** stages > limits.bindingWords) stages--;
    if (stages > 0) steps.push(...stridePasses(total, distance, stages, limits));
    else steps.push(...combinePasses(total, distance, limits));
    distance *= 2 ** Math.max(stages, 1);
  }
  return steps;
}

interface InputWindow {
  readonly first: number;
  readonly groups: number;
  readonly bindings: Readonly<Record<'x' | 'y', ReturnType<typeof part>>>;
  readonly uniforms: Readonly<Record<'n' | 'total' | 'stages', number>>;
}

/** The windows of all stages within tiles of neighbours, from x to y. */
function inputWindows({ n, total, block }: Lengths, limits: Limits): InputWindow[] {
  return runs(total, TILE, (_, count) => count <= limits.bindingWords).map(({ first, count }) => {
    // Beyond the end of x a pass reads nothing of it, but must bind some.
    const words = Math.max(Math.min(n - first, count), 0);
    return {
      first,
      groups: ceilDiv(count, TILE),
      bindings: { x: words > 0 ? part('x', words, first) : part('x', 1), y: part('y', count, first) },
      uniforms: { n: words, total: count, stages: Math.min(block, TILE) - 1 },
    };
  });
}

/** The `stages` stages from `distance` on, where as many rows at that distance fit one binding. */
function stridePasses(total: number, distance: number, stages: number, limits: Limits): Pass[] {
  const shift = Math.log2(TILE) - stages;
  return runs(total, distance * 2 ** stages, (_, count) => count <= limits.bindingWords).map(
    ({ first, count }) =>
      pass(
        'fwht',
        'stride',
        count / TILE,
        { y: part('y', count, first) },
        { total: count, stages: TILE - 2 ** shift, shift, distance },
      ),
  );
}

/** The stage at `distance`, where partners are too far apart for one binding: pairs of windows. */
function combinePasses(total: number, distance: number, limits: Limits): Pass[] {
  const halves = runs(distance, WINDOW_UNIT, (_, count) => count <= limits.bindingWords);
  const starts = Array.from({ length: total / distance / 2 }, (_, pair) => pair * 2 * distance);
  return starts.flatMap((start) =>
    halves.map(({ first, count }) =>
      pass(
        'fwht',
        'combine',
        ceilDiv(count, COMBINE_TILE),
        { near: part('y', count, start + first), far: part('y', count, start + distance + first) },
        { n: count },
      ),
    ),
  );
}

function unflattenPlan({ n, segment, ...key }: Key & { n: number; segment: number }, limits: Limits): Plan {
  const fits = (first: number, count: number): boolean =>
    Math.max(count, wordsAround(...segmentsOf(first, count, segment))) <= limits.bindingWords;
  const steps = runs(n, TILE, fits).map(({ first, count }) => {
    const scales = around('scales', ...segmentsOf(first, count, segment)).window;
    return pass(
      'fwht',
      'unflatten',
      ceilDiv(count, TILE),
      { x: part('t', count, first), scales, y: part('y', count, first) },
      { n: count, first, segment, owner: scales.first, counter: FLIP_COUNTER + first / FLIPS, ...key },
    );
  });
  return { scratch: {}, steps };
}

export const plans: {
  readonly fwht: PlanFor<typeof fwhtKernel>;
  readonly flatten: PlanFor<typeof flattenKernel>;
  readonly unflatten: PlanFor<typeof unflattenKernel>;
} = {
  fwht: fwhtPlan,
  flatten: flattenPlan,
  unflatten: unflattenPlan,
};
