/** The plans of sums by the fixed tree (reduce.ts): a pass over the elements, then one a level over sums of blocks. */
import { BLOCK, BLOCKS } from '../reduce.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, type Pass, pass, type Plan, runs } from './plan.ts';
import { around, type part, segmentsOf, wordsAround } from './windows.ts';

/** A pass over blocks that lie in one window: what it binds, the numbers of `spanOf` and `fold`, and its elements. */
export interface SumWindow extends Pick<Pass, 'groups'> {
  readonly x: ReturnType<typeof part>;
  readonly sums: ReturnType<typeof part>;
  readonly largest: ReturnType<typeof part>;
  readonly elements: readonly [first: number, count: number];
  readonly uniforms: Readonly<
    Record<'n' | 'origin' | 'segment' | 'blocks' | 'first' | 'count' | 'place' | 'zero', number>
  >;
}

/**
 * The passes that leave sums[s], and max[s] behind a clear: `elements` makes those of the first level, over x, from its
 * windows.
 */
export function sumPlan(
  { n, segment }: { readonly n: number; readonly segment: number },
  limits: Limits,
  elements: (window: SumWindow) => Pass,
): Plan {
  const longest = Math.min(segment, n);
  const segments = ceilDiv(n, longest);
  const { first, scratch, steps } = treeOf('sums', segments, longest, limits);
  const blocks = ceilDiv(longest, BLOCK);
  const windows = levelWindows({ from: 'x', to: first, n, segment: longest, blocks }, segments, limits);
  return { scratch, steps: [{ clear: 'max' }, ...windows.map(elements), ...steps] };
}

/**
 * The tree over segments of so many elements: the memory that the sums of their blocks, `first`, are to be in, and the
 * passes from there to `to`, a sum a segment.
 */
export function treeOf(
  to: string,
  segments: number,
  elements: number,
  limits: Limits,
): Plan & { readonly first: string } {
  const scratch: Record<string, number> = {};
  const steps: Pass[] = [];
  let from = 'x';
  let length = elements;
  do {
    // The last segment may have fewer blocks; the rest of them sum to +0, which changes nothing further up.
    const blocks = ceilDiv(length, BLOCK);
    const next = blocks === 1 ? to : `${to}${Object.keys(scratch).length + 1}`;
    if (next !== to) scratch[next] = segments * blocks;
    const level = { from, to: next, n: segments * length, segment: length, blocks };
    if (from !== 'x') steps.push(...levelWindows(level, segments, limits).map(sumBlocks));
    from = next;
    length = blocks;
  } while (from !== to);
  return { first: Object.keys(scratch)[0] ?? to, scratch, steps };
}

function sumBlocks({ x, sums, groups, uniforms }: SumWindow): Pass {
  return pass('reduce', 'sumBlocks', groups, { x, sums }, uniforms);
}

/** One level of the tree, for all segments: n elements in segments, to one sum a block. */
interface Level {
  readonly from: string;
  readonly to: string;
  readonly n: number;
  readonly segment: number;
  /** Blocks of a segment. */
  readonly blocks: number;
}

/** The windows of a level: runs of blocks whose elements, whose sums and whose segments' largest keys fit a binding. */
export function levelWindows(
  { from, to, n, segment, blocks }: Level,
  segments: number,
  limits: Limits,
): SumWindow[] {
  const startOf = (block: number): number => Math.floor(block / blocks) * segment + (block % blocks) * BLOCK;
  const elementsOf = (first: number, count: number): [first: number, count: number] => {
    // A run that lies wholly beyond the end binds the last element, and reads nothing of it.
    const start = Math.min(startOf(first), n - 1);
    const last = first + count - 1;
    const end = Math.min(startOf(last) + BLOCK, (Math.floor(last / blocks) + 1) * segment, n);
    return [start, Math.max(end - start, 1)];
  };
  const fits = (first: number, count: number): boolean =>
    wordsAround(...elementsOf(first, count)) <= limits.bindingWords &&
    wordsAround(first, count) <= limits.bindingWords &&
    wordsAround(...segmentsOf(first, count, blocks)) <= limits.bindingWords;
  return runs(segments * blocks, 1, fits).map(({ first, count }) => {
    const elements = elementsOf(first, count);
    const x = around(from, ...elements).window;
    const sums = around(to, first, count);
    const largest = around('max', ...segmentsOf(first, count, blocks)).window;
    const uniforms = { n, origin: x.first, segment, blocks, first, count, place: sums.skip, zero: 0 };
    return { x, sums: sums.window, largest, elements, groups: ceilDiv(count, BLOCKS), uniforms };
  });
}
