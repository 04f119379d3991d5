/** How dithered signs are packed on the wasm backend (the ways: kernel.ts). */
import * as module from '../../../generated/wasm-exports.ts';
import type { packDitheredKernel } from '../../../kernels/dither.ts';
import { TILE } from '../task.ts';
import type { KernelOf } from './kernel.ts';

export const packDithered: KernelOf<typeof packDitheredKernel> = {
  whole: module.packDithered,
  scratch: module.ditherScratch,
  tiled({ exports }, args, streamed) {
    const { lambdas, bits, n, segment } = args;
    // one for all, or as many as a tile has of them
    const one = segment >= n;
    if (one ? streamed.lambdas !== undefined : TILE % segment !== 0) return undefined;
    const beside: Readonly<Record<string, number>> = one ? {} : { lambdas: TILE / segment };
    const part = { ...args, scratch: 0, from: 0 };
    return {
      input: 'z',
      n,
      long: true,
      outputs: {},
      beside,
      reads: one ? ['lambdas'] : [],
      local: module.ditherScratch(exports),
      tile(z, first, count, scratch) {
        part.z = z;
        part.lambdas = one ? lambdas : lambdas + (first / segment) * 4;
        part.bits = bits + first / 8;
        part.scratch = scratch;
        part.from = first;
        part.n = first + count;
        module.packDithered(exports, part);
      },
    };
  },
};
