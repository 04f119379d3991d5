/** How random bits are drawn on the wasm backend (the ways: kernel.ts): whole. */
import * as module from '../../../generated/wasm-exports.ts';
import type { randomBitsKernel } from '../../../kernels/random.ts';
import type { KernelOf } from './kernel.ts';

export const randomBits: KernelOf<typeof randomBitsKernel> = { whole: module.randomBits };
