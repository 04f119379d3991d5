/** How flattened levels are packed and decoded on the wasm backend (the ways: kernel.ts), by blocks that fit a tile. */
import * as module from '../../../generated/wasm-exports.ts';
import type {
  flattenLevelsKernel,
  packLevelsKernel,
  unflattenLevelsKernel,
} from '../../../kernels/centroids.ts';
import { TILE } from '../task.ts';
import type { KernelOf } from './kernel.ts';

export const packLevels: KernelOf<typeof packLevelsKernel> = {
  whole: module.packLevels,
  scratch: module.packLevelsScratch,
};

/** Longer blocks go by their parts (kernel.ts). */
export const flattenLevels: KernelOf<typeof flattenLevelsKernel> = {
  takes: ({ block }) => block <= TILE,
  whole: module.flattenLevels,
  scratch: module.flattenLevelsScratch,
  tiled({ exports, view }, args, streamed) {
    const { codes, squares, sums, counts, max, n, total, block, bits } = args;
    if ((streamed.x ?? TILE) !== TILE) return undefined;
    const blocks = TILE / block;
    const levels = blocks * 2 ** (bits - 1);
    const part = { ...args, scratch: 0, from: 0 };
    return {
      input: 'x',
      n,
      outputs: {},
      // the largest key, then scratch
      local: 4 + module.flattenLevelsScratch(exports, args),
      tile(x, first, count, local) {
        const tile = first / TILE;
        part.x = x;
        part.codes = codes + (first / 8) * bits;
        part.squares = squares + tile * blocks * 4;
        part.sums = sums + tile * levels * 4;
        part.counts = counts + tile * levels * 4;
        part.max = local;
        part.scratch = local + 16;
        part.from = first;
        part.n = first + count;
        part.total = Math.min(first + TILE, total);
        module.flattenLevelsPart(exports, part);
      },
      finish(locals) {
        view(max, 1)[0] = locals.reduce((most, local) => Math.max(most, view(local, 1)[0]), 0);
      },
    };
  },
};

export const unflattenLevels: KernelOf<typeof unflattenLevelsKernel> = {
  takes: ({ block }) => block <= TILE,
  whole: module.unflattenLevels,
  scratch: module.unflattenLevelsScratch,
  tiled({ exports }, args, streamed) {
    const { codes, scales, block, bits } = args;
    // codes and scales are no words a tile of y, so they have to be there before
    if (streamed.codes !== undefined || streamed.scales !== undefined) return undefined;
    if (streamed.table !== undefined || (streamed.y ?? TILE) !== TILE) return undefined;
    const part = { ...args, scratch: 0, from: 0 };
    return {
      input: 'y',
      n: args.n,
      outputs: {},
      local: module.unflattenLevelsScratch(exports, args),
      tile(at, first, count, scratch) {
        part.codes = codes + (first / 8) * bits;
        part.scales = scales + (first / block) * 4;
        part.y = at;
        part.scratch = scratch;
        part.from = first;
        part.n = first + count;
        module.unflattenLevels(exports, part);
      },
    };
  },
};
