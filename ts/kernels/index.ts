/** `fewbits/kernels`: the kernels alone, as functions of a device. */
export { accumulate } from './accumulate.ts';
export { compact } from './compact.ts';
export { fwht } from './fwht.ts';
export { packBits, packSigns, unpackBits, unpackSigns } from './pack.ts';
export { randomBits, type RandomKey } from './random.ts';
export { absMax, absSum, max, min, nonFinite, squareSum } from './reduce.ts';
export { scan } from './scan.ts';
export type { Host } from './scope.ts';
export { threshold, topK, type Order, type Selection } from './select.ts';
export { gather, scatter } from './sparse.ts';
