/** One run of split learning: a client with the first layers, a server with the rest, and its history. */
import type { Device } from 'fewbits';
import { descend } from 'fewbits/algorithms';
import type { Model as Half } from 'fewbits/algorithms';

import type { Cut } from './cuts.ts';
import type { Dataset } from './mnist.ts';
import { BATCH, openDealer, slice } from './mnist.ts';
import type { SplitModel } from './split-model.ts';
import type { HistoryEntry, Run } from './train.ts';
import { evaluationSteps, requireFinite, secondsOf, timed, untilDiverged } from './train.ts';

/** What a run is made of. */
export interface SplitSetting {
  readonly cut: Cut;
  readonly learningRate: number;
  readonly device: Device;
  readonly model: SplitModel;
  readonly train: Dataset;
  /** What the accuracy is of: pictures that are not trained on. */
  readonly scored: Dataset;
  readonly steps: number;
  readonly seed: number;
}

/** What both halves descend with. */
export const MOMENTUM = 0.9;

/** Held-out pictures that are looked at before the end. */
const PART = 2000;

/** Ratio of one evaluated step to the one before. */
const EVALUATION_SPACING = 2;

/** Random stream of the batches. */
export const BATCHES_STREAM = 5;

/** Trains both halves, whose only link are packets: features up, their gradient down. */
export async function trainSplit(
  { cut, learningRate, device, model, train, scored, steps, seed }: SplitSetting,
  report: (entry: HistoryEntry) => void,
): Promise<Run> {
  const start = performance.now();
  const clocks = { gradient: 0, system: 0 };
  const deal = openDealer(train, seed, BATCHES_STREAM, BATCH);
  const client = { side: cut.system.client(device), ...half(model.initialClient(seed), learningRate) };
  const server = { side: cut.system.server(device), ...half(model.initialServer(seed), learningRate) };
  const learn = <T>(call: () => Promise<T>): Promise<T> => timed(clocks, 'gradient', call);
  const cross = <T>(call: () => Promise<T>): Promise<T> => timed(clocks, 'system', call);
  const evaluated = evaluationSteps(steps, EVALUATION_SPACING);
  const history: HistoryEntry[] = [];
  let accuracy = 0;
  let bytesUp = 0;
  let bytesDown = 0;
  let numbers = 0;

  const takeStep = async (step: number): Promise<void> => {
    const batch = deal();
    const features = await learn(() => model.forward(client.parameters, batch));
    numbers = features.length;
    const up = await cross(() => client.side.send(features));
    bytesUp += up.length;

    const received = await cross(() => server.side.receive(up));
    const { loss, gradient, atCut } = await learn(() =>
      model.finish(server.parameters, received, batch.labels),
    );
    const down = await cross(() => server.side.send(atCut));
    bytesDown += down.length;
    requireFinite(loss);
    descend(server, gradient);

    const back = await cross(() => client.side.receive(down));
    descend(client, await learn(() => model.backward(client.parameters, batch, back)));

    // convolutions are slow to evaluate: a part of the pictures on the way, all of them at the end
    const seen = step < steps ? slice(scored, 0, PART) : scored;
    const evaluation = evaluated.has(step)
      ? { accuracy: (accuracy = await model.evaluate(client.parameters, server.parameters, seen)) }
      : {};
    const entry = { step, loss, ...evaluation, bytesUp, bytesDown, error: relativeError(features, received) };
    history.push(entry);
    report(entry);
  };
  const diverged = await untilDiverged(steps, takeStep);

  return {
    algorithm: cut.name,
    backend: device.backend,
    parameters: model.clientSize + model.serverSize,
    workers: 1,
    steps,
    seed,
    learningRate,
    ...(diverged === undefined ? { accuracy } : { diverged }),
    bytesUp,
    bytesDown,
    bytesDense: 2 * 4 * numbers * history.length,
    seconds: secondsOf(performance.now() - start),
    gradientSeconds: secondsOf(clocks.gradient),
    systemSeconds: secondsOf(clocks.system),
    history,
  };
}

/** One half of the model, as momentum SGD steps it. */
function half(parameters: Float32Array, learningRate: number): Half {
  return { parameters, velocity: new Float32Array(parameters.length), learningRate, momentum: MOMENTUM };
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
