/**
 * The network on the digits as a task of `fewbits/mqtt`, in Node and in pages: the numbers of `npm start` in one
 * process.
 */
import type { Task, TaskOptions } from 'fewbits/mqtt';

import { algorithms } from './algorithms.ts';
import type { ReadFile } from './mnist.ts';
import { loadMnist, openBatches } from './mnist.ts';
import { openModel } from './model.ts';
import { BATCH, BATCHES_STREAM } from './train.ts';

/** The system where none is asked for. */
const STANDARD = 'fo-sgd';

/**
 * Opens the task; `read` gets the files with the pictures.
 * @throws RangeError where there is no such algorithm
 */
export async function openDigits({ algorithm = STANDARD, seed }: TaskOptions, read: ReadFile): Promise<Task> {
  const found = algorithms.find(({ name }) => name === algorithm);
  if (found === undefined)
    throw new RangeError(
      `"algorithm" expected one of ${algorithms.map(({ name }) => name).join(', ')}, got ${algorithm}`,
    );
  const { system, learningRate, momentum } = found;
  const model = await openModel();
  const { train, test } = await loadMnist(read);
  const batchOf = openBatches(train, seed, BATCHES_STREAM, BATCH);
  return {
    system,
    model: {
      parameters: model.initial(seed),
      velocity: new Float32Array(model.size),
      learningRate,
      momentum,
    },
    steps: 1000,
    async gradient({ parameters }, { step, rank, workers }) {
      const gradient = new Float32Array(model.size);
      await model.gradient(parameters, batchOf(step * workers + rank), gradient);
      return gradient;
    },
    evaluate: (parameters) => model.evaluate(parameters, test),
  };
}
