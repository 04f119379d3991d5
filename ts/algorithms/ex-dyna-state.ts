/** What an ExDyna worker keeps from step to step, and what a step under way has come to. */
import type { OwnList } from './ex-dyna-messages.ts';
import type { Levels } from './histogram.ts';
import type { Partitions } from './partitions.ts';
import type { StepReport } from './system.ts';

/** What all workers have in common between steps. */
export interface Numbers extends Record<string, number | readonly number[]> {
  /** The step that comes next. */
  readonly t: number;
  readonly d: number;
  readonly kPrev: number;
  /** The largest magnitude of the last direction: d that is scaled stays above 2^-10 of it. */
  readonly largest: number;
  /** For how many steps the density has been astray (density.ts). */
  readonly strayed: number;
  /** How many each partition selected in the last step, those that were forced left out. */
  readonly counts: readonly number[];
  readonly blocks: readonly number[];
}

/** A step under way: what it makes of the state, which stays as it is. */
export interface Step {
  round: 'histogram' | 'ties' | 'lists' | 'values';
  readonly partitions: Partitions;
  /** Whether d is measured, and so the ranks that added to all of the histogram so far. */
  readonly measured: boolean;
  counted: readonly number[];
  readonly search: Levels;
  d: number;
  /** How many of the magnitudes equal to d are taken: of all partitions together, then of the own. */
  ties: number;
  /** The lists, and the elements of all of them, by rank. */
  lists: readonly OwnList[];
  union: Uint32Array;
  counts: readonly number[];
  report: StepReport;
}
