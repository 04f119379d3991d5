/** Runs examples/jax or examples/tfjs with each algorithm, and prints the results as a table. */
import { openDevice, type Device } from 'fewbits';
import { exchange, type Model, type Server, type Worker } from 'fewbits/algorithms';

import type { Algorithm } from '../mnist/algorithms.ts';
import { megabytes, percent, times, whole } from '../mnist/format.ts';
import { readMnistFile } from '../mnist/files.ts';
import { loadMnist, openBatches, type Dataset } from '../mnist/mnist.ts';
import { runProgram } from '../shared/command.ts';
import { renderText } from '../mnist/table.ts';
import { readOptions, usage, type Choice, type Options } from './options.ts';

/** What a run is of. */
export interface Setting extends Omit<Options, 'algorithms' | 'help'> {
  readonly algorithm: Algorithm;
  readonly device: Device;
}

/** The workers of a run, on whatever framework. */
export interface Crew {
  readonly workers: readonly Pick<Worker, 'send' | 'receive'>[];
  readonly server: Server | undefined;
  /** Numbers that are trained. */
  readonly parameters: number;
  /** Models that go with the workers, where the example steps them itself. */
  readonly models?: readonly Model[];
  /** A worker's gradient for a batch. */
  gradient(rank: number, batch: Dataset): Promise<Float32Array>;
  /** After a step, where the workers were given directions. */
  descend?(rank: number, direction: Float32Array): void;
  /** The share of a set that the mean model names right. */
  evaluate(set: Dataset): Promise<number>;
  close(): void;
}

/** An example. */
export interface Example {
  /** The command that starts it. */
  readonly command: string;
  /** What it does, in a line or two. */
  readonly what: string;
  /** Of a run, where nothing else is asked for. */
  readonly steps: number;
  readonly choice?: Choice;
  open(setting: Setting): Promise<Crew> | Crew;
}

/** Images a worker takes a step. */
const BATCH = 32;

/** Random stream of the batches; initial weights have others. */
const BATCHES_STREAM = 2;

/** Images of the test set that a model is asked for. */
const TESTED = 2000;

interface Run {
  readonly parameters: number;
  readonly row: readonly string[];
}

async function train(
  example: Example,
  setting: Setting,
  data: { train: Dataset; test: Dataset },
): Promise<Run> {
  const { algorithm, workers, steps, seed } = setting;
  const start = performance.now();
  const crew = await example.open(setting);
  const batchOf = openBatches(data.train, seed, BATCHES_STREAM, BATCH);
  let up = 0;
  let down = 0;
  for (let step = 0; step < steps; step++) {
    const gradients: Float32Array[] = [];
    for (let rank = 0; rank < workers; rank++)
      gradients.push(await crew.gradient(rank, batchOf(step * workers + rank)));
    const done = await exchange(crew.workers, crew.server, gradients, crew.models);
    up += done.bytesUp;
    down += done.bytesDown;
    for (const [rank, outcome] of done.outcomes.entries())
      if (outcome.kind === 'direction') crew.descend?.(rank, outcome.direction);
  }
  const accuracy = await crew.evaluate(data.test);
  crew.close();
  const dense = 2 * 4 * crew.parameters * workers * steps;
  const seconds = (performance.now() - start) / 1000;
  return {
    parameters: crew.parameters,
    row: [
      algorithm.name,
      percent(accuracy),
      megabytes(up),
      megabytes(down),
      times(dense / (up + down)),
      seconds.toFixed(1),
    ],
  };
}

async function compare(example: Example, args: readonly string[]): Promise<void> {
  const { command, what, steps, choice } = example;
  const { help, algorithms, ...options } = readOptions(args, steps, choice);
  if (help) return console.log(usage(command, what, steps, choice));
  const { train: training, test } = await loadMnist(readMnistFile);
  const data = {
    train: training,
    test: { images: test.images.subarray(0, TESTED * 784), labels: test.labels.subarray(0, TESTED) },
  };
  const device = await openDevice({ backend: 'wasm' });
  const runs: Run[] = [];
  for (const algorithm of algorithms) {
    if (process.stderr.isTTY) process.stderr.write(`${algorithm.name} ...`);
    runs.push(await train(example, { ...options, algorithm, device }, data));
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
  device.close();
  console.log(
    `MNIST, ${whole(runs[0].parameters)} parameters, ${options.workers} workers, ${options.steps} steps, seed ${options.seed}\n`,
  );
  const header = ['algorithm', 'test accuracy', 'MB up', 'MB down', 'smaller than float32', 'seconds'];
  console.log(renderText({ header, rows: runs.map(({ row }) => row) }));
}

/** The whole program. */
export async function runExample(example: Example, args: readonly string[]): Promise<void> {
  await runProgram(example.command, () => compare(example, args));
}
