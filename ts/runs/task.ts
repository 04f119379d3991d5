/** What is trained: a module that `fewbits serve` and `fewbits join` load exports `openTask`, which gives a Task. */
import type { Model, System } from '../algorithms/system.ts';
import type { Compressor } from '../algorithms/named-compressor.ts';
import type { At, Gradient } from './join-options.ts';

/** What the command line, or the server of the run, asks a task for. */
export interface TaskOptions {
  /** One of the task's systems by name; the task's own choice if left out. */
  readonly algorithm?: string;
  /** What initial numbers and batches are drawn from: the same for all machines of a run. */
  readonly seed: number;
  /** Of systems that take models: steps that a worker trains its copy for in a round; the task's choice if left out. */
  readonly localSteps?: number;
  /** What this process is: a server evaluates and computes no gradients, a worker the other way round. */
  readonly role: 'server' | 'worker';
}

/** A task, with its settings. All machines of a run open the same one with the same settings. */
export interface Task {
  readonly system: System;
  /**
   * The system with another compressor, where settings that the server sends name one; it is refused where this is not.
   */
  readonly withCompressor?: (compressor: Compressor) => System;
  /** The initial model, with the learning rate and the momentum that go with the system. */
  readonly model: Model;
  /** Steps of a run, where nothing else is asked for. */
  readonly steps?: number;
  /**
   * The gradient of the batch that falls to this rank in this step, at `model.parameters`: as many numbers; nothing, or
   * one that is not finite, to leave the step out. Where the system takes models: the parameters of a copy of the model
   * that was trained, as in `JoinOptions`; a step is a round then.
   */
  readonly gradient: (model: Model, at: At) => Promise<Gradient> | Gradient;
  /** As in `JoinOptions`: what this process counts for. */
  readonly weight?: number | ((at: At) => number);
  /** How good the parameters are, 0 to 1: the share of a test set that is right, for example. */
  readonly evaluate?: (parameters: Float32Array) => Promise<number>;
}

/** The function that a task's module exports as `openTask`. */
export type OpenTask = (options: TaskOptions) => Promise<Task>;
