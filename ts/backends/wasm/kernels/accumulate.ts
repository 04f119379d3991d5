/** How accumulate runs. */
import * as module from '../../../generated/wasm-exports.ts';
import type { accumulateKernel } from '../../../kernels/accumulate.ts';
import type { KernelOf } from './kernel.ts';

export const accumulate: KernelOf<typeof accumulateKernel> = { whole: module.accumulate };
