/** Operations on float32 that a shader's result depends on, as its source has them and as a compiler leaves them. */

export interface Counts {
  /** Sums and differences. */
  readonly adds: number;
  readonly multiplies: number;
  /** A product and a sum rounded once. */
  readonly fused: number;
}

/** Each operation of a loop once, of a vector once a component, of a function once a call. */
export interface SourceCounts extends Counts {
  /** `x + x`, neither among the adds nor among the multiplies: a compiler may write 2 x, which is the same number. */
  readonly doubles: number;
}

/** Each instruction once, so those of an unrolled loop once a turn. */
export interface MachineCounts extends Counts {
  /** A product and a sum in one instruction that rounds both, as the source does. */
  readonly mads: number;
  /** Quotients of integers, which these GPUs make with a reciprocal and a product; those are not counted elsewhere. */
  readonly divisions: number;
  /** Instructions that round and are none of the above, by name. */
  readonly others: readonly string[];
}
