/** One run: data-parallel training of one network with one system, and its history. */
import type { Device } from 'fewbits';
import { descend, exchange } from 'fewbits/algorithms';
import type { Model as Replica } from 'fewbits/algorithms';

import type { Algorithm } from './algorithms.ts';
import type { Dataset } from './mnist.ts';
import { openDealer } from './mnist.ts';
import type { Model } from './model.ts';
import { sharesByClass, type Shares } from './shares.ts';

/** What a run is made of. */
export interface Setting {
  readonly algorithm: Algorithm;
  readonly device: Device;
  readonly model: Model;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly workers: number;
  readonly steps: number;
  /** Steps that workers take by themselves between two exchanges, for systems that take models; 25 if left out. */
  readonly localSteps?: number;
  /** Who has which of the training pictures; all have all of them if left out. */
  readonly shares?: Shares;
  readonly seed: number;
}

/** The state after one step. */
export interface HistoryEntry {
  /** 1 for the first step. */
  readonly step: number;
  /** Mean loss of the mean model on the step's batches, before the step. */
  readonly loss: number;
  /** Share of the test digits named right after the step; only where it was measured. */
  readonly accuracy?: number;
  /** Bytes that all workers sent since the start. */
  readonly bytesUp: number;
  /** Bytes that all workers received since the start. */
  readonly bytesDown: number;
  /** Share of the elements that a worker sent, mean over the workers; only for systems that leave some out. */
  readonly density?: number;
  /** Share of the elements that all workers' messages together touched; only among peers. */
  readonly union?: number;
  /** The threshold in use; only where there is one. */
  readonly threshold?: number;
  /** How many times as much as the mean worker the busiest one selected; only for ExDyna. */
  readonly imbalance?: number;
  /** How far what the server received was off, |received - sent| / |sent|; only in split learning. */
  readonly error?: number;
}

/** A finished run: what --json writes. */
export interface Run {
  readonly algorithm: string;
  readonly backend: string;
  /** Numbers that are trained. */
  readonly parameters: number;
  readonly workers: number;
  readonly steps: number;
  readonly seed: number;
  /** Share of the test digits named right at the end. */
  readonly accuracy: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** What float32 numbers in both directions take, without packets around them. */
  readonly bytesDense: number;
  /** Wall clock of the whole run, evaluations included. */
  readonly seconds: number;
  readonly history: readonly HistoryEntry[];
}

/** Images a worker takes a step. */
export const BATCH = 64;

/** Local steps where nothing else is asked for. */
export const LOCAL_STEPS = 25;

/** Random stream of the batches; the initial weights have another. */
export const BATCHES_STREAM = 2;

/** Ratio of one evaluated step to the one before: even spacing on the report's logarithmic axis. */
const EVALUATION_SPACING = 1.6;

/** Before this step the network is still close to guessing. */
const FIRST_EVALUATION = 8;

/**
 * Trains from the seed's weights on the seed's batches: two runs with equal settings give equal numbers, `seconds`
 * aside. Every worker has its own copy of the network and steps it along what the system gave it, as workers on
 * machines of their own do. Where the system takes models, workers step their copies by themselves, and exchange after
 * every so many steps, and after the last; where they have shares of their own, with as much weight as these have
 * pictures.
 */
export async function train(setting: Setting, report: (entry: HistoryEntry) => void): Promise<Run> {
  const { algorithm, device, model, steps, localSteps = LOCAL_STEPS, seed } = setting;
  const { system, learningRate, momentum } = algorithm;
  const n = model.size;
  const start = performance.now();
  const ranks = Array.from({ length: setting.workers }, (_, rank) => rank);
  const shares = setting.shares === 'classes' ? sharesByClass(setting.train, ranks.length, seed) : undefined;
  const deals = dealersOf(shares ?? setting.train, ranks, seed);
  const workers = ranks.map((rank) => system.worker(device, { n, workers: setting.workers, rank }));
  const server = system.server?.(device, { n, workers: setting.workers });
  const gradients = ranks.map(() => new Float32Array(n));
  const replicas = ranks.map((): Replica => {
    return { parameters: model.initial(seed), velocity: new Float32Array(n), learningRate, momentum };
  });
  const takesModels = system.takes === 'model';
  /** The model that all have in common, at each worker: of systems that average models, the copy itself. */
  const common = takesModels
    ? replicas.map((replica, rank) => ({
        ...replica,
        parameters: replica.parameters.slice(),
        weight: shares?.[rank].labels.length,
      }))
    : replicas;
  const evaluated = evaluationSteps(steps, EVALUATION_SPACING);
  const history: HistoryEntry[] = [];
  let accuracy = 0;
  let bytesUp = 0;
  let bytesDown = 0;

  for (let step = 1; step <= steps; step++) {
    // where copies have drifted apart, what has been learned is their mean's, though each goes on from its own
    const drifted = haveDrifted(replicas) ? meanParameters(replicas) : undefined;
    let loss = 0;
    for (const rank of ranks) {
      const batch = deals[rank]();
      const own = await model.gradient(replicas[rank].parameters, batch, gradients[rank]);
      loss += (drifted === undefined ? own : await model.loss(drifted, batch)) / ranks.length;
    }
    if (takesModels) for (const rank of ranks) descend(replicas[rank], gradients[rank]);
    if (!takesModels || step % localSteps === 0 || step === steps) {
      const sent = takesModels ? replicas.map(({ parameters }) => parameters) : gradients;
      const done = await exchange(workers, server, sent, common);
      bytesUp += done.bytesUp;
      bytesDown += done.bytesDown;
      for (const [rank, outcome] of done.outcomes.entries()) {
        if (outcome.kind === 'direction') descend(replicas[rank], outcome.direction);
        if (takesModels) replicas[rank].parameters.set(common[rank].parameters);
      }
    }

    const evaluation = evaluated.has(step)
      ? { accuracy: (accuracy = await model.evaluate(meanParameters(replicas), setting.test)) }
      : {};
    const density = meanOf(workers.map((worker) => worker.report.density));
    const { union, threshold, imbalance } = workers[0].report;
    const entry = { step, loss, ...evaluation, bytesUp, bytesDown, density, union, threshold, imbalance };
    history.push(entry);
    report(entry);
  }
  for (const machine of [...workers, server]) machine?.free();

  const bytesDense = 2 * 4 * n * setting.workers * steps;
  return {
    algorithm: algorithm.name,
    backend: device.backend,
    parameters: n,
    workers: setting.workers,
    steps,
    seed,
    accuracy,
    bytesUp,
    bytesDown,
    bytesDense,
    seconds: Math.round(performance.now() - start) / 1000,
    history,
  };
}

/** What deals each worker's batches: in turns of one set of pictures, or of a share of its own. */
function dealersOf(
  pictures: Dataset | readonly Dataset[],
  ranks: readonly number[],
  seed: number,
): (() => Dataset)[] {
  if ('labels' in pictures) {
    const deal = openDealer(pictures, seed, BATCHES_STREAM, BATCH);
    return ranks.map(() => deal);
  }
  return pictures.map((share) => openDealer(share, seed, BATCHES_STREAM, BATCH));
}

/** Whether the copies differ. */
function haveDrifted([first, ...others]: readonly Replica[]): boolean {
  return others.some(({ parameters }) => parameters.some((value, i) => value !== first.parameters[i]));
}

/** The mean of all copies: what is evaluated, since the copies of some systems drift apart. */
function meanParameters(replicas: readonly Replica[]): Float32Array {
  const mean = new Float32Array(replicas[0].parameters.length);
  for (const { parameters } of replicas)
    for (let i = 0; i < mean.length; i++) mean[i] += parameters[i] / replicas.length;
  return mean;
}

/** The mean of numbers; undefined where there is none of one. */
function meanOf(values: readonly (number | undefined)[]): number | undefined {
  let sum = 0;
  for (const value of values) {
    if (value === undefined) return undefined;
    sum += value;
  }
  return sum / values.length;
}

/** The last step, and steps evenly spaced on a logarithmic scale before it. */
export function evaluationSteps(steps: number, spacing: number): ReadonlySet<number> {
  const chosen = new Set([steps]);
  for (let step = FIRST_EVALUATION; step < steps; step = Math.ceil(step * spacing)) chosen.add(step);
  return chosen;
}
