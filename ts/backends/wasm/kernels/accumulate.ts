/** How accumulate and clear run on the wasm backend (the ways: kernel.ts): whole, or tile by tile. */
import * as module from '../../../generated/wasm-exports.ts';
import type { accumulateKernel, clearKernel } from '../../../kernels/accumulate.ts';
import { bitsOf } from '../../../kernels/float-bits.ts';
import { TILE } from '../task.ts';
import type { KernelOf } from './kernel.ts';
import { overList } from './together.ts';

export const accumulate: KernelOf<typeof accumulateKernel> = {
  whole: module.accumulate,
  tiled({ exports }, { y, n, scale }) {
    const part = { x: 0, y, n: 0, scale };
    return {
      input: 'x',
      n,
      outputs: { y: TILE },
      tile(x, first, count) {
        part.x = x;
        part.y = y + first * 4;
        part.n = count;
        module.accumulate(exports, part);
      },
    };
  },
  together: overList(2, ({ x, scale }) => [x, bitsOf(scale)], module.accumulateEach),
};

export const clear: KernelOf<typeof clearKernel> = {
  whole: module.clear,
  tiled: ({ exports }, { n }) => ({
    input: 'y',
    n,
    outputs: { y: TILE },
    tile: (y, _first, count) => module.clear(exports, { y, n: count }),
  }),
};
