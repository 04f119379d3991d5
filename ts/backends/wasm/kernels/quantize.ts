/** How codes are made, looked up, marked and found. */
import * as module from '../../../generated/wasm-exports.ts';
import type {
  findMarkedKernel,
  lookupKernel,
  markKernel,
  quantizeKernel,
} from '../../../kernels/quantize.ts';
import type { KernelOf } from './kernel.ts';

export const findMarked: KernelOf<typeof findMarkedKernel> = { whole: module.findMarked };
export const lookup: KernelOf<typeof lookupKernel> = { whole: module.lookup, scratch: module.lookupScratch };
export const mark: KernelOf<typeof markKernel> = { whole: module.mark };

export const quantize: KernelOf<typeof quantizeKernel> = {
  whole: module.quantize,
  scratch: module.quantizeScratch,
  tiled({ exports }, args) {
    // draws are keyed by the place in the whole vector
    if (args.fraction !== 0) return undefined;
    const part = { ...args, scratch: 0 };
    return {
      input: 'x',
      n: args.n,
      outputs: {},
      local: module.quantizeScratch(exports),
      tile(x, first, count, scratch) {
        part.x = x;
        part.packed = args.packed + (first / 8) * args.width;
        part.scratch = scratch;
        part.n = count;
        module.quantize(exports, part);
      },
    };
  },
};
