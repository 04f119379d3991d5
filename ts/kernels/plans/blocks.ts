/** The plans of selection by blocks (../blocks.ts, wgsl/blocks.wgsl, wgsl/blocks-levels.wgsl). */
import { type blockLevelsKernel, type blockTopKKernel, keptOf } from '../blocks.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, pass, type Plan, type PlanFor, runs } from './plan.ts';
import { around, part, wordsAround } from './windows.ts';

function blockTopKPlan({ n, block, k }: { n: number; block: number; k: number }, limits: Limits): Plan {
  // where the kept elements of a run of blocks go, and how many they are
  const kept = (first: number, count: number): [place: number, words: number] => [
    (first / block) * k,
    keptOf(count, block, k),
  ];
  const fits = (first: number, count: number): boolean =>
    Math.max(count, wordsAround(...kept(first, count))) <= limits.bindingWords;
  const steps = runs(n, block, fits).map(({ first, count }) => {
    const { window, skip } = around('indices', ...kept(first, count));
    return pass(
      'blocks',
      'selectBlocks',
      ceilDiv(count, block),
      { x: part('x', count, first), indices: window, values: { ...window, of: 'values' } },
      { n: count, first, block, k, place: skip },
    );
  });
  return { scratch: {}, steps };
}

function blockLevelsPlan(
  { count, k, bits }: { count: number; k: number; bits: number },
  limits: Limits,
): Plan {
  const valuesOf = (first: number, segments: number): [first: number, words: number] => [
    first * k,
    Math.min(segments * k, count - first * k),
  ];
  const fits = (first: number, segments: number): boolean =>
    Math.max(wordsAround(...valuesOf(first, segments)), wordsAround(first, segments)) <= limits.bindingWords;
  const steps = runs(ceilDiv(count, k), 1, fits).map(({ first, count: segments }) => {
    const [start, words] = valuesOf(first, segments);
    const values = around('values', start, words);
    const levels = around('levels', first, segments);
    return pass(
      'blocks-levels',
      'meanLevels',
      segments,
      { values: values.window, levels: levels.window, codes: { ...values.window, of: 'codes' } },
      { count: words, k, bits, skip: values.skip, place: levels.skip, zero: 0 },
    );
  });
  return { scratch: {}, steps };
}

export const plans: {
  readonly blockTopK: PlanFor<typeof blockTopKKernel>;
  readonly blockLevels: PlanFor<typeof blockLevelsKernel>;
} = { blockTopK: blockTopKPlan, blockLevels: blockLevelsPlan };
