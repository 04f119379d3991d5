/** How error compensation runs on the wasm backend (the ways: kernel.ts). */
import * as module from '../../../generated/wasm-exports.ts';
import type { compensateKernel } from '../../../kernels/compensate.ts';
import { TILE } from '../task.ts';
import type { KernelOf } from './kernel.ts';

export const compensate: KernelOf<typeof compensateKernel> = {
  whole: module.compensate,
  // local: the largest keys of all the thread's tiles, and of one
  tiled({ exports, view }, { error, y, keys, n, scale }) {
    const part = { x: 0, error, y, keys, n: 0, scale };
    return {
      input: 'x',
      n,
      outputs: { y: TILE },
      beside: { error: TILE },
      local: 4,
      tile(x, first, count, local) {
        part.x = x;
        part.error = error + first * 4;
        part.y = y + first * 4;
        part.keys = local + 8;
        part.n = count;
        module.compensate(exports, part);
        const words = view(local, 4);
        words[0] = Math.max(words[0], words[2]);
        words[1] = Math.max(words[1], words[3]);
      },
      finish(locals) {
        const largest = view(keys, 2).fill(0);
        for (const [x, error] of locals.map((local) => view(local, 2))) {
          largest[0] = Math.max(largest[0], x);
          largest[1] = Math.max(largest[1], error);
        }
      },
    };
  },
};
