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
 */
import type { Compressor } from '../compressors/compressor.ts';
import { scaledSign } from '../compressors/scaled-sign.ts';
import { requireInteger, requireOptions } from '../arguments.ts';
import { keptShare } from './parameter-server.ts';
import { stateful } from './state.ts';
import {
  add,
  addMean,
  bytesOf,
  finiteFloatsOf,
  only,
  requireFinite,
  requireGradient,
  requireMessages,
  squeezeWithError,
} from './steps.ts';
import type { Model, System } from './system.ts';

export interface LiecOptions {
  /** C, scaledSign() if left out: of the whole vector, as one of the authors' settings. */
  readonly compressor?: Compressor;
  /** Every so many steps the models are averaged; 100 if left out. The authors use 32 and 100. */
  readonly averagePeriod?: number;
}

/**
 * LIEC-SGD. `send` wants the worker's model in steps that average, (t + 1) mod averagePeriod = 0, and sets it there: 32
 * bits an element each way in such a step, 64 with momentum. Models of workers differ in between: evaluate their mean.
 * Source: arXiv 2402.11857.
 *
 * @throws RangeError unless averagePeriod >= 1
 * @example
 * const worker = liecSgd({ averagePeriod: 32 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function liecSgd(options: LiecOptions = {}): System {
  requireOptions('liecSgd', options, ['compressor', 'averagePeriod']);
  const compressor = options.compressor ?? scaledSign();
  const period = requireInteger('averagePeriod', options.averagePeriod ?? 100, 1, 2 ** 32 - 1);
  const averages = (step: number): boolean => (step + 1) % period === 0;

  return {
    name: 'liecSgd',
    worker(device, { n, workers, rank }) {
      const error = new Float32Array(n);
      const direction = new Float32Array(n);
      let step = 0;
      let density: number | undefined;
      let averaging: Model | undefined;
      return {
        async send(gradient, model) {
          requireGradient(gradient, n);
          averaging = undefined;
          if (averages(step)) {
            if (model === undefined)
              throw new TypeError(`"model" expected in step ${step}, which averages the models, got none`);
            requireFinite(gradient);
            averaging = model;
            density = undefined;
            return { route: 'server', bytes: bytesOf(ahead(model, gradient)) };
          }
          // 1. c_r = C(g_r); e_r = g_r - c_r
          const bytes = await device.compress(compressor, gradient, { step, stream: rank });
          error.set(gradient);
          await device.decompress(bytes, { into: error, accumulate: -1 });
          density = keptShare(bytes);
          return { route: 'server', bytes };
        },
        async receive(inbox) {
          if (averaging !== undefined) {
            // 4. the mean model, with the same step taken by all
            settle(averaging, only(inbox));
            step++;
            return { kind: 'stepped' };
          }
          // 3. q + e_r
          await device.decompress(only(inbox), { into: direction });
          add(direction, error);
          step++;
          return { kind: 'direction', direction };
        },
        get report() {
          return density === undefined ? {} : { density };
        },
        ...stateful(
          `liecSgd, worker ${rank} of ${workers}, ${n} elements, period ${period}`,
          {},
          () => ({ step }),
          (saved) => ({ step } = saved),
        ),
      };
    },

    server(device, { n, workers }) {
      const error = new Float32Array(n);
      const mean = new Float32Array(n);
      const scratch = new Float32Array(n);
      let step = 0;
      return {
        async answer(messages) {
          requireMessages('messages', messages, workers);
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

/** The mean of what the workers sent, with E in it. */
function averaged(messages: readonly Uint8Array[], error: Float32Array): Uint8Array {
  const n = error.length;
  // with momentum two vectors, without it one; all alike
  const length = messages[0].length > (1 + n) * 4 ? 1 + 2 * n : 1 + n;
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
