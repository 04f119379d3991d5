/** The kernels of sparse packets, as a module of its own for `fewbits/sparse`: a fifth of the bytes of all. */
export { accumulate, accumulateEach, clear } from './accumulate';
export { compensate } from './compensate';
export { nonFinite } from './extremes';
export { fold, foldLast, foldShort } from './fold';
export { listLevels, listLevelsScratch } from './levels';
export { heapBase, simd } from './module';
export { riceDecode, riceEncode, ricePlan } from './rice';
export {
  threshold,
  topK,
  topKBracket,
  topKCollect,
  topKFinish,
  topKSample,
  topKSampleLines,
  topKScratch,
} from './select';
export { addAt, countBelow, gather, place, scatter } from './sparse';
