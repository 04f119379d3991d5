/** How signs and codes are packed and unpacked on the wasm backend (the ways: kernel.ts). */
import * as module from '../../../generated/wasm-exports.ts';
import type {
  addSignsKernel,
  packBitsKernel,
  packSignsKernel,
  unpackBitsKernel,
  unpackSignsKernel,
} from '../../../kernels/pack.ts';
import type { Exports } from '../../../generated/wasm-exports.ts';
import { TILE, type Args } from '../task.ts';
import type { KernelOf, Tiled } from './kernel.ts';
import { overList } from './together.ts';

export const packBits: KernelOf<typeof packBitsKernel> = { whole: module.packBits };
export const unpackBits: KernelOf<typeof unpackBitsKernel> = { whole: module.unpackBits };

/** Writes elements of y, or adds to them. */
type Signs = (exports: Exports, part: Args<'bits' | 'scales' | 'y' | 'from' | 'n' | 'segment'>) => void;

/** The tile plan over tiles of y. */
function overTiles(signs: Signs): Tiled<'bits' | 'scales' | 'y', 'n' | 'segment'> {
  return ({ exports }, { bits, scales, n, segment }) => {
    const part = { bits, scales, y: 0, from: 0, n: 0, segment };
    return {
      input: 'y',
      n,
      outputs: { y: TILE },
      beside: { bits: TILE / 32 },
      reads: ['scales'],
      tile(y, first, count) {
        // where element 0 would lie, modulo 2^32
        part.y = y - first * 4;
        part.from = first;
        part.n = first + count;
        signs(exports, part);
      },
    };
  };
}

export const unpackSigns: KernelOf<typeof unpackSignsKernel> = {
  whole: module.unpackSigns,
  tiled: overTiles(module.unpackSigns),
};

export const addSigns: KernelOf<typeof addSignsKernel> = {
  whole: module.addSigns,
  tiled: overTiles(module.addSigns),
  // the fourth word is one that the function writes
  together: overList(4, ({ bits, scales, segment }) => [bits, scales, segment], module.addEachSigns),
};

export const packSigns: KernelOf<typeof packSignsKernel> = {
  whole: module.packSigns,
  tiled: ({ exports }, { bits, n }) => ({
    input: 'x',
    n,
    outputs: {},
    signs: bits,
    tile: (x, first, count) => module.packSigns(exports, { x, bits: bits + first / 8, n: count }),
  }),
};
