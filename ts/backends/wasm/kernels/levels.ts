/** How levels in the place of magnitudes are found on the wasm backend (the ways: kernel.ts). */
import * as module from '../../../generated/wasm-exports.ts';
import type { listLevelsKernel } from '../../../kernels/levels.ts';
import type { KernelOf } from './kernel.ts';

export const listLevels: KernelOf<typeof listLevelsKernel> = {
  whole: module.listLevels,
  scratch: module.listLevelsScratch,
};
