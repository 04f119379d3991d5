/** What a worker of a run is given, and what it tells. */
import type { Model } from '../algorithms/system.ts';
import type { Device } from '../device.ts';
import type { Clock, OpenLink, Traffic } from './link.ts';
import type { SystemOrOf } from './step-settings.ts';
import type { Position } from './wire/head.ts';

/** Where a worker is when it is asked for a gradient. */
export interface At {
  readonly step: number;
  readonly rank: number;
  /** The seats of the run in this step. */
  readonly workers: number;
  /** Where the server says how many: steps to train the copy for. */
  readonly localSteps?: number;
}

/**
 * n numbers. Nothing, or numbers among which are NaN or infinity, as mixed precision has them now and then: the worker
 * leaves this step out, and the others go on without it.
 */
export type Gradient = Float32Array | null | undefined;

export interface JoinOptions {
  /** How to open a link: `mqttBroker({ url })`. */
  readonly broker: OpenLink;
  /** The run's name. */
  readonly run: string;
  /** As the server's. */
  readonly prefix?: string;
  /** This worker's name, the same when it comes back: 1 to 64 of A-Z a-z 0-9 . _ - ; drawn if left out. */
  readonly name?: string;
  readonly device: Device;
  /** As the server's; where that decides on the compressor, what makes the system of it. */
  readonly system: SystemOrOf;
  /** The initial model: where it is not the server's, the server's is loaded. Trained in place. */
  readonly model: Model;
  /**
   * The gradient of this worker's batch at `model.parameters`. Where the system takes models: the parameters of a copy
   * of the model that was trained for some steps, by `trainLocally` for example; `model.parameters` stay as they are,
   * `velocity` and `momentum` are for the steps on the copy, and a step of the run is a round of them.
   */
  readonly gradient: (model: Model, at: At) => Promise<Gradient> | Gradient;
  /**
   * What this worker counts for in the means of a step, its number of samples for example; 1 if left out. The server
   * says how much it may be.
   */
  readonly weight?: number | ((at: At) => number);
  /** Called after each step. */
  readonly onStep?: (step: WorkerStep) => void;
  /**
   * What there is to say to people: that a message was refused, that the run has all its workers, what this worker has
   * been waiting for, that its gradients have not been finite for ten steps, that its model was not the run's.
   */
  readonly onNote?: (text: string) => void;
  /** Milliseconds of waiting after which `onNote` hears what for, each time anew; 30,000 if left out. */
  readonly deadline?: number;
  /** For tests: another time. */
  readonly clock?: Clock;
}

/** A step that this worker took. */
export interface WorkerStep extends At {
  /** Rounds of it that this worker's messages were used in, and rounds in all. */
  readonly used: number;
  readonly rounds: number;
  /** Whether this worker left the step out. */
  readonly passed: boolean;
  readonly traffic: Traffic;
}

/** A worker that takes part. */
export interface RunWorker {
  readonly name: string;
  /** Resolves when the run has ended or this worker was stopped; rejects where it cannot go on. */
  readonly done: Promise<{ readonly steps: number }>;
  readonly position: Position;
  /** Leaves the run. */
  stop(): Promise<void>;
}
