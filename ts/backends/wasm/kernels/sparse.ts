/** How gather, scatter and place run. */
import * as module from '../../../generated/wasm-exports.ts';
import type { gatherKernel, placeKernel, scatterKernel } from '../../../kernels/sparse.ts';
import type { KernelOf } from './kernel.ts';

export const gather: KernelOf<typeof gatherKernel> = { whole: module.gather };
export const place: KernelOf<typeof placeKernel> = { whole: module.place };
export const scatter: KernelOf<typeof scatterKernel> = { whole: module.scatter };
