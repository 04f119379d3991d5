/** The plans of scans, by levels of tiles (../scan.ts, wgsl/scan.wgsl). */
import type { scanKernel } from '../scan.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, type Pass, pass, type Plan, runs, type PlanFor } from './plan.ts';
import { around, part, wordsAround } from './windows.ts';
import { TILE } from '../scan.ts';

/**
 * The passes of a scan, for other plans too: `names` are the buffers, or scratch memory, that stand for the kernel's.
 * Each level is the sums of the tiles of the one before; the last fits one tile.
 */
export function scanPlan(
  { n }: { n: number },
  limits: Limits,
  names = { x: 'x', sums: 'sums', total: 'total' },
): Plan {
  const levels = [{ words: n, x: names.x, y: names.sums }];
  const scratch: Record<string, number> = {};
  let top = levels[0];
  while (top.words > TILE) {
    const words = ceilDiv(top.words, TILE);
    top = { words, x: `scanTotals${levels.length}`, y: `scanBases${levels.length}` };
    levels.push(top);
    scratch[top.x] = scratch[top.y] = words;
  }
  const up: Pass[] = [];
  const down: Pass[] = [];
  for (const [depth, { words, x, y }] of levels.slice(0, -1).entries()) {
    const above = levels[depth + 1];
    const sums = (first: number, count: number): [first: number, count: number] => [
      first / TILE,
      ceilDiv(count, TILE),
    ];
    const fits = (first: number, count: number): boolean =>
      Math.max(count, wordsAround(...sums(first, count))) <= limits.bindingWords;
    const steps = runs(words, TILE, fits).map(({ first, count }) => {
      const groups = ceilDiv(count, TILE);
      const totals = around(above.x, ...sums(first, count));
      const bases = around(above.y, ...sums(first, count));
      const shown = part(x, count, first);
      return {
        up: pass(
          'scan',
          'reduce',
          groups,
          { x: shown, totals: totals.window },
          { n: count, tile: totals.skip },
        ),
        down: pass(
          'scan',
          'scan',
          groups,
          { x: shown, bases: bases.window, y: part(y, count, first) },
          { n: count, tile: bases.skip },
        ),
      };
    });
    up.push(...steps.map((step) => step.up));
    down.unshift(...steps.map((step) => step.down));
  }
  const root = pass(
    'scan',
    'root',
    1,
    { x: part(top.x, top.words), y: part(top.y, top.words), total: part(names.total, 1) },
    { n: top.words },
  );
  return { scratch, steps: [...up, root, ...down] };
}

export const plans: {
  readonly scan: PlanFor<typeof scanKernel>;
} = {
  scan: (params, limits) => scanPlan(params, limits),
};
