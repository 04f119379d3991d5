/**
 * How gather, scatter, place and addAt run on the wasm backend (the ways: kernel.ts). Where a pass goes through y, each
 * of its tiles finds its part of the list, whose indices ascend.
 */
import * as module from '../../../generated/wasm-exports.ts';
import type { Exports } from '../../../generated/wasm-exports.ts';
import type { addAtKernel, gatherKernel, placeKernel, scatterKernel } from '../../../kernels/sparse.ts';
import { TILE, tilesOf, type Args } from '../task.ts';
import type { KernelOf, Tiled } from './kernel.ts';

export const gather: KernelOf<typeof gatherKernel> = { whole: module.gather };

/** Takes elements of a list to a part of y, whose end is n; how many of its indices lie before that. */
type Move = (exports: Exports, part: Args<'indices' | 'values' | 'y' | 'n' | 'count'>) => number;

/** The tile plan over tiles of y, which are set to zero before where the kernel does so. */
function overTiles(move: Move, clears: boolean): Tiled<'indices' | 'values' | 'y', 'n' | 'count'> {
  return ({ exports }, { indices, values, n, count }, streamed) => {
    // a list of fewer elements than tiles is done at once
    if (!clears && streamed.y === undefined && count < tilesOf(n)) return undefined;
    const part = { indices, values, y: 0, n: 0, count };
    // where the tile starts that comes next, if they come in turn, and how much of the list lies before it
    let [next, done] = [0, 0];
    return {
      input: 'y',
      n,
      outputs: { y: TILE },
      reads: ['indices', 'values'],
      tile(y, first, length) {
        if (clears) module.clear(exports, { y, n: length });
        if (first !== next) done = module.countBelow(exports, { indices, count, index: first });
        next = first + length;
        part.indices = indices + done * 4;
        part.values = values + done * 4;
        // where element 0 would lie, modulo 2^32
        part.y = y - first * 4;
        part.n = next;
        part.count = count - done;
        done += move(exports, part);
      },
    };
  };
}

export const place: KernelOf<typeof placeKernel> = {
  whole: module.place,
  tiled: overTiles(module.place, false),
};

export const addAt: KernelOf<typeof addAtKernel> = {
  whole: module.addAt,
  tiled: overTiles(module.addAt, false),
};

export const scatter: KernelOf<typeof scatterKernel> = {
  whole: module.scatter,
  tiled: overTiles(module.place, true),
};
