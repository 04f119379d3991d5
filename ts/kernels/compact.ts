/** Compaction: from a bitmap to the ascending list of the places of its ones. */
import { requireInteger, requireUint32Array } from '../arguments.ts';
import {
  ceilDiv,
  type Kernel,
  type Limits,
  type Pass,
  pass,
  type Plan,
  runs,
  WINDOW_UNIT,
} from './kernel.ts';
import { scanPlan } from './scan.ts';
import type { Host } from './scope.ts';
import { around, part, wordsAround } from './windows.ts';

/**
 * indices = the ascending i < n with bit i of `bits` set, the first `capacity` of them; count[0] = how many there are
 * in all. Bits from n on are ignored. n >= 1, capacity >= 1; indices has `capacity` words or more.
 */
export const compactKernel: Kernel<'bits' | 'indices' | 'count', 'n' | 'capacity'> = {
  name: 'compact',
  buffers: ['bits', 'indices', 'count'],
  params: ['n', 'capacity'],
  plan: compactPlan,
};

/**
 * The ascending indices of the ones among the first n bits of a bitmap, lowest bit of a word first.
 *
 * @throws RangeError where `bits` is not ceil(n / 32) words long
 * @example
 * await device.kernels.compact(new Uint32Array([0b1010]), 4); // Uint32Array [1, 3]
 */
export async function compact(host: Host, bits: Uint32Array, n: number): Promise<Uint32Array> {
  requireUint32Array('bits', bits);
  requireInteger('n', n, 0, 2 ** 32 - 1);
  requireInteger('bits.length', bits.length, ceilDiv(n, 32), ceilDiv(n, 32));
  if (n === 0) return new Uint32Array(0);
  return host.use(async (scope) => {
    const indices = scope.take(n);
    const count = scope.take(1);
    scope.run(compactKernel, { bits: scope.put(bits), indices, count }, { n, capacity: n });
    const [[found]] = await scope.read(count);
    return (await scope.read({ buffer: indices, count: found }))[0];
  });
}

/** Elements that a workgroup marks, counts and lists: 32 for each of its 128 threads. */
export const TILE = 4096;

/** Words of a tile's list of candidates (wgsl/select.wgsl): a count, and one for each candidate. */
export const LIST = 512;

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
