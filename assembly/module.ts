/** What a module says of itself: where memory that its caller may use begins, and whether it has SIMD. */

/** The first byte behind the tables of this module. */
export function heapBase(): usize {
  return __heap_base;
}

/** 1 where this module was compiled with SIMD. It also marks the module as one of fewbits. */
export function simd(): u32 {
  return ASC_FEATURE_SIMD ? 1 : 0;
}
