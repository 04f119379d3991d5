/** How compact runs on the wasm backend (the ways: kernel.ts): whole. */
import * as module from '../../../generated/wasm-exports.ts';
import type { compactKernel } from '../../../kernels/compact.ts';
import type { KernelOf } from './kernel.ts';

export const compact: KernelOf<typeof compactKernel> = { whole: module.compact };
