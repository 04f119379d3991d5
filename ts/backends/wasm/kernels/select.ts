/**
 * How selection runs. topK goes tile by tile where the vector is not in linear memory, of which no more is copied than a
 * tile and a sample, and on several threads, which take the candidates of different tiles: then the k largest of these.
 */
import * as module from '../../../generated/wasm-exports.ts';
import type { thresholdKernel, topKKernel } from '../../../kernels/select.ts';
import type { Executor, Operand } from '../executor.ts';
import { TILE, tileAddress, tilesOf, type Args, type TaskKind, type Tiles } from '../task.ts';
import type { KernelOf } from './kernel.ts';

export const threshold: KernelOf<typeof thresholdKernel> = { whole: module.threshold };

export const topK: KernelOf<typeof topKKernel> = {
  whole: module.topK,
  scratch: module.topKScratch,
  parallel: { lent: ['x'], run: (executor, { x }, args) => topKByTiles(executor, x, args) },
};

/** Neighbours that one place of the sample takes, as in assembly/select.ts. */
const LINE = 16;

/** A tile has room for so many of its elements as candidates, an eighth: more of them, and the work is not shared. */
const REGION: number = TILE / 8;

/** The golden ratio's part of 1: multiples of it, cut to their part of 1, lie evenly and keep step with nothing. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** What the steps of a selection share: its numbers, and the scratch of the kernel. */
type Selection = Args<'scratch' | 'n' | 'k' | 'order'>;

/**
 * Selects as the kernel topK does; false, and nothing done, where the whole vector is needed for it: for large k, where
 * many elements are equal, and where the sample misleads.
 */
function topKByTiles(
  executor: Executor,
  x: Operand,
  { indices, values, n, k, order }: Args<'indices' | 'values' | 'n' | 'k' | 'order'>,
): boolean {
  const { exports, view } = executor;
  if (x.address !== undefined && executor.threadsFor(n) === 1) return false;
  return executor.withMemory((allocate) => {
    const scratch = allocate(module.topKScratch(exports, { n, k }));
    const selection = { scratch, n, k, order };
    const list = module.topKSample(exports, selection);
    if (list === 0) return false;
    if (x.address !== undefined) module.drawSample(exports, { x: x.address, n, list });
    else sample(x.source!.subarray(0, n), view(list, module.topKSampleSize(exports, { n })));
    if (!module.topKBracket(exports, selection)) return false;
    let found = executor.threadsFor(n) > 1 ? takeInParallel(executor, x, selection) : 0;
    if (found === 0) found = takeInTurn(executor, x, selection);
    return module.topKFinish(exports, { ...selection, indices, values, found });
  });
}

/** Takes the candidates of one tile after the other. Returns how many; the room for them, where there may be more. */
function takeInTurn(executor: Executor, { address, source }: Operand, selection: Selection): number {
  const { exports, view } = executor;
  const { n, order } = selection;
  const room = module.topKRoom(exports, selection);
  const least = module.topKLow(exports, selection);
  const candidates = module.topKCandidates(exports, selection);
  const takeFrom = (x: number, from: number, to: number, taken: number): number => {
    const indices = candidates + taken * 4;
    const part = { x, from, to, order, least, indices, values: indices + room * 4, room: room - taken };
    return taken + module.take(exports, part);
  };
  if (address !== undefined) return takeFrom(address, 0, n, 0);
  return executor.withMemory((allocate) => {
    const tile = allocate(TILE);
    let taken = 0;
    for (let first = 0; first < n; first += TILE) {
      const end = Math.min(first + TILE, n);
      view(tile, end - first).set(source!.subarray(first, end));
      // where element 0 would lie, modulo 2^32
      taken = takeFrom(tile - first * 4, first, end, taken);
    }
    return taken;
  });
}

/** The same on all threads; 0 where a tile has more candidates than room. */
function takeInParallel(executor: Executor, x: Operand, selection: Selection): number {
  const { exports } = executor;
  const { n, order } = selection;
  const tasks = tilesOf(n);
  const room = module.topKRoom(exports, selection);
  const indices = module.topKCandidates(exports, selection);
  return executor.withMemory((allocate) => {
    const tiles = executor.tiles(x, n, allocate);
    const regions = allocate(tasks * REGION * 2);
    const counts = allocate(tasks);
    const least = module.topKLow(exports, selection);
    executor.runTiles(candidates, { tiles, order, least, regions, counts }, tiles, x.source);
    const words = indices + room * 4;
    return module.join(exports, { regions, counts, tasks, size: REGION, indices, words, room });
  });
}

/** Candidates of a topK, of each tile in a region of its own: `REGION` indices, then as many words. */
interface Candidates extends Args<'order' | 'least' | 'regions' | 'counts'> {
  readonly tiles: Tiles;
}

/** Takes the elements of a tile whose rank is at least `least`. A word of counts: how many; REGION may mean more. */
const candidates: TaskKind<Candidates> = {
  name: 'candidates',
  bind:
    ({ exports, view }, { tiles, order, least, regions, counts }) =>
    (tile) => {
      const from = tile * TILE;
      const to = Math.min(from + TILE, tiles.n);
      // where element 0 would lie, modulo 2^32
      const x = tileAddress(tiles, tile) - from * 4;
      const indices = regions + tile * REGION * 8;
      const values = indices + REGION * 4;
      const part = { x, from, to, order, least, indices, values, room: REGION };
      view(counts + tile * 4, 1)[0] = module.take(exports, part);
    },
};

/** What workers do of a selection. */
export const selectTasks: readonly TaskKind<never>[] = [candidates];

/** Fills `list` with lines of neighbours from places spread over x, one at a hashed place of each equal part. */
function sample(x: Uint32Array, list: Uint32Array): void {
  const lines = list.length / LINE;
  const places = Math.floor(x.length / LINE);
  for (let i = 0; i < lines; i++) {
    const place = Math.min(Math.floor(((i + ((i * GOLDEN) % 1)) / lines) * places), places - 1);
    for (let j = 0; j < LINE; j++) list[i * LINE + j] = x[place * LINE + j];
  }
}
