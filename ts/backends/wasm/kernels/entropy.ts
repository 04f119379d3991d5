/** How the coding of symbols runs on the wasm backend. */
import * as module from '../../../generated/wasm-exports.ts';
import type { codeSymbolsKernel } from '../../../kernels/entropy.ts';
import type { KernelOf } from './kernel.ts';

export const codeSymbols: KernelOf<typeof codeSymbolsKernel> = {
  whole: module.codeSymbols,
  scratch: module.codeSymbolsScratch,
};
