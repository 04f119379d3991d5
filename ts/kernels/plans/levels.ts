/** The plan of the levels of a list (../levels.ts, wgsl/levels.wgsl). */
import { BLOCKS, type listLevelsKernel, TILE, WIDTH } from '../levels.ts';
import { ceilDiv } from '../kernel.ts';
import { packedWords } from '../pack.ts';
import { BLOCK } from '../reduce.ts';
import { type Limits, type Pass, pass, type Plan, runs, WINDOW_UNIT, type PlanFor } from './plan.ts';
import { levelWindows, treeOf } from './sums.ts';
import { around, part, wordsAround } from './windows.ts';

function listLevelsPlan({ capacity, bits }: { capacity: number; bits: number }, limits: Limits): Plan {
  const bound = { size: part('count', 1), state: 'state' };
  const largest = runs(capacity, WINDOW_UNIT, (_, count) => count <= limits.bindingWords).map(
    ({ first, count }) =>
      pass(
        'levels',
        'findMost',
        ceilDiv(count, TILE),
        { values: part('values', count, first), ...bound },
        { count, origin: first },
      ),
  );
  // the trees over all, over the high ones and over the low ones
  const [all, high, low] = ['all', 'high', 'low'].map((name) => ({
    name,
    ...treeOf(name, 1, capacity, limits),
  }));
  const windowsOf = (tree: { first: string }): ReturnType<typeof levelWindows> => {
    const level = { from: 'values', to: tree.first, n: capacity, segment: capacity };
    return levelWindows({ ...level, blocks: ceilDiv(capacity, BLOCK) }, 1, limits);
  };
  const sumsOfAll = windowsOf(all).map(({ x: values, sums, uniforms: { n, origin, first, count, place } }) =>
    pass(
      'levels',
      'sumValues',
      ceilDiv(count, BLOCKS),
      { values, ...bound, sums },
      { n, origin, first, count, place, zero: 0 },
    ),
  );
  const lowWindows = windowsOf(low);
  const sumsOfClasses = windowsOf(high).map(
    ({ x: values, sums: highSums, uniforms: { n, origin, first, count, place } }, i) =>
      pass(
        'levels',
        'sumClasses',
        ceilDiv(count, BLOCKS),
        { values, ...bound, highSums, lowSums: lowWindows[i].sums },
        { n, origin, first, count, place, placeLow: lowWindows[i].uniforms.place, zero: 0 },
      ),
  );
  const codes = codePasses(capacity, bits, limits);
  const n = capacity;
  const steps = [{ clear: 'state' }, ...largest, ...sumsOfAll, ...all.steps];
  const levels = part('levels', 1);
  if (bits === 1) {
    const last = pass('levels', 'oneLevel', 1, { ...bound, sums: 'all', levels }, { n });
    return { scratch: { state: 4, all: 1, ...all.scratch }, steps: [...steps, ...codes, last] };
  }
  const cut = pass('levels', 'findCut', 1, { ...bound, sums: 'all' }, { n });
  const classes = [...sumsOfClasses, ...high.steps, ...low.steps];
  const last = pass('levels', 'twoLevels', 1, { ...bound, highSums: 'high', lowSums: 'low', levels }, { n });
  return {
    scratch: { state: 4, all: 1, high: 1, low: 1, ...all.scratch, ...high.scratch, ...low.scratch },
    steps: [...steps, cut, ...codes, ...classes, last],
  };
}

/** The passes of packCodes, over runs of words of codes. */
function codePasses(capacity: number, bits: number, limits: Limits): Pass[] {
  const width = 32 / bits;
  const valuesOf = (first: number, words: number): [first: number, count: number] => [
    first * width,
    Math.min(words * width, capacity - first * width),
  ];
  const fits = (first: number, words: number): boolean =>
    Math.max(wordsAround(...valuesOf(first, words)), wordsAround(first, words)) <= limits.bindingWords;
  return runs(packedWords(capacity, bits), 1, fits).map(({ first, count }) => {
    const values = around('values', ...valuesOf(first, count)).window;
    const packed = around('packed', first, count);
    return pass(
      'levels',
      'packCodes',
      ceilDiv(count, WIDTH),
      { values, size: part('count', 1), state: 'state', packed: packed.window },
      { n: capacity, origin: values.first, first, count, place: packed.skip, bits },
    );
  });
}

export const plans: { readonly listLevels: PlanFor<typeof listLevelsKernel> } = {
  listLevels: listLevelsPlan,
};
