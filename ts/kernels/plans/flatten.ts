/**
 * The plans of flattened signs (../flatten.ts, wgsl/flatten.wgsl, wgsl/flatten-decode.wgsl): one pass where a block
 * fits a tile, else its parts.
 */
import type { flattenSignsKernel, unflattenSignsKernel } from '../flatten.ts';
import { FLIPS, TILE } from '../fwht.ts';
import { ceilDiv } from '../kernel.ts';
import {
  type Limits,
  pass,
  type Pass,
  type Plan,
  planOfParts,
  runs,
  type Window,
  type PlanFor,
} from './plan.ts';
import { FLIP_COUNTER } from '../random.ts';
import { tinyFor } from '../scaling.ts';
import { around, part, segmentsOf, wordsAround } from './windows.ts';
import {
  type Numbers,
  type UnflattenNumbers,
  WAY_NAMES,
  type Way,
  partsOf,
  unflattenPartsOf,
} from '../flatten.ts';

/** The numbers of a window, which all entry points of the one pass have, and what it binds. */
interface Fused {
  readonly groups: number;
  readonly x: Window;
  readonly bits: Window;
  readonly widths: Window;
  readonly squares: Window;
  readonly largest: Window;
  readonly numbers: Readonly<
    Record<
      'n' | 'total' | 'first' | 'block' | 'tiny' | 'scale' | 'counter' | 'seed' | 'step' | 'stream' | 'zero',
      number
    >
  >;
}

function fusedPlan(
  { n, total, block, scale, way, factor, seed, step, stream }: Numbers,
  limits: Limits,
): Plan {
  const tiny = tinyFor(-102, Math.log2(scale));
  const key = { seed, step, stream };
  const fits = (first: number, count: number): boolean =>
    Math.max(count, wordsAround(...segmentsOf(first, count, block))) <= limits.bindingWords;
  const steps = runs(total, TILE, fits).map(({ first, count }): Pass => {
    // Beyond the end of x a pass reads nothing of it, but must bind some.
    const words = Math.max(Math.min(n - first, count), 0);
    const widths = around('widths', ...segmentsOf(first, count, block)).window;
    const counter = FLIP_COUNTER + first / FLIPS;
    return fusedPass(WAY_NAMES[way], factor, {
      groups: ceilDiv(count, TILE),
      x: words > 0 ? part('x', words, first) : part('x', 1),
      bits: part('bits', ceilDiv(count, 32), first / 32),
      widths,
      squares: { ...widths, of: 'squares' },
      largest: part('max', 1),
      numbers: { n: words, total: count, first, block, tiny, scale, counter, ...key, zero: 0 },
    });
  });
  return { scratch: {}, steps: [{ clear: 'max' }, ...steps] };
}

function fusedPass(
  way: Way,
  factor: number,
  { groups, x, bits, widths, squares, largest, numbers }: Fused,
): Pass {
  const owner = widths.first;
  const segment = numbers.block;
  const all = { x, bits, largest, widths };
  switch (way) {
    case 'norm':
      return pass('flatten', 'flattenNorm', groups, all, { ...numbers, segment, owner, factor });
    case 'max':
      return pass('flatten', 'flattenMax', groups, all, { ...numbers, segment, owner });
    case 'given': {
      const one = { ...all, widths: part('widths', 1) };
      // one segment that no element lies behind
      return pass('flatten', 'flattenGiven', groups, one, { ...numbers, segment: 2 ** 31, owner: 0 });
    }
    case 'mean':
      return pass('flatten', 'flattenMean', groups, all, { ...numbers, owner });
    case 'drive':
      return pass('flatten', 'flattenDrive', groups, { ...all, squares }, { ...numbers, owner });
  }
}

function decodingPlan(
  { n, total, block, add, factor, seed, step, stream }: UnflattenNumbers,
  limits: Limits,
): Plan {
  const fits = (first: number, count: number): boolean =>
    Math.max(count, wordsAround(...segmentsOf(first, count, block))) <= limits.bindingWords;
  const steps = runs(n, TILE, fits).map(({ first, count }): Pass => {
    const groups = ceilDiv(count, TILE);
    // the last block ends behind y
    const padded = Math.min(groups * TILE, total - first);
    const scales = around('scales', ...segmentsOf(first, count, block)).window;
    const bindings = {
      bits: part('bits', ceilDiv(padded, 32), first / 32),
      scales,
      y: part('y', count, first),
    };
    const numbers = {
      ...{ n: count, total: padded, first, block, owner: scales.first },
      ...{ counter: FLIP_COUNTER + first / FLIPS, seed, step, stream },
    };
    if (add === 0) return pass('flatten-decode', 'decode', groups, bindings, numbers);
    return pass('flatten-decode', 'addDecoded', groups, bindings, { ...numbers, factor, zero: 0 });
  });
  return { scratch: {}, steps };
}

export const plans: {
  readonly flattenSigns: PlanFor<typeof flattenSignsKernel>;
  readonly unflattenSigns: PlanFor<typeof unflattenSignsKernel>;
} = {
  flattenSigns: (params, limits, planOf) =>
    params.block <= TILE ? fusedPlan(params, limits) : planOfParts(partsOf(params), limits, planOf),
  unflattenSigns: (params, limits, planOf) =>
    params.block <= TILE
      ? decodingPlan(params, limits)
      : planOfParts(unflattenPartsOf(params), limits, planOf),
};
