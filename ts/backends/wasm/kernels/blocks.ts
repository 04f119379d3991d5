/** How selection by blocks runs on the wasm backend (the ways: kernel.ts). A tile has whole blocks. */
import * as module from '../../../generated/wasm-exports.ts';
import type { blockLevelsKernel, blockTopKKernel } from '../../../kernels/blocks.ts';
import { TILE } from '../task.ts';
import type { KernelOf } from './kernel.ts';

export const blockTopK: KernelOf<typeof blockTopKKernel> = {
  whole: module.blockTopK,
  scratch: module.blockTopKScratch,
  tiled({ exports }, args, streamed) {
    const { indices, values, n, block, k } = args;
    // other kernels of the pass have x in tiles of as many words
    if ((streamed.x ?? TILE) !== TILE) return undefined;
    const kept = (TILE / block) * k;
    const part = { ...args, scratch: 0, from: 0 };
    return {
      input: 'x',
      n,
      outputs: { indices: kept, values: kept },
      // a guess goes from tile to tile
      local: module.blockTopKScratch(exports),
      tile(x, first, count, scratch) {
        const at = (first / block) * k * 4;
        part.x = x;
        part.indices = indices + at;
        part.values = values + at;
        part.scratch = scratch;
        part.from = first;
        part.n = count;
        module.blockTopK(exports, part);
      },
    };
  },
};

export const blockLevels: KernelOf<typeof blockLevelsKernel> = {
  whole: module.blockLevels,
  scratch: module.blockLevelsScratch,
};
