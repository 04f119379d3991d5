/**
 * LIEC-SGD, local immediate error compensation (arXiv 2402.11857): compressed in both directions. A worker adds its own
 * compression error to the update at once, so that only the server carries one from step to step.
 *
 * Steps t = 0, 1, ...:
 * 1. worker r: c_r = C(g_r); e_r = g_r - c_r, for this step only. Sends c_r.
 * 2. server: p = mean of the c_r + E; answers q = C(p); E = p - q.
 * 3. worker r: its direction is q + e_r. The models drift apart.
 * 4. where (t + 1) mod averagePeriod = 0, instead: models and gradients are averaged uncompressed, E is added to the mean
 *    gradient and zeroed, and all take that same step. Momentum is averaged too.
 *
 * Step 4 is one vector, or with momentum m > 0 two: with u_r = m v_r + g_r, worker r sends x_r - eta u_r (and u_r); the
 * server answers with their mean - eta E (and mean + E), which is the next model (and its velocity).
 *
 * Of a round over some of the workers the means are over these. A worker that is not among them steps along q alone, since
 * its e_r belongs to a c_r that is not in q: that gradient is dropped; in step 4 it takes the mean model of the others.
 */
import type { Compressor } from '../compressors/compressor.ts';
import { scaledSign } from '../compressors/scaled-sign.ts';
import { requireInteger } from '../arguments.ts';
import type { Device } from '../device.ts';
import { optionsWithCompressor } from './compressor-options.ts';
import { keptShare } from './parameter-server.ts';
import { shared, stateful } from './state.ts';
import {
  addMean,
  bytesOf,
  finiteFloatsOf,
  notGathered,
  only,
  ranksOf,
  requireMessages,
  requirePacket,
  SILENT,
  squeezeWithError,
} from './steps.ts';
import type { Model, Seat, System, Worker } from './system.ts';
import { copyInto, inMemory, requireFinite, requireVector, type Vector } from './vectors.ts';

export interface LiecOptions {
  /** C, scaledSign() if left out: of the whole vector, as one of the authors' settings. */
  readonly compressor?: Compressor;
  /** Every so many steps the models are averaged; 100 if left out. The authors use 32 and 100. */
  readonly averagePeriod?: number;
}

/**
 * LIEC-SGD, of a compressor by itself or of options. `send` wants the worker's model in steps that average, (t + 1) mod averagePeriod = 0, and sets it there: 32
 * bits an element each way in such a step, 64 with momentum. Models of workers differ in between: evaluate their mean.
 * Source: arXiv 2402.11857.
 *
 * @throws TypeError unless the compressor is one, RangeError unless averagePeriod >= 1
 * @example
 * const worker = liecSgd({ averagePeriod: 32 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function liecSgd(options: Compressor | LiecOptions = {}): System {
  const { compressor = scaledSign(), averagePeriod: period = 100 } = optionsWithCompressor<LiecOptions>(
    'liecSgd',
    options,
    ['compressor', 'averagePeriod'],
  );
  requireInteger('averagePeriod', period, 1, 2 ** 32 - 1);
  const averages = (step: number): boolean => (step + 1) % period === 0;

  /** The worker's side. `own` is e_r between 1. and 3., and the direction after that. */
  function openWorker<Place extends Vector>(
    device: Device,
    { n, workers, rank }: Seat,
    own: Place,
  ): Worker<Place> {
    let step = 0;
    let density: number | undefined;
    let averaging: Model | undefined;
    const numbers = (): { step: number } => ({ step });
    const restore = (saved: { step: number }): void => {
      ({ step } = saved);
    };
    /** The model that step 4 sets, where this step is one. */
    const averagedIn = (model: Model | undefined): Model | undefined => {
      if (!averages(step)) return undefined;
      if (model === undefined)
        throw new TypeError(`"model" expected in step ${step}, which averages the models, got none`);
      return model;
    };
    return {
      async send(given, model) {
        requireVector('gradient', given, n);
        averaging = averagedIn(model);
        if (averaging !== undefined) {
          const gradient = await inMemory(device, given, n);
          requireFinite(gradient);
          density = undefined;
          return { route: 'server', bytes: bytesOf(ahead(averaging, gradient)) };
        }
        // 1. c_r = C(g_r); e_r = g_r - c_r
        const bytes = await device.compress(compressor, given, { step, stream: rank });
        await copyInto(device, given, own);
        await device.decompress(bytes, { into: own, accumulate: -1 });
        density = keptShare(bytes);
        return { route: 'server', bytes };
      },
      async follow(model) {
        averaging = averagedIn(model);
        return SILENT;
      },
      async receive(inbox, from, used) {
        const ranks = ranksOf(from, workers);
        if (averaging !== undefined) {
          // 4. the mean model, with the same step taken by all
          settle(averaging, only(inbox));
          step++;
          return { kind: 'stepped' };
        }
        // 3. q + e_r
        const among = used ?? ranks.includes(rank);
        await device.decompress(only(inbox), { into: own, ...(among && { accumulate: 1 }) });
        step++;
        return { kind: 'direction', direction: own };
      },
      check: notGathered,
      get wantsModel() {
        return averages(step);
      },
      get report() {
        return density === undefined ? {} : { density };
      },
      ...stateful(
        `liecSgd, worker ${rank} of ${workers}, ${n} elements, period ${period}`,
        {},
        numbers,
        restore,
      ),
      ...shared(`liecSgd, ${workers} workers, ${n} elements, period ${period}`, numbers, restore),
    };
  }

  return {
    name: 'liecSgd',
    averagesModels: true,
    worker: (device, seat) => openWorker(device, seat, new Float32Array(seat.n)),
    workerInto: openWorker,

    server(device, { n, workers }) {
      const error = new Float32Array(n);
      const mean = new Float32Array(n);
      const scratch = new Float32Array(n);
      let step = 0;
      return {
        async answer(messages, from) {
          requireMessages('messages', messages, ranksOf(from, workers).length);
          if (averages(step)) {
            // 4. their mean - eta E (and mean + E)
            const answer = averaged(messages, error);
            error.fill(0);
            step++;
            return answer;
          }
          // 2. p = mean c_r + E; q = C(p); E = p - q
          mean.fill(0);
          await addMean(device, messages, mean);
          const packet = await squeezeWithError(device, compressor, mean, error, scratch, {
            step,
            stream: workers,
          });
          step++;
          return packet;
        },
        async check(message) {
          if (averages(step)) finiteFloatsOf(message, averagedLength(message, n));
          else await requirePacket(device, message, n);
        },
        ...stateful(
          `liecSgd, server of ${workers}, ${n} elements, period ${period}`,
          { error },
          () => ({ step }),
          (saved) => ({ step } = saved),
        ),
      };
    },
  };
}

/** [eta, x - eta u], and u where there is momentum: what a worker sends in step 4. */
function ahead(
  { parameters, velocity, learningRate, momentum }: Model,
  gradient: Float32Array,
): Float32Array {
  const n = gradient.length;
  const message = new Float32Array(1 + (momentum > 0 ? 2 : 1) * n);
  message[0] = learningRate;
  for (let i = 0; i < n; i++) {
    const u = momentum > 0 ? Math.fround(momentum * velocity[i] + gradient[i]) : gradient[i];
    message[1 + i] = parameters[i] - learningRate * u;
    if (momentum > 0) message[1 + n + i] = u;
  }
  return message;
}

/** Numbers of a message in step 4: with momentum two vectors, without it one; all alike. */
function averagedLength(message: Uint8Array, n: number): number {
  return message.length > (1 + n) * 4 ? 1 + 2 * n : 1 + n;
}

/** The mean of what the workers sent, with E in it. */
function averaged(messages: readonly Uint8Array[], error: Float32Array): Uint8Array {
  const n = error.length;
  const length = averagedLength(messages[0], n);
  const vectors = messages.map((message) => finiteFloatsOf(message, length));
  const [learningRate] = vectors[0];
  const mean = new Float32Array(length);
  mean[0] = learningRate;
  for (let i = 1; i < length; i++) {
    let sum = 0;
    for (const vector of vectors) sum += vector[i];
    const e = error[(i - 1) % n];
    mean[i] = sum / vectors.length + (i <= n ? -learningRate * e : e);
  }
  return bytesOf(mean);
}

/** Sets a model to what the server answered. */
function settle({ parameters, velocity, momentum }: Model, answer: Uint8Array): void {
  const n = parameters.length;
  const mean = finiteFloatsOf(answer, 1 + (momentum > 0 ? 2 : 1) * n);
  parameters.set(mean.subarray(1, 1 + n));
  if (momentum > 0) velocity.set(mean.subarray(1 + n));
}
