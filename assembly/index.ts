/**
 * The kernels as one module: memory comes from outside (`env.memory`), nothing is allocated, nothing is thrown. All
 * memory from heapBase() on belongs to the caller, who passes pointers to whole words, 4-byte aligned at least.
 *
 * The hottest loops test at their end: V8 computes what stays the same, such as a splat, before a loop only where no
 * iteration can leave before the place of its use.
 */
export { accumulate, accumulateEach, clear } from './accumulate';
export { addEachSigns } from './add-signs';
export { addBlockCounts, blockCounts } from './counts';
export { blockLevels, blockLevelsScratch, blockTopK, blockTopKScratch } from './blocks';
export { butterflies } from './butterflies';
export { compact } from './compact';
export { compensate } from './compensate';
export { ditherScratch, packDithered } from './dither';
export { codeSymbols, codeSymbolsScratch } from './entropy';
export { extremes, nonFinite } from './extremes';
export { fold, foldLast, foldShort } from './fold';
export { unflattenScratch, unflattenSigns } from './flatten';
export { flatten, flipScratch, fwht, unflatten } from './fwht';
export { keyCounts, keyCountsScratch, keyCountsSum, keyCountsTile } from './histogram';
export { listLevels, listLevelsScratch } from './levels';
export { packLevels, packLevelsScratch } from './centroids';
export { unflattenLevels, unflattenLevelsScratch } from './centroids-decode';
export { flattenLevels, flattenLevelsPart, flattenLevelsScratch } from './centroids-flatten';
export { heapBase, simd } from './module';
export { addSigns, packBits, packSigns, unpackBits, unpackSigns } from './pack';
export {
  addLookup,
  addLookupPart,
  addLookupTable,
  lookup,
  lookupPart,
  lookupScratch,
  lookupTable,
} from './lookup';
export { findMarked, mark, quantize, quantizeScratch } from './quantize';
export { randomBits } from './random';
export { absSum, signsAndSum, squareSum, sumScratch } from './reduce';
export { riceDecode, riceEncode, ricePlan } from './rice';
export { lambdas, levelGrid, maskGrid, uniformGrid } from './scalars';
export { scan } from './scan';
export {
  threshold,
  topK,
  topKBracket,
  topKCollect,
  topKCollectPart,
  topKFinish,
  topKJoin,
  topKSample,
  topKSampleLines,
  topKScratch,
} from './select';
export { addAt, countBelow, gather, place, scatter } from './sparse';
export { decodeSymbols, decodeSymbolsScratch } from './symbols';
