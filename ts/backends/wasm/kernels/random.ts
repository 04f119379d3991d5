/** How random bits are drawn. */
import * as module from '../../../generated/wasm-exports.ts';
import type { randomBitsKernel } from '../../../kernels/random.ts';
import type { KernelOf } from './kernel.ts';

export const randomBits: KernelOf<typeof randomBitsKernel> = { whole: module.randomBits };
