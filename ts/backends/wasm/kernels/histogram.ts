/**
 * How histograms run on the wasm backend: each thread counts its tiles by itself, and the counts are added at the end.
 */
import * as module from '../../../generated/wasm-exports.ts';
import type { keyCountsKernel } from '../../../kernels/histogram.ts';
import type { KernelOf } from './kernel.ts';

export const keyCounts: KernelOf<typeof keyCountsKernel> = {
  whole: module.keyCounts,
  scratch: module.keyCountsScratch,
  tiled({ exports, view }, { counts, n, known, prefix, shift, bins }) {
    const part = { x: 0, scratch: 0, n: 0, known, prefix, shift, bins };
    return {
      input: 'x',
      n,
      outputs: {},
      local: module.keyCountsScratch(exports, { bins }),
      tile(x, _first, count, local) {
        part.x = x;
        part.scratch = local;
        part.n = count;
        module.keyCountsTile(exports, part);
      },
      finish(locals) {
        view(counts, bins).fill(0);
        for (const scratch of locals) module.keyCountsSum(exports, { counts, scratch, bins });
      },
    };
  },
};
