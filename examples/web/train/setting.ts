/**
 * The data that pass between the page, the hub and the training workers: what is to be trained, and the results of each
 * step.
 */
import type { BackendName } from 'fewbits';

/** What the form asks for. */
export interface Setting {
  /** One system or two, which train side by side: names of examples/mnist/algorithms.ts. */
  readonly algorithms: readonly string[];
  readonly backend: BackendName;
  readonly workers: number;
  readonly steps: number;
  readonly seed: number;
}

/** A system after one step. */
export interface StepEntry {
  readonly algorithm: string;
  /** 1 for the first step. */
  readonly step: number;
  /** Mean loss of the mean model on the step's batches, before the step. */
  readonly loss: number;
  /** Share of the 10,000 test digits named right after the step; only where it was measured. */
  readonly accuracy?: number;
  /** Bytes that all workers sent since the start. */
  readonly bytesUp: number;
  /** Bytes that all workers received since the start. */
  readonly bytesDown: number;
  /** Since the start: computing gradients and packets here, evaluations not counted. */
  readonly seconds: number;
}

/** What the hub has opened. */
export interface Opened {
  readonly backend: BackendName;
  /** What runs underneath. */
  readonly detail: string;
  /** Numbers that are trained. */
  readonly parameters: number;
}

/** How far the hub is while it opens: a sentence, and how much is done, as a share of 1. */
export interface OpeningProgress {
  readonly what: string;
  readonly done: number;
}
