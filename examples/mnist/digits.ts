/**
 * The network on the digits as a task of `fewbits/mqtt`, in Node and in pages: the numbers of `npm start` in one
 * process.
 */
import { trainLocally } from 'fewbits/algorithms';
import type { Task, TaskOptions } from 'fewbits/mqtt';

import { algorithms } from './algorithms.ts';
import type { ReadFile } from './mnist.ts';
import { BATCH, BATCHES_STREAM, loadMnist, openBatches } from './mnist.ts';
import { openModel } from './model.ts';
import { rateOf } from './rates.ts';
import { LOCAL_STEPS } from './train.ts';

/** The system where none is asked for. */
const STANDARD = 'fo-sgd';

/** Gradients that each worker computes. */
const STEPS = 1000;

/**
 * Opens the task; `read` gets the files with the pictures.
 * @throws RangeError where there is no such algorithm
 */
export async function openDigits(
  { algorithm = STANDARD, seed, localSteps = LOCAL_STEPS }: TaskOptions,
  read: ReadFile,
): Promise<Task> {
  const found = algorithms.find(({ name }) => name === algorithm);
  if (found === undefined)
    throw new RangeError(
      `"algorithm" expected one of ${algorithms.map(({ name }) => name).join(', ')}, got ${algorithm}`,
    );
  const { system, momentum } = found;
  const model = await openModel();
  const { train, test } = await loadMnist(read);
  const batchOf = openBatches(train, seed, BATCHES_STREAM, BATCH);
  const takesModels = system.takes === 'model';
  const gradientOf = async (parameters: Float32Array, batch: number): Promise<Float32Array> => {
    const gradient = new Float32Array(model.size);
    await model.gradient(parameters, batchOf(batch), gradient);
    return gradient;
  };
  return {
    system,
    model: {
      parameters: model.initial(seed),
      velocity: new Float32Array(model.size),
      learningRate: rateOf('data', 'mnist', algorithm),
      momentum,
    },
    steps: takesModels ? Math.ceil(STEPS / localSteps) : STEPS,
    gradient(replica, { step, rank, workers, localSteps: own = localSteps }) {
      if (!takesModels) return gradientOf(replica.parameters, step * workers + rank);
      return trainLocally(replica, own, ({ parameters }, local) =>
        gradientOf(parameters, (step * own + local) * workers + rank),
      );
    },
    evaluate: (parameters) => model.evaluate(parameters, test),
  };
}
