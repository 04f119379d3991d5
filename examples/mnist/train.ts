/** One run: data-parallel training of one network with one system, and its history. */
import { NonFiniteError, OverflowError, type Device } from 'fewbits';
import { descend, exchange } from 'fewbits/algorithms';
import type { Model as Replica, Server } from 'fewbits/algorithms';

import type { Algorithm } from './algorithms.ts';
import type { Measure, Scored } from './measure.ts';
import type { Problem } from './problem.ts';

/** What a run is made of. */
export interface Setting<Batch> {
  readonly algorithm: Algorithm;
  readonly learningRate: number;
  readonly device: Device;
  readonly problem: Problem<Batch>;
  readonly steps: number;
  /** Steps that workers take by themselves between two exchanges, for systems that take models; 25 if left out. */
  readonly localSteps?: number;
  readonly seed: number;
}

/** The state after one step, scored on held-out data where it was measured. */
export interface HistoryEntry extends Scored {
  /** 1 for the first step. */
  readonly step: number;
  /** Mean loss of the mean model on the step's batches, before the step. */
  readonly loss: number;
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

/** A finished run, scored on held-out data: what --json writes. */
export interface Run extends Scored {
  readonly algorithm: string;
  readonly backend: string;
  /** Numbers that are trained. */
  readonly parameters: number;
  readonly workers: number;
  readonly steps: number;
  readonly seed: number;
  readonly learningRate: number;
  /** The step in which numbers were not finite any more, where that was so: the run ended there, and has no score. */
  readonly diverged?: number;
  /** What it would have been judged by. */
  readonly measure?: Measure;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** What float32 numbers in both directions take, without packets around them. */
  readonly bytesDense: number;
  /** Wall clock of the whole run, evaluations included. */
  readonly seconds: number;
  /** Of that, how long one worker computed gradients. */
  readonly gradientSeconds: number;
  /**
   * And how long the system took of a worker and of its server, one after the other: what would pass if each worker had
   * a machine of its own.
   */
  readonly systemSeconds: number;
  readonly history: readonly HistoryEntry[];
}

/** Local steps where nothing else is asked for. */
export const LOCAL_STEPS = 25;

/** Ratio of one evaluated step to the one before: even spacing on the report's logarithmic axis. */
const EVALUATION_SPACING = 1.6;

/** Before this step the network is still close to guessing. */
const FIRST_EVALUATION = 8;

/**
 * Trains from the seed's weights on the seed's batches: two runs with equal settings give equal numbers, times
 * aside. Every worker has its own copy of the network and steps it along what the system gave it, as workers on
 * machines of their own do. Where the system takes models, workers step their copies by themselves, and exchange after
 * every so many steps, and after the last; where they have shares of their own, with as much weight as these have
 * data.
 */
export async function train<Batch>(
  { algorithm, learningRate, device, problem, steps, localSteps = LOCAL_STEPS, seed }: Setting<Batch>,
  report: (entry: HistoryEntry) => void,
): Promise<Run> {
  const { system, momentum } = algorithm;
  const { network, deals, weights, measure } = problem;
  const n = network.size;
  const start = performance.now();
  const clocks = { gradient: 0, exchange: 0, server: 0 };
  const ranks = deals.map((_, rank) => rank);
  const workers = ranks.map((rank) => system.worker(device, { n, workers: ranks.length, rank }));
  const server = system.server?.(device, { n, workers: ranks.length });
  const answering = server && { answer: timedAnswer(server, clocks) };
  const gradients = ranks.map(() => new Float32Array(n));
  const replicas = ranks.map((): Replica => {
    return { parameters: network.initial(seed), velocity: new Float32Array(n), learningRate, momentum };
  });
  const takesModels = system.takes === 'model';
  /** The model that all have in common, at each worker: of systems that average models, the copy itself. */
  const common = takesModels
    ? replicas.map((replica, rank) => ({
        ...replica,
        parameters: replica.parameters.slice(),
        weight: weights?.[rank],
      }))
    : replicas;
  const evaluated = evaluationSteps(steps, EVALUATION_SPACING);
  const history: HistoryEntry[] = [];
  let score: number | undefined;
  let bytesUp = 0;
  let bytesDown = 0;

  const takeStep = async (step: number): Promise<void> => {
    // where copies have drifted apart, what has been learned is their mean's, though each goes on from its own
    const drifted = haveDrifted(replicas) ? meanParameters(replicas) : undefined;
    let loss = 0;
    for (const rank of ranks) {
      const batch = deals[rank]();
      const { parameters } = replicas[rank];
      const own = await timed(clocks, 'gradient', () => network.gradient(parameters, batch, gradients[rank]));
      loss += (drifted === undefined ? own : await network.loss(drifted, batch)) / ranks.length;
    }
    requireFinite(loss);
    if (takesModels) for (const rank of ranks) descend(replicas[rank], gradients[rank]);
    if (!takesModels || step % localSteps === 0 || step === steps) {
      const sent = takesModels ? replicas.map(({ parameters }) => parameters) : gradients;
      const done = await timed(clocks, 'exchange', () => exchange(workers, answering, sent, common));
      bytesUp += done.bytesUp;
      bytesDown += done.bytesDown;
      for (const [rank, outcome] of done.outcomes.entries()) {
        if (outcome.kind === 'direction') descend(replicas[rank], outcome.direction);
        if (takesModels) replicas[rank].parameters.set(common[rank].parameters);
      }
    }

    if (evaluated.has(step)) score = await problem.score(meanParameters(replicas), step === steps);
    const density = meanOf(workers.map((worker) => worker.report.density));
    const { union, threshold, imbalance } = workers[0].report;
    const entry = {
      ...{ step, loss, ...(evaluated.has(step) ? { [measure]: score } : {}) },
      ...{ bytesUp, bytesDown, density, union, threshold, imbalance },
    };
    history.push(entry);
    report(entry);
  };
  const diverged = await untilDiverged(steps, takeStep);
  for (const machine of [...workers, server]) machine?.free();

  return {
    algorithm: algorithm.name,
    backend: device.backend,
    parameters: n,
    workers: ranks.length,
    steps,
    seed,
    learningRate,
    ...(diverged === undefined ? { [measure]: score } : { diverged, measure }),
    bytesUp,
    bytesDown,
    bytesDense: 2 * 4 * n * ranks.length * history.length,
    seconds: secondsOf(performance.now() - start),
    gradientSeconds: secondsOf(clocks.gradient / ranks.length),
    systemSeconds: secondsOf((clocks.exchange - clocks.server) / ranks.length + clocks.server),
    history,
  };
}

/** A loss that is not finite: steps were too large. */
class DivergedError extends Error {
  override readonly name = 'DivergedError';
}

/** @throws DivergedError where a loss is not finite */
export function requireFinite(loss: number): void {
  if (!Number.isFinite(loss)) throw new DivergedError(`the loss is ${loss}`);
}

/** What says that a run has diverged: its loss, and gradients that compressors and systems refuse. */
const DIVERGED = [DivergedError, NonFiniteError, OverflowError] as const;

/**
 * Takes steps, from 1 on, until numbers are not finite, or too large to be sent.
 * @returns the step in which they were; undefined where all were taken
 */
export async function untilDiverged(
  steps: number,
  takeStep: (step: number) => Promise<void>,
): Promise<number | undefined> {
  for (let step = 1; step <= steps; step++)
    try {
      await takeStep(step);
    } catch (error) {
      if (DIVERGED.some((kind) => error instanceof kind)) return step;
      throw error;
    }
  return undefined;
}

/** Adds what a call takes, in milliseconds, to one of some clocks. */
export async function timed<Name extends string, T>(
  clocks: Record<Name, number>,
  name: Name,
  call: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  try {
    return await call();
  } finally {
    clocks[name] += performance.now() - start;
  }
}

/** A server's answer, with its own clock. */
function timedAnswer(server: Server, clocks: { server: number }): Server['answer'] {
  return (...args) => timed(clocks, 'server', () => server.answer(...args));
}

/** Milliseconds in seconds, to the millisecond. */
export const secondsOf = (milliseconds: number): number => Math.round(milliseconds) / 1000;

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
