/**
 * What an implementation of WGSL may do, by choice. Every member left out is what a plain reading of the specification
 * gives: each operation rounded once to the nearest, subnormals kept, zeros signed, threads in order.
 */
export interface Mode {
  /** `a * b + c` is rounded once (15.7.5, fusion), also where the product has a name or comes out of a function. */
  readonly contraction?: boolean;

  /**
   * Sums in another order (15.7.5, reassociation). `factor`: `a * b + a * c + d` as `a * (b + c) + d`; `regroup`:
   * `(v + x) + y` as `v + (x + y)`; `accumulators`: a loop that adds to a variable adds to two in turn.
   */
  readonly association?: 'factor' | 'regroup' | 'accumulators';

  /** Subnormal operands and results become zero (15.7.2): +0, -0, zero with their sign, or any of these or nothing. */
  readonly flush?: 'positive' | 'negative' | 'sign' | 'random';

  /** Subnormals become zero in bitcasts, too, as where values pass through float registers that flush. */
  readonly flushBits?: boolean;

  /** Zeros that operations give have this sign (15.7.2: the sign of zero may be ignored). */
  readonly zero?: 'negative' | 'random';

  /** Any number stands in the place of infinity and NaN (15.7.2: implementations may assume that there are none). */
  readonly nonFinite?: 'anything';

  /** How operations round (15.7.2 leaves the mode open); to the nearest where left out. */
  readonly rounding?: 'zero' | 'up' | 'down' | 'random';

  /** Division, roots, exponentials and logarithms are off by what 15.7.4 allows. */
  readonly accuracy?: 'loose';

  /** Memory that was not written holds random words, and reading it is reported. */
  readonly garbage?: boolean;

  /**
   * Accesses out of bounds (robust buffer access): of the nearest word, of any other word of the variable, or none,
   * where a read gives zero. They are reported in any case. The nearest where left out.
   */
  readonly bounds?: 'nearest' | 'elsewhere' | 'none';

  /** The order in which workgroups, and invocations between two barriers, run; ascending where left out. */
  readonly order?: 'random' | 'descending';

  /** Invocations of a subgroup, a power of two from 4 to 128; 32 where left out. */
  readonly subgroups?: number;

  /** What random choices start from; 1 where left out. */
  readonly seed?: number;
}

/** A generator of words (xorshift32), started by a seed. */
export function randomWords(seed: number): () => number {
  let state = Math.imul(seed, 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}
