/** Times of whole steps of a system, by four workers in one process that exchange, from ordinary Float32Arrays. */
import { exchange, type Model, type System, type Worker } from '../../ts/algorithms/index.ts';
import { type Device, openDevice } from '../../ts/index.ts';
import { openDraws } from '../support/draws.ts';
import { drawsOf, type DataKind } from './data.ts';
import { type Spread, spreadOf } from './measure.ts';
import { PLAIN } from './peers.ts';
import { ours } from './rows.ts';
import { RATIO, type SystemTask, WARM_STEPS } from './systems.ts';

export const WORKERS = 4;

/** Vectors from which gradients are made. */
const PREPARED = 3;

/** How much of a gradient is the same in all of them. */
const COMMON = 0.05;

/**
 * The gradients of the first step are so many times as large as all others: what a worker keeps is then at once about
 * as large as it is after a hundred steps, and so is what it sends.
 */
const AHEAD = 5;

/** (sqrt(5) - 1) / 2, whose multiples have fractional parts far from each other. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** Milliseconds of a sample of the copy, so that the clock's resolution does not count. */
const COPY_MILLISECONDS = 2;

/** Where steps are short, more are timed: so many at most, and no more than take so many milliseconds. */
const MOST_STEPS = 19;
const STEPS_MILLISECONDS = 500;

/** Where the first step in plain JavaScript takes longer than this, one more is warm and so many are timed. */
const LONG_MILLISECONDS = 5000;
const LONG_STEPS = 3;

/** Gradients of a length, and what they are compared by. */
export interface Gradients {
  readonly data: DataKind;
  readonly n: number;
  /** The magnitude that RATIO of a gradient's elements reach. */
  readonly level: number;
  /** The gradients of a step, by rank: good until the next call. */
  readonly of: (step: number) => readonly Float32Array[];
}

/** What was found of a system: its steps on so many threads, or in plain JavaScript. All times are ns an element. */
export interface StepRow {
  readonly system: string;
  readonly n: number;
  readonly data: DataKind;
  readonly candidate: string;
  /** A step, by element and worker. */
  readonly step: Spread;
  /** The first step of all. */
  readonly first: number;
  /** `y.set(x)` between two arrays, in turns with the steps. */
  readonly copy: number;
  readonly copies: number;
  /** The most copies that a step is to take. */
  readonly most?: number;
  /** The compressor by itself, by element. */
  readonly compress?: number;
  readonly decompress?: number;
  /** The share of the elements that the directions of the last step are of, where the system says so. */
  readonly union?: number;
}

/**
 * Draws gradients: prepared vectors, which the workers take in turn, each time from another element on and round to it,
 * so that no two gradients of a run are alike.
 */
export async function openGradients(data: DataKind, n: number): Promise<Gradients> {
  const draw = drawsOf(data, openDraws(20240829));
  const common = Float32Array.from({ length: n }, draw);
  const prepared = Array.from({ length: PREPARED }, () => {
    const vector = new Float32Array(n);
    for (let i = 0; i < n; i++) vector[i] = COMMON * common[i] + draw();
    return vector;
  });
  const gradients = Array.from({ length: WORKERS }, () => new Float32Array(n));
  const of = (step: number): readonly Float32Array[] => {
    for (const [rank, gradient] of gradients.entries()) {
      const source = prepared[(step + rank) % PREPARED];
      const first = Math.floor((((step * WORKERS + rank) * GOLDEN) % 1) * n);
      gradient.set(source.subarray(first));
      gradient.set(source.subarray(0, first), n - first);
      if (step === 0) for (let i = 0; i < n; i++) gradient[i] *= AHEAD;
    }
    return gradients;
  };
  const device = await openDevice({ backend: 'wasm' });
  const { values } = await device.kernels.topK(prepared[0], Math.max(1, Math.floor(RATIO * n)));
  device.close();
  const level = values.reduce((least, value) => Math.min(least, Math.abs(value)), Infinity);
  return { data, n, level, of };
}

/** How often, and on how many threads. */
export interface StepOptions {
  /** Timed steps at least; of a system with a period, timed periods. */
  readonly steps: number;
  readonly threads: readonly number[];
}

/** Measures a system on each number of threads, and in plain JavaScript where that is written; one after the other. */
export async function* measureSystem(
  task: SystemTask,
  gradients: Gradients,
  { steps, threads }: StepOptions,
): AsyncGenerator<StepRow> {
  for (const count of threads) {
    const device = await openDevice({ backend: 'wasm', threads: count });
    try {
      const run = openCrew(task.system(gradients.level), device, gradients.n);
      const candidate = ours('wasm', 'array', count);
      yield await sit(task, candidate, run, steps, gradients, device);
    } finally {
      device.close();
    }
  }
  const plain = task.plain?.(gradients.level)(gradients.n, WORKERS);
  if (plain === undefined) return;
  const run = { step: async (of: readonly Float32Array[]) => void plain(of) };
  yield await sit(task, PLAIN, run, steps, gradients);
}

/** A system's workers, or what stands for them. */
interface Crew {
  /** Takes a step with the gradients of all ranks. */
  readonly step: (gradients: readonly Float32Array[]) => Promise<void>;
  /** The share of the elements that the last step moved, where that is known. */
  readonly union?: () => number | undefined;
}

/** The workers of a system, and its server. */
function openCrew(system: System, device: Device, n: number): Crew {
  const seat = { n, workers: WORKERS };
  const workers: Worker[] = [];
  for (let rank = 0; rank < WORKERS; rank++) workers.push(system.worker(device, { ...seat, rank }));
  const server = system.server?.(device, seat);
  const models = (system.averagesModels ?? false) ? workers.map(() => modelOf(n)) : [];
  return {
    step: async (gradients) => void (await exchange(workers, server, gradients, models)),
    union: () => workers[0].report.union,
  };
}

function modelOf(n: number): Model {
  return {
    parameters: new Float32Array(n),
    velocity: new Float32Array(n),
    learningRate: 0.01,
    momentum: 0,
  };
}

/** The steps of one crew, in turns with a copy and with calls of the compressor. */
async function sit(
  task: SystemTask,
  candidate: string,
  crew: Crew,
  steps: number,
  { n, data, level, of }: Gradients,
  device?: Device,
): Promise<StepRow> {
  const [x] = of(1);
  const y = new Float32Array(n);
  const each = (milliseconds: number, vectors: number): number => (milliseconds * 1e6) / (n * vectors);
  let at = 0;
  const step = (): Promise<number> => {
    const gradients = of(at++);
    return timed(() => crew.step(gradients));
  };
  const { period = 1, warm = WARM_STEPS, most } = task;
  const first = await step();
  const long = device === undefined && first > LONG_MILLISECONDS;
  while (at < (long ? 2 : warm)) await step();

  const compressor = device && task.compressor?.(level);
  const samples: Record<'step' | 'copy' | 'compress' | 'decompress', number[]> = {
    ...{ step: [], copy: [], compress: [], decompress: [] },
  };
  let spent = 0;
  const least = long ? Math.min(steps, LONG_STEPS) : steps;
  for (let i = 0; i < least || (i < MOST_STEPS && spent < STEPS_MILLISECONDS); i++) {
    samples.copy.push(copyTime(x, y));
    let sum = 0;
    for (let j = 0; j < period; j++) sum += await step();
    samples.step.push(sum / period);
    spent += sum;
    if (device === undefined || compressor === undefined) continue;
    let packet = new Uint8Array(0);
    samples.compress.push(
      await timed(async () => void (packet = await device.compress(compressor, x, { step: i }))),
    );
    samples.decompress.push(await timed(() => device.decompress(packet, { into: y })));
  }
  const spread = spreadOf(samples.step.map((sample) => each(sample, WORKERS)));
  const median = (times: readonly number[]): number => each(spreadOf(times).median, 1);
  const copy = median(samples.copy);
  const union = crew.union?.();
  return {
    ...{ system: task.name, n, data, candidate, step: spread, first: each(first, WORKERS) },
    ...{ copy, copies: spread.median / copy },
    ...(most !== undefined && { most }),
    ...(compressor && { compress: median(samples.compress), decompress: median(samples.decompress) }),
    ...(union !== undefined && { union }),
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Milliseconds of a copy from array to array, when both were copied just before. */
function copyTime(x: Float32Array, y: Float32Array): number {
  y.set(x);
  let copies = 0;
  let spent = 0;
  const start = performance.now();
  do {
    y.set(x);
    copies++;
    spent = performance.now() - start;
  } while (spent < COPY_MILLISECONDS);
  return spent / copies;
}
