/** How signs and codes are packed and unpacked. */
import * as module from '../../../generated/wasm-exports.ts';
import type {
  packBitsKernel,
  packSignsKernel,
  unpackBitsKernel,
  unpackSignsKernel,
} from '../../../kernels/pack.ts';
import type { KernelOf } from './kernel.ts';

export const packBits: KernelOf<typeof packBitsKernel> = { whole: module.packBits };
export const unpackBits: KernelOf<typeof unpackBitsKernel> = { whole: module.unpackBits };
export const unpackSigns: KernelOf<typeof unpackSignsKernel> = { whole: module.unpackSigns };

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
