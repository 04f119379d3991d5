/**
 * Prefix sums of words: what compaction stands on. Reduce, then scan (never decoupled look-back, which hangs where a
 * GPU does not promise forward progress).
 */
import { requireUint32Array } from '../arguments.ts';
import { ceilDiv, type Kernel, type Limits, type Pass, pass, type Plan, runs } from './kernel.ts';
import type { Host } from './scope.ts';
import { around, part, wordsAround } from './windows.ts';

/** sums_i = x_0 + ... + x_{i-1} and total[0] = the sum of all, modulo 2^32. n >= 1. */
export const scanKernel: Kernel<'x' | 'sums' | 'total', 'n'> = {
  name: 'scan',
  buffers: ['x', 'sums', 'total'],
  params: ['n'],
  plan: (params, limits) => scanPlan(params, limits),
};

/**
 * Exclusive prefix sums modulo 2^32, and the total.
 *
 * @example
 * await device.kernels.scan(new Uint32Array([3, 1, 4])); // { sums: [0, 3, 4], total: 8 }
 */
export async function scan(host: Host, x: Uint32Array): Promise<{ sums: Uint32Array; total: number }> {
  requireUint32Array('x', x);
  const n = x.length;
  if (n === 0) return { sums: new Uint32Array(0), total: 0 };
  return host.use(async (scope) => {
    const sums = scope.take(n);
    const total = scope.take(1);
    scope.run(scanKernel, { x: scope.put(x), sums, total }, { n });
    const read = await scope.read(sums, total);
    return { sums: read[0], total: read[1][0] };
  });
}

/** Words that a workgroup scans: 8 a thread, so that 8 KiB of its memory hold them. */
export const TILE = 2048;

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
