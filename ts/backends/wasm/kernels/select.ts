/**
 * How selection runs on the wasm backend (the ways: kernel.ts). topK goes tile by tile where the vector is not in
 * linear memory, of which no more is copied than a tile and a sample, and on several threads, which take the candidates
 * of different tiles: then the k largest of these.
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

/** Neighbours of a group of the sample, as in assembly/select.ts. */
export const LINE = 16;

/** A tile has room for so many of its elements as candidates, an eighth: more of them, and the work is not shared. */
const REGION: number = TILE / 8;

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
  const { address, source } = x;
  // tiles of a lent vector are looked through as fast as they are copied for others
  const several = address !== undefined && executor.threadsFor(n) > 1;
  if (address !== undefined && !several) return false;
  return executor.withMemory((allocate) => {
    const scratch = allocate(module.topKScratch(exports, { n, k }));
    const selection = { scratch, n, k, order };
    const sample = module.topKSample(exports, selection);
    if (sample === 0) return false;
    const lines = module.topKSampleLines(exports, { n });
    if (address === undefined) copyLines(source!, view(sample, lines * LINE), lines);
    if (!module.topKBracket(exports, { x: address ?? 0, scratch, n, k, order })) return false;
    if (!several || !collectInParallel(executor, x, selection)) collectInTurn(executor, x, selection);
    return module.topKFinish(exports, { indices, values, scratch, n, k, order });
  });
}

/** Copies the groups of the sample, whose last words are the indices of the elements that they start with. */
function copyLines(x: Uint32Array, sample: Uint32Array, lines: number): void {
  for (let i = 0; i < lines; i++) {
    const first = sample[lines * (LINE - 1) + i];
    for (let j = 0; j < LINE; j++) sample[i * LINE + j] = x[first + j];
  }
}

/** Collects the candidates of one tile after the other. */
function collectInTurn(executor: Executor, { address, source }: Operand, selection: Selection): void {
  const { exports, view } = executor;
  const { n } = selection;
  const part = { ...selection, x: address ?? 0, from: 0, to: n };
  if (address !== undefined) return module.topKCollect(exports, part);
  executor.withMemory((allocate) => {
    const tile = allocate(TILE);
    for (let first = 0; first < n; first += TILE) {
      part.from = first;
      part.to = Math.min(first + TILE, n);
      view(tile, part.to - first).set(source!.subarray(first, part.to));
      // where element 0 would lie, modulo 2^32
      part.x = tile - first * 4;
      module.topKCollect(exports, part);
    }
  });
}

/** The same on all threads; false where a tile has more candidates than room. */
function collectInParallel(executor: Executor, x: Operand, { scratch, n, k, order }: Selection): boolean {
  const { exports } = executor;
  const tasks = tilesOf(n);
  return executor.withMemory((allocate) => {
    const tiles = executor.tiles(x, n, allocate);
    const regions = allocate(tasks * REGION * 2);
    const counts = allocate(tasks);
    executor.runTiles(candidates, { tiles, scratch, order, regions, counts }, tiles, x);
    return module.topKJoin(exports, { regions, counts, tasks, room: REGION, scratch, n, k });
  });
}

/** The candidates of each tile, in a region of its own, `REGION` indices, then as many words; and how many they are. */
interface Candidates extends Args<'scratch' | 'order' | 'regions' | 'counts'> {
  readonly tiles: Tiles;
}

const candidates: TaskKind<Candidates> = {
  name: 'candidates',
  bind:
    ({ exports }, { tiles, scratch, order, regions, counts }) =>
    (tile) => {
      const from = tile * TILE;
      const to = Math.min(from + TILE, tiles.n);
      // where element 0 would lie, modulo 2^32
      const x = tileAddress(tiles, tile) - from * 4;
      const region = regions + tile * REGION * 8;
      const count = counts + tile * 4;
      module.topKCollectPart(exports, { x, scratch, from, to, order, region, count, room: REGION });
    },
};

/** What workers do of a selection. */
export const selectTasks: readonly TaskKind<never>[] = [candidates];
