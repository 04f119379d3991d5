/** How grids of quantisers and widths of dithers are computed on the wasm backend (the ways: kernel.ts): whole. */
import * as module from '../../../generated/wasm-exports.ts';
import type {
  lambdasKernel,
  levelGridKernel,
  maskGridKernel,
  uniformGridKernel,
} from '../../../kernels/scalars.ts';
import type { KernelOf } from './kernel.ts';

export const levelGrid: KernelOf<typeof levelGridKernel> = { whole: module.levelGrid };
export const maskGrid: KernelOf<typeof maskGridKernel> = { whole: module.maskGrid };
export const uniformGrid: KernelOf<typeof uniformGridKernel> = { whole: module.uniformGrid };

/** Tile by tile only where another kernel of the pass streams the sums. */
export const lambdas: KernelOf<typeof lambdasKernel> = {
  whole: module.lambdas,
  tiled({ exports }, { lambdas, count: n, factor }, { sums: streamed }) {
    if (streamed === undefined) return undefined;
    return {
      input: 'sums',
      n,
      outputs: { lambdas: streamed },
      tile: (sums, first, count) =>
        module.lambdas(exports, { sums, lambdas: lambdas + first * 4, count, factor }),
    };
  },
};
