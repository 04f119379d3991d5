/**
 * How flattened signs are decoded on the wasm backend: in blocks that fit a tile. Longer ones go by their parts
 * (kernel.ts).
 */
import * as module from '../../../generated/wasm-exports.ts';
import type { unflattenSignsKernel } from '../../../kernels/flatten.ts';
import { TILE } from '../task.ts';
import type { KernelOf } from './kernel.ts';

export const unflattenSigns: KernelOf<typeof unflattenSignsKernel> = {
  takes: ({ block }) => block <= TILE,
  whole: module.unflattenSigns,
  scratch: module.unflattenScratch,
  tiled({ exports }, args, streamed) {
    const { bits, scales, block } = args;
    // bits and scales are no words a tile of y, so they have to be there before
    if (streamed.bits !== undefined || streamed.scales !== undefined) return undefined;
    if ((streamed.y ?? TILE) !== TILE) return undefined;
    const part = { ...args, scratch: 0, from: 0 };
    return {
      input: 'y',
      n: args.n,
      long: true,
      outputs: {},
      local: module.unflattenScratch(exports, args),
      tile(at, first, count, scratch) {
        part.bits = bits + first / 8;
        part.scales = scales + (first / block) * 4;
        part.y = at;
        part.scratch = scratch;
        part.from = first;
        part.n = first + count;
        module.unflattenSigns(exports, part);
      },
    };
  },
};
