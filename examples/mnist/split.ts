/** One run of split learning: a client with the first layers, a server with the rest, and its history. */
import type { Device } from 'fewbits';
import { descend } from 'fewbits/algorithms';
import type { Model as Half } from 'fewbits/algorithms';

import type { Cut } from './cuts.ts';
import type { Dataset } from './mnist.ts';
import { openDealer, slice } from './mnist.ts';
import type { SplitModel } from './split-model.ts';
import type { HistoryEntry, Run } from './train.ts';
import { BATCH, evaluationSteps } from './train.ts';

/** What a run is made of. */
export interface SplitSetting {
  readonly cut: Cut;
  readonly device: Device;
  readonly model: SplitModel;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly steps: number;
  readonly seed: number;
}

/** What both halves descend with. */
export const LEARNING_RATE = 0.02;
export const MOMENTUM = 0.9;

/** Test digits that are looked at before the end. */
const PART = 2000;

/** Ratio of one evaluated step to the one before. */
const EVALUATION_SPACING = 2.2;

/** Random stream of the batches. */
export const BATCHES_STREAM = 5;

/** Trains both halves, whose only link are packets: features up, their gradient down. */
export async function trainSplit(
  { cut, device, model, train, test, steps, seed }: SplitSetting,
  report: (entry: HistoryEntry) => void,
): Promise<Run> {
  const start = performance.now();
  const deal = openDealer(train, seed, BATCHES_STREAM, BATCH);
  const client = { side: cut.system.client(device), ...half(model.initialClient(seed)) };
  const server = { side: cut.system.server(device), ...half(model.initialServer(seed)) };
  const evaluated = evaluationSteps(steps, EVALUATION_SPACING);
  const history: HistoryEntry[] = [];
  let accuracy = 0;
  let bytesUp = 0;
  let bytesDown = 0;
  let numbers = 0;

  for (let step = 1; step <= steps; step++) {
    const batch = deal();
    const features = await model.forward(client.parameters, batch);
    numbers = features.length;
    const up = await client.side.send(features);
    bytesUp += up.length;

    const received = await server.side.receive(up);
    const { loss, gradient, atCut } = await model.finish(server.parameters, received, batch.labels);
    const down = await server.side.send(atCut);
    bytesDown += down.length;
    descend(server, gradient);

    descend(client, await model.backward(client.parameters, batch, await client.side.receive(down)));

    // convolutions are slow to evaluate: a part of the digits on the way, all of them at the end
    const seen = step < steps ? slice(test, 0, PART) : test;
    const evaluation = evaluated.has(step)
      ? { accuracy: (accuracy = await model.evaluate(client.parameters, server.parameters, seen)) }
      : {};
    const entry = { step, loss, ...evaluation, bytesUp, bytesDown, error: relativeError(features, received) };
    history.push(entry);
    report(entry);
  }

  const bytesDense = 2 * 4 * numbers * steps;
  return {
    algorithm: cut.name,
    backend: device.backend,
    parameters: model.clientSize + model.serverSize,
    workers: 1,
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

/** One half of the model, as momentum SGD steps it. */
function half(parameters: Float32Array): Half {
  const velocity = new Float32Array(parameters.length);
  return { parameters, velocity, learningRate: LEARNING_RATE, momentum: MOMENTUM };
}

/** |received - sent| / |sent| */
function relativeError(sent: Float32Array, received: Float32Array): number {
  let error = 0;
  let size = 0;
  for (let i = 0; i < sent.length; i++) {
    error += (received[i] - sent[i]) ** 2;
    size += sent[i] ** 2;
  }
  return Math.sqrt(error / size);
}
