/**
 * A call of one kernel as `kernels.ts` writes it down while js does a case: the words of its buffers before and after.
 */
import type { Kernel } from '../kernels/kernel.ts';

/** A kernel's call: the words of its buffers before and after it. */
export interface Call {
  readonly kernel: Kernel<string, string>;
  readonly params: Readonly<Record<string, number>>;
  readonly before: ReadonlyMap<string, Uint32Array>;
  readonly after: ReadonlyMap<string, Uint32Array>;
  /** Whether the compressor drops what it leaves: the vector is refused, or scaled and gone through again. */
  readonly dropped: boolean;
}
