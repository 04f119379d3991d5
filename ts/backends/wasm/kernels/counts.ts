/**
 * How counts by blocks run on the wasm backend: each thread adds its tiles to counts of its own, which are added at the
 * end.
 */
import * as module from '../../../generated/wasm-exports.ts';
import type { blockCountsKernel } from '../../../kernels/counts.ts';
import { ceilDiv } from '../../../kernels/kernel.ts';
import type { KernelOf } from './kernel.ts';

/** The most blocks that each thread has counts of its own for. */
const MOST = 4096;

export const blockCounts: KernelOf<typeof blockCountsKernel> = {
  whole: module.blockCounts,
  tiled({ exports, view }, { counts, n, key, length }) {
    const blocks = ceilDiv(n, length);
    if (blocks > MOST) return;
    const part = { x: 0, counts: 0, from: 0, n: 0, key, length };
    return {
      input: 'x',
      n,
      outputs: {},
      local: blocks,
      tile(x, first, count, local) {
        part.x = x;
        part.counts = local;
        part.from = first;
        part.n = count;
        module.addBlockCounts(exports, part);
      },
      finish(locals) {
        const sums = view(counts, blocks).fill(0);
        for (const local of locals) view(local, blocks).forEach((count, block) => (sums[block] += count));
      },
    };
  },
};
