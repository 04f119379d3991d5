/** `fewbits/verify`: whether all backends of a machine give the same bytes. It runs in pages and workers too. */
export type { Case } from './cases.ts';
export { goldenCases, largeCases, quickCases } from './cases.ts';
export type { InputKind } from './data.ts';
export type { GpuFacts } from './environment.ts';
export type { KernelDifference } from './kernels.ts';
export type { Difference } from './outcome.ts';
export { renderReport, type BlamedKernel, type VerifiedBackend, type VerifyReport } from './report.ts';
export type { Sums } from './sums.ts';
export { targetsHere, type Target } from './targets.ts';
export { verify, type VerifyOptions } from './verify.ts';
