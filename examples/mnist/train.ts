/** One run: data-parallel training of one network with one system, and its history. */
import type { Device } from 'fewbits';

import type { Algorithm } from './algorithms.ts';
import type { Dataset } from './mnist.ts';
import { openDealer } from './mnist.ts';
import type { Model } from './model.ts';

/** What a run is made of. */
export interface Setting {
  readonly algorithm: Algorithm;
  readonly device: Device;
  readonly model: Model;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly workers: number;
  readonly steps: number;
  readonly seed: number;
}

/** The state after one step. */
export interface HistoryEntry {
  /** 1 for the first step. */
  readonly step: number;
  /** Mean loss of the step's batches, before the step. */
  readonly loss: number;
  /** Share of the test digits named right after the step; only where it was measured. */
  readonly accuracy?: number;
  /** Bytes from all workers to the server since the start. */
  readonly bytesUp: number;
  /** Bytes from the server to all workers since the start. */
  readonly bytesDown: number;
  /** Share of the elements that a worker sent, mean over the workers; only for systems that leave some out. */
  readonly density?: number;
}

/** A finished run: what --json writes. */
export interface Run {
  readonly algorithm: string;
  readonly backend: string;
  readonly workers: number;
  readonly steps: number;
  readonly seed: number;
  /** Share of the test digits named right at the end. */
  readonly accuracy: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Wall clock of the whole run, evaluations included. */
  readonly seconds: number;
  readonly history: readonly HistoryEntry[];
}

/** Images a worker takes a step. */
export const BATCH = 64;

/** Share of the velocity that is kept from step to step. */
export const MOMENTUM = 0.9;

/** Random stream of the batches; the initial weights have another. */
const BATCHES_STREAM = 2;

/** Ratio of one evaluated step to the one before: even spacing on the report's logarithmic axis. */
const EVALUATION_SPACING = 1.6;

/** Before this step the network is still close to guessing. */
const FIRST_EVALUATION = 8;

/**
 * Trains from the seed's weights on the seed's batches: two runs with equal settings give equal numbers, `seconds`
 * aside. Every worker has its own copy of the network and applies the same momentum step to it, as workers on
 * machines of their own do.
 */
export async function train(setting: Setting, report: (entry: HistoryEntry) => void): Promise<Run> {
  const { algorithm, device, model, steps, seed } = setting;
  const start = performance.now();
  const deal = openDealer(setting.train, seed, BATCHES_STREAM);
  const server = algorithm.server(device, model.size, setting.workers);
  const workers = Array.from({ length: setting.workers }, () => ({
    state: algorithm.worker(device, model.size),
    parameters: model.initial(seed),
    velocity: new Float32Array(model.size),
    gradient: new Float32Array(model.size),
  }));
  const evaluated = evaluationSteps(steps);
  const history: HistoryEntry[] = [];
  let accuracy = 0;
  let bytesUp = 0;
  let bytesDown = 0;

  for (let step = 1; step <= steps; step++) {
    let loss = 0;
    let density: number | undefined;
    const messages: Uint8Array[] = [];
    for (const { state, parameters, gradient } of workers) {
      loss += (await model.gradient(parameters, deal(BATCH), gradient)) / workers.length;
      const upload = await state.send(gradient);
      messages.push(upload.bytes);
      bytesUp += upload.bytes.length;
      if (upload.density !== undefined) density = (density ?? 0) + upload.density / workers.length;
    }

    const answer = await server.answer(messages);
    bytesDown += answer.length * workers.length;

    for (const { state, parameters, velocity } of workers) {
      momentumStep(parameters, velocity, await state.receive(answer), algorithm.learningRate);
    }

    // All copies are equal, so the first one speaks for them.
    const evaluation = evaluated.has(step)
      ? { accuracy: (accuracy = await model.evaluate(workers[0].parameters, setting.test)) }
      : {};
    const sparsity = density === undefined ? {} : { density };
    const entry = { step, loss, ...evaluation, bytesUp, bytesDown, ...sparsity };
    history.push(entry);
    report(entry);
  }

  return {
    algorithm: algorithm.name,
    backend: device.backend,
    workers: workers.length,
    steps,
    seed,
    accuracy,
    bytesUp,
    bytesDown,
    seconds: Math.round(performance.now() - start) / 1000,
    history,
  };
}

/** velocity = MOMENTUM * velocity + direction; parameters -= learningRate * velocity. */
function momentumStep(
  parameters: Float32Array,
  velocity: Float32Array,
  direction: Float32Array,
  learningRate: number,
): void {
  for (let i = 0; i < parameters.length; i++) {
    velocity[i] = MOMENTUM * velocity[i] + direction[i];
    parameters[i] -= learningRate * velocity[i];
  }
}

/** The last step, and steps evenly spaced on a logarithmic scale before it. */
function evaluationSteps(steps: number): ReadonlySet<number> {
  const chosen = new Set([steps]);
  for (let step = FIRST_EVALUATION; step < steps; step = Math.ceil(step * EVALUATION_SPACING))
    chosen.add(step);
  return chosen;
}
