/** Times of whole steps of a system, by four workers in one process that exchange, from ordinary Float32Arrays. */
import { exchange, type Model, type System, type Worker } from '../../ts/algorithms/index.ts';
import { type Device, openDevice } from '../../ts/index.ts';
import { openDraws } from '../support/draws.ts';
import { drawsOf, type DataKind } from './data.ts';
import { type Spread, spreadOf } from './measure.ts';
import { PLAIN } from './peers.ts';
import { ours } from './rows.ts';
import { type Levels, RATIO, type SystemTask, WARM_STEPS } from './systems.ts';

export const WORKERS = 4;

/** Vectors that the workers take in turn, each another one in each step. */
const PREPARED = 6;

/** How much of a gradient is the same in all steps and at all workers. */
const COMMON = 0.25;

/** Milliseconds of a sample of the copy, so that the clock's resolution does not count. */
const COPY_MILLISECONDS = 2;

/** Gradients of a length, and what they are compared by. */
export interface Gradients {
  readonly data: DataKind;
  readonly n: number;
  readonly prepared: readonly Float32Array[];
  readonly levels: Levels;
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

/** Draws gradients: a part in common, the rest another one in each vector. */
export async function openGradients(data: DataKind, n: number): Promise<Gradients> {
  const draw = drawsOf(data, openDraws(20240829));
  const common = Float32Array.from({ length: n }, draw);
  const prepared = Array.from({ length: PREPARED }, () => {
    const vector = new Float32Array(n);
    for (let i = 0; i < n; i++) vector[i] = COMMON * common[i] + draw();
    return vector;
  });
  const sum = common.fill(0);
  for (let step = 0; step <= WARM_STEPS; step++) {
    const gradient = prepared[step % PREPARED];
    for (let i = 0; i < n; i++) sum[i] += gradient[i];
  }
  const device = await openDevice({ backend: 'wasm' });
  const levelOf = async (x: Float32Array): Promise<number> => {
    const { values } = await device.kernels.topK(x, Math.max(1, Math.floor(RATIO * n)));
    return values.reduce((least, value) => Math.min(least, Math.abs(value)), Infinity);
  };
  const levels = { gradient: await levelOf(prepared[0]), residual: await levelOf(sum) };
  device.close();
  return { data, n, prepared, levels };
}

/** The gradients of a step, by rank. */
export function gradientsOf({ prepared }: Gradients, step: number): readonly Float32Array[] {
  return Array.from({ length: WORKERS }, (_, rank) => prepared[(step + rank) % PREPARED]);
}

/** How often, and on how many threads. */
export interface StepOptions {
  /** Timed steps; of a system with a period, timed periods. */
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
      const run = openCrew(task.system(gradients.levels), device, gradients);
      const candidate = ours('wasm', 'array', count);
      yield await sit(task, candidate, run, steps, gradients, device);
    } finally {
      device.close();
    }
  }
  const plain = task.plain?.(gradients.levels)(gradients.n, WORKERS);
  if (plain === undefined) return;
  const run = { step: async (step: number) => void plain(gradientsOf(gradients, step)) };
  yield await sit(task, PLAIN, run, steps, gradients);
}

/** A system's workers, or what stands for them. */
interface Crew {
  /** Takes step number `step`. */
  readonly step: (step: number) => Promise<void>;
  /** The share of the elements that the last step moved, where that is known. */
  readonly union?: () => number | undefined;
}

/** The workers of a system, and its server. */
function openCrew(system: System, device: Device, gradients: Gradients): Crew {
  const { n } = gradients;
  const seat = { n, workers: WORKERS };
  const workers: Worker[] = [];
  for (let rank = 0; rank < WORKERS; rank++) workers.push(system.worker(device, { ...seat, rank }));
  const server = system.server?.(device, seat);
  const models = (system.averagesModels ?? false) ? workers.map(() => modelOf(n)) : [];
  return {
    step: async (step) => void (await exchange(workers, server, gradientsOf(gradients, step), models)),
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
  { n, data, prepared, levels }: Gradients,
  device?: Device,
): Promise<StepRow> {
  const [x] = prepared;
  const y = new Float32Array(n);
  const each = (milliseconds: number, vectors: number): number => (milliseconds * 1e6) / (n * vectors);
  let at = 0;
  const step = (): Promise<number> => timed(() => crew.step(at++));
  const { period = 1, warm = WARM_STEPS, most } = task;
  const first = await step();
  while (at < warm) await step();

  const compressor = device && task.compressor?.(levels);
  const samples: Record<'step' | 'copy' | 'compress' | 'decompress', number[]> = {
    ...{ step: [], copy: [], compress: [], decompress: [] },
  };
  for (let i = 0; i < steps; i++) {
    samples.copy.push(copyTime(x, y));
    let sum = 0;
    for (let j = 0; j < period; j++) sum += await step();
    samples.step.push(sum / period);
    if (device === undefined || compressor === undefined) continue;
    let packet = new Uint8Array(0);
    samples.compress.push(
      await timed(async () => void (packet = await device.compress(compressor, x, { step: i }))),
    );
    samples.decompress.push(await timed(() => device.decompress(packet, { into: y })));
  }
  const spread = spreadOf(samples.step.map((sample) => each(sample, WORKERS)));
  const median = (of: readonly number[]): number => each(spreadOf(of).median, 1);
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
