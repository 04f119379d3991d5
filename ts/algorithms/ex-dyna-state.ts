/** What an ExDyna worker keeps from step to step, and what a step under way has come to. */
import type { Balance, Balanced } from './ex-dyna-balance.ts';
import { totalOf, type OwnList } from './ex-dyna-messages.ts';
import {
  heldThreshold,
  measures,
  NEVER_MET,
  scaledThreshold,
  strayedAfter,
  type Control,
} from './density.ts';
import { keyHistogram, type Level, type Levels, wantedOf } from './histogram.ts';
import { divided, dividedEvenly, lengthened, Partitions, sharedOut, type Division } from './partitions.ts';
import { ranksOf } from './steps.ts';
import type { Seat, StepReport } from './system.ts';

/** What a worker goes by: when d is measured, and whether partitions are cut anew in each step. */
export interface Rules extends Control {
  readonly balanced: boolean;
}

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
  /** Blocks of each partition; elements where they are balanced exactly. */
  readonly blocks: readonly number[];
}

/** A step under way: what it makes of the state, which stays as it is. */
export interface Step {
  round: 'histogram' | 'ties' | 'counts' | 'lists' | 'values';
  partitions: Division;
  /** What the partitions are cut by, where they are balanced exactly, and how many each of them sends then. */
  balance: Balance | undefined;
  shares: readonly number[];
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

/** The numbers before the first step, k elements of each. */
export function firstNumbers({ n, workers }: Seat, k: number, { balanced }: Rules): Numbers {
  return {
    t: 0,
    d: heldThreshold(1 / (2 * Math.sqrt(k)), 0),
    kPrev: 1,
    largest: 0,
    strayed: NEVER_MET,
    counts: new Array<number>(workers).fill(0),
    blocks: (balanced ? dividedEvenly(n, workers) : new Partitions(n, workers)).blocks,
  };
}

/** The numbers among another number of workers: partitions are as at the start, and what they selected is not known. */
export function recut(numbers: Numbers, seat: Seat, rules: Rules): Numbers {
  const { counts, blocks } = firstNumbers(seat, 1, rules);
  return { ...numbers, counts, blocks };
}

/** The step that comes next, k elements of it: 1. the partitions that it begins with, and 3. d where it is scaled. */
export function beginStep(numbers: Numbers, { n, workers }: Seat, k: number, rules: Rules): Step {
  const { t, d, kPrev, largest, strayed, counts } = numbers;
  const measured = measures(rules, t, strayed);
  return {
    round: measured ? 'histogram' : 'lists',
    partitions: divisionOf(numbers, n, workers, rules),
    balance: undefined,
    shares: [],
    measured,
    counted: ranksOf(undefined, workers),
    search: keyHistogram(k),
    d: measured || t === 0 ? d : scaledThreshold(d, kPrev, k, largest),
    ties: Infinity,
    lists: [],
    union: new Uint32Array(0),
    counts,
    report: {},
  };
}

function divisionOf(
  { t, kPrev, counts, blocks }: Numbers,
  n: number,
  workers: number,
  rules: Rules,
): Division {
  if (rules.balanced) return divided(blocks);
  const partitions = new Partitions(n, workers);
  partitions.blocks = [...blocks];
  if (t > 0) partitions.balance(counts, kPrev);
  return partitions;
}

/**
 * Takes the partitions that were cut for a step: each worker sends what it counted, or where d is measured its share of
 * the k elements, which are shared out evenly, as far as it counted so many. Where the density is exact it sends them
 * anyway, and partitions that are shorter than that are made as long first.
 */
export function divideBy(step: Step, { lengths, loads, owned }: Balanced, k: number, { exact }: Rules): void {
  const taken = exact ? lengthened(lengths, owned, wantedOf(k)) : lengths;
  step.partitions = divided(taken);
  const limits = exact ? taken.map((length, p) => (owned[p] ? length : 0)) : loads;
  step.shares = step.measured ? sharedOut(wantedOf(k), limits) : loads;
  step.counts = step.shares;
}

/** Takes the threshold measured. d that will be scaled is held; exact control selects as many whatever d is. */
export function takeLevel(step: Step, { d, ties }: Level, { exact }: Rules): void {
  if (exact) {
    step.d = d;
    // zeros fill up what is missing, those of the lowest indices
    step.ties = d > 0 ? ties : step.search.missing;
  } else {
    step.d = heldThreshold(d, 0);
    step.ties = step.d === d ? ties : Infinity;
  }
}

/** The numbers after a step, k elements of it, whose direction has this largest magnitude. */
export function numbersAfter(step: Step, { t, strayed }: Numbers, k: number, largest: number): Numbers {
  const { d, counts, measured, partitions } = step;
  return {
    t: t + 1,
    d,
    kPrev: totalOf(counts, 1),
    largest,
    strayed: strayedAfter(strayed, totalOf(counts, 0), k, measured),
    counts,
    blocks: partitions.blocks,
  };
}
