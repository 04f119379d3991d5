/** The plans of compaction (../compact.ts, wgsl/compact.wgsl). */
import type { compactKernel } from '../compact.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, type Pass, pass, type Plan, runs, WINDOW_UNIT, type PlanFor } from './plan.ts';
import { scanPlan } from './scan.ts';
import { around, part, wordsAround } from './windows.ts';
import { TILE } from '../compact.ts';

/** Some tiles of a bitmap, as a pass sees them. */
export interface Tiles {
  /** Their first element, and how many elements they have. */
  readonly first: number;
  readonly count: number;
  /** The same in tiles: which words of counts and offsets are theirs. */
  readonly firstTile: number;
  readonly tiles: number;
}

/** Cuts n elements into runs of tiles for which a word for every `elements` elements fits a binding. */
export function tileRuns(n: number, elements: number, limits: Limits): Tiles[] {
  const tiles = (first: number, count: number): [firstTile: number, tiles: number] => [
    first / TILE,
    ceilDiv(count, TILE),
  ];
  const fits = (first: number, count: number): boolean =>
    Math.max(ceilDiv(count, elements), wordsAround(...tiles(first, count))) <= limits.bindingWords;
  return runs(n, TILE, fits).map(({ first, count }) => {
    const [firstTile, some] = tiles(first, count);
    return { first, count, firstTile, tiles: some };
  });
}

/** The part of a bitmap that belongs to a run of tiles. */
export function bitsOfTiles(bitmap: string, { first, count }: Tiles): ReturnType<typeof part> {
  return part(bitmap, ceilDiv(count, 32), first / 32);
}

/**
 * The passes that list elements once the counts are scanned: `listing` makes one for each run of tiles and each window
 * of the lists. A list longer than a binding is gone through once a window, since only the GPU knows what goes where.
 */
export function listPasses(
  runsOfTiles: readonly Tiles[],
  length: number,
  limits: Limits,
  listing: (tiles: Tiles, list: { first: number; count: number }) => Pass,
): Pass[] {
  const lists = runs(length, WINDOW_UNIT, (_, count) => count <= limits.bindingWords);
  return runsOfTiles.flatMap((tiles) => lists.map((list) => listing(tiles, list)));
}

function compactPlan({ n, capacity }: { n: number; capacity: number }, limits: Limits): Plan {
  const words = ceilDiv(n, TILE);
  const runsOfTiles = tileRuns(n, 32, limits);
  const counting = runsOfTiles.map((tiles) => {
    const counts = around('counts', tiles.firstTile, tiles.tiles);
    const bindings = { bits: bitsOfTiles('bits', tiles), counts: counts.window };
    return pass('compact', 'count', tiles.tiles, bindings, { n: tiles.count, tile: counts.skip });
  });
  const scan = scanPlan({ n: words }, limits, { x: 'counts', sums: 'offsets', total: 'count' });
  const listing = listPasses(runsOfTiles, Math.min(n, capacity), limits, (tiles, list) => {
    const offsets = around('offsets', tiles.firstTile, tiles.tiles);
    return pass(
      'compact',
      'list',
      tiles.tiles,
      {
        bits: bitsOfTiles('bits', tiles),
        offsets: offsets.window,
        indices: part('indices', list.count, list.first),
      },
      { n: tiles.count, first: tiles.first, tile: offsets.skip, place: list.first, room: list.count },
    );
  });
  return {
    scratch: { counts: words, offsets: words, ...scan.scratch },
    steps: [...counting, ...scan.steps, ...listing],
  };
}

export const plans: {
  readonly compact: PlanFor<typeof compactKernel>;
} = {
  compact: compactPlan,
};
