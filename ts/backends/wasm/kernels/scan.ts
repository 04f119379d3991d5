/** How scan runs on the wasm backend (the ways: kernel.ts): whole. */
import * as module from '../../../generated/wasm-exports.ts';
import type { scanKernel } from '../../../kernels/scan.ts';
import type { KernelOf } from './kernel.ts';

export const scan: KernelOf<typeof scanKernel> = { whole: module.scan };
