/**
 * The data that pass between the page, the hub and the training workers: what is to be trained, and the results of each
 * step.
 */
import type { BackendName } from 'fewbits';

import type { Scored } from '../../mnist/measure.ts';
import type { TaskName } from './tasks.ts';

/** What the form asks for. */
export interface Setting {
  readonly task: TaskName;
  /** One system or two, which train side by side: names of examples/mnist/algorithms.ts. */
  readonly algorithms: readonly string[];
  readonly backend: BackendName;
  readonly workers: number;
  readonly steps: number;
  readonly seed: number;
}

/** A system after one step, with the score on held-out data where it was measured. */
export interface StepEntry extends Scored {
  readonly algorithm: string;
  /** 1 for the first step. */
  readonly step: number;
  /** Mean loss of the mean model on the step's batches, before the step. */
  readonly loss: number;
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
