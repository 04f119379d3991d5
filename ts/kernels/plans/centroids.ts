/**
 * The plans of flattened levels (../centroids.ts, wgsl/centroids.wgsl, wgsl/centroids-flatten.wgsl,
 * wgsl/centroids-decode.wgsl): one pass where a block fits a tile, and to flatten has a block of the tree, else parts.
 */
import { FLIPS, TILE } from '../fwht.ts';
import { FLIP_COUNTER } from '../random.ts';
import { ceilDiv } from '../kernel.ts';
import {
  edgesOf,
  type flattenLevelsKernel,
  type Numbers,
  type packLevelsKernel,
  partsOf,
  type unflattenLevelsKernel,
  type UnflattenNumbers,
  unflattenPartsOf,
} from '../centroids.ts';
import { packedWords } from '../pack.ts';
import { BLOCK } from '../reduce.ts';
import { tinyFor } from '../scaling.ts';
import {
  type Limits,
  pass,
  type Pass,
  type Plan,
  type PlanFor,
  planOfParts,
  runs,
  WINDOW_UNIT,
} from './plan.ts';
import { around, part, segmentsOf, wordsAround } from './windows.ts';

type Edges = `edge${0 | 1 | 2 | 3 | 4 | 5 | 6}`;

/** What passes take of codes of so many bits. */
function levelsFor(bits: number): Record<'bits' | 'levels' | Edges, number> {
  const [edge0 = 0, edge1 = 0, edge2 = 0, edge3 = 0, edge4 = 0, edge5 = 0, edge6 = 0] = edgesOf(bits);
  return { bits, levels: 2 ** (bits - 1), edge0, edge1, edge2, edge3, edge4, edge5, edge6 };
}

function packPlan(
  { n, segment, bits }: { readonly n: number; readonly segment: number; readonly bits: number },
  limits: Limits,
): Plan {
  const numbers = levelsFor(bits);
  const { levels } = numbers;
  const leaf = Math.min(segment, BLOCK);
  const long = segment > BLOCK;
  const leaves = long ? { sums: 'leafSums1', counts: 'leafCounts1' } : { sums: 'sums', counts: 'counts' };
  const scratch: Record<string, number> = {};
  if (long) for (const name of Object.values(leaves)) scratch[name] = (n / leaf) * levels;
  const tallied = (first: number, count: number): [first: number, count: number] => [
    (first / leaf) * levels,
    (count / leaf) * levels,
  ];
  const fits = (first: number, count: number): boolean =>
    Math.max(
      count,
      wordsAround(...segmentsOf(first, count, segment)),
      wordsAround(...tallied(first, count)),
    ) <= limits.bindingWords;
  const steps = runs(n, Math.max(leaf, WINDOW_UNIT), fits).map(({ first, count }): Pass => {
    const roots = around('roots', ...segmentsOf(first, count, segment)).window;
    const { window, skip } = around(leaves.sums, ...tallied(first, count));
    const codes = around('codes', (first / 32) * bits, packedWords(count, bits));
    return pass(
      'centroids',
      'packLevels',
      ceilDiv(count, BLOCK),
      {
        z: part('z', count, first),
        roots,
        codes: codes.window,
        sums: window,
        counts: { ...window, of: leaves.counts },
      },
      {
        ...{ ...numbers, n: count, first, segment, leaf, owner: roots.first },
        ...{ codesAt: codes.skip, place: skip, zero: 0 },
      },
    );
  });
  return {
    scratch,
    steps: long ? [...steps, ...joins(n / segment, segment / BLOCK, levels, limits, scratch)] : steps,
  };
}

/** The passes that join `length` leaves of each segment, and what they need between them. */
function joins(
  segments: number,
  length: number,
  levels: number,
  limits: Limits,
  scratch: Record<string, number>,
): Pass[] {
  const steps: Pass[] = [];
  for (let level = 1, left = length; left > 1; level++) {
    const size = Math.min(left, BLOCK);
    left /= size;
    const from = { sums: `leafSums${level}`, counts: `leafCounts${level}` };
    const to =
      left === 1
        ? { sums: 'sums', counts: 'counts' }
        : { sums: `leafSums${level + 1}`, counts: `leafCounts${level + 1}` };
    const groups = segments * left;
    if (left > 1) for (const name of Object.values(to)) scratch[name] = groups * levels;
    const fits = (first: number, count: number): boolean =>
      wordsAround(first * size * levels, count * size * levels) <= limits.bindingWords;
    for (const { first, count } of runs(groups, 1, fits)) {
      const leaves = around(from.sums, first * size * levels, count * size * levels);
      const joined = around(to.sums, first * levels, count * levels);
      steps.push(
        pass(
          'centroids',
          'joinLevels',
          count,
          {
            leafSums: leaves.window,
            leafCounts: { ...leaves.window, of: from.counts },
            sums: joined.window,
            counts: { ...joined.window, of: to.counts },
          },
          { groups: count, size, levels, skip: leaves.skip, place: joined.skip, zero: 0 },
        ),
      );
    }
  }
  return steps;
}

function flattenPlan({ n, total, block, bits, scale, seed, step, stream }: Numbers, limits: Limits): Plan {
  const numbers = levelsFor(bits);
  const { levels } = numbers;
  const blocksOf = (first: number, count: number): [first: number, count: number] => [
    first / block,
    count / block,
  ];
  const tallied = (first: number, count: number): [first: number, count: number] => [
    (first / block) * levels,
    (count / block) * levels,
  ];
  // codes of 32 bits an element at the most, and fewer words of blocks
  const fits = (_: number, count: number): boolean => count <= limits.bindingWords;
  const steps = runs(total, TILE, fits).map(({ first, count }): Pass => {
    // Beyond the end of x a pass reads nothing of it, but must bind some.
    const words = Math.max(Math.min(n - first, count), 0);
    const squares = around('squares', ...blocksOf(first, count)).window;
    const { window, skip } = around('sums', ...tallied(first, count));
    return pass(
      'centroids-flatten',
      'flattenLevels',
      ceilDiv(count, TILE),
      {
        x: words > 0 ? part('x', words, first) : part('x', 1),
        codes: part('codes', packedWords(count, bits), (first / 32) * bits),
        squares,
        sums: window,
        counts: { ...window, of: 'counts' },
        largest: part('max', 1),
      },
      {
        ...numbers,
        ...{ n: words, total: count, first, block, owner: squares.first, place: skip },
        ...{ tiny: tinyFor(-102, Math.log2(scale)), scale, seed, step, stream, zero: 0 },
        counter: FLIP_COUNTER + first / FLIPS,
      },
    );
  });
  return { scratch: {}, steps: [{ clear: 'max' }, ...steps] };
}

function decodingPlan(
  { n, total, block, bits, add, factor, seed, step, stream }: UnflattenNumbers,
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
      codes: part('codes', packedWords(padded, bits), (first / 32) * bits),
      table: part('table', 2 ** bits),
      scales,
      y: part('y', count, first),
    };
    const numbers = {
      ...{ n: count, total: padded, first, block, owner: scales.first, bits },
      ...{ counter: FLIP_COUNTER + first / FLIPS, seed, step, stream },
    };
    if (add === 0) return pass('centroids-decode', 'decode', groups, bindings, numbers);
    return pass('centroids-decode', 'addDecoded', groups, bindings, { ...numbers, factor, zero: 0 });
  });
  return { scratch: {}, steps };
}

export const plans: {
  readonly packLevels: PlanFor<typeof packLevelsKernel>;
  readonly flattenLevels: PlanFor<typeof flattenLevelsKernel>;
  readonly unflattenLevels: PlanFor<typeof unflattenLevelsKernel>;
} = {
  packLevels: packPlan,
  flattenLevels: (params, limits, planOf) =>
    params.block >= BLOCK && params.block <= TILE
      ? flattenPlan(params, limits)
      : planOfParts(partsOf(params), limits, planOf),
  unflattenLevels: (params, limits, planOf) =>
    params.block <= TILE
      ? decodingPlan(params, limits)
      : planOfParts(unflattenPartsOf(params), limits, planOf),
};
