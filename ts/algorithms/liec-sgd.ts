/**
 * LIEC-SGD, local immediate error compensation (arXiv 2402.11857): compressed in both directions. A worker adds its own
 * compression error to the update at once, so that only the server carries one from step to step.
 *
 * Steps t = 0, 1, ...:
 * 1. worker r: c_r = C(g_r); e_r = g_r - c_r, for this step only. Sends c_r.
 * 2. server: p = mean of the c_r + E; answers q = C(p); E = p - q.
 * 3. worker r: its direction is q + e_r. The models drift apart.
 * 4. where (t + 1) mod averagePeriod = 0, instead: models and gradients are averaged uncompressed, E is added to the
 *    mean gradient and zeroed, and all take that same step. Momentum is averaged too.
 *
 * Step 4 is one vector, or with momentum m > 0 two: with u_r = m v_r + g_r, worker r sends x_r - eta u_r (and u_r); the
 * server answers with their mean - eta E (and mean + E), which is the next model (and its velocity).
 *
 * Of a round over some of the workers the means are over these. A worker that is not among them steps along q alone,
 * since its e_r belongs to a c_r that is not in q: that gradient is dropped; in step 4 it takes the mean model of the
 * others.
 */
import type { Compressor } from '../compressors/compressor.ts';
import { scaledSign } from '../compressors/scaled-sign.ts';
import { requireInteger } from '../arguments.ts';
import type { Device } from '../device.ts';
import { OverflowError, PacketError } from '../errors.ts';
import type { Bytes } from '../platform.ts';
import { packetsOf, requirePacket, requireSoundPacket } from './admission.ts';
import { optionsWithCompressor } from './compressor-options.ts';
import { densityOf, openAnswer } from './parameter-server.ts';
import { copy, inTurn, settle as settleKept, type Kept } from './kept.ts';
import { keptByServer, keptByWorker, Progress, scaleKept, type Numbered, type Reported } from './progress.ts';
import { requireSeat, requireServerSeat, type MovableSeat } from './seat.ts';
import {
  addPackets,
  bytesOf,
  finiteFloatsOf,
  notGathered,
  only,
  ranksOf,
  requireExpected,
  requireMessages,
  requireModel,
  SILENT,
  swapValues,
} from './steps.ts';
import type { Model, SendOptions, StepReport, System, Worker } from './system.ts';
import { requireLength } from '../kernels/device-vector.ts';
import {
  inMemory,
  nonFiniteIn,
  openDirection,
  requireFinite,
  requireInRange,
  type Vector,
} from './vectors.ts';
import { parted, requireWeight, sumOf, unweighted, weighted, type Parted } from './weights.ts';

export interface LiecOptions {
  /** C, scaledSign() if left out: of the whole vector, as one of the authors' settings. */
  readonly compressor?: Compressor;
  /** Every so many steps the models are averaged; 100 if left out. The authors use 32 and 100. */
  readonly averagePeriod?: number;
}

/**
 * LIEC-SGD, of a compressor by itself or of options. `send` wants the worker's model in steps that average, (t + 1) mod
 * averagePeriod = 0, and sets it there: 32 bits an element each way in such a step, 64 with momentum. Models of workers
 * differ in between: evaluate their mean. A worker holds two vectors of n elements beside the gradient, one of them on
 * the device: where the direction goes there, that is it, and there is no other. After a step that averages it holds
 * the former model, too. The server holds three on the device, two for its error, and the mean. Source: arXiv
 * 2402.11857.
 *
 * @param options a compressor, or `compressor` and `averagePeriod`, in steps
 * @returns the system, which makes workers and, where it has one, a server
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

  /**
   * The worker's side. `own` is g_r between 1. and 3., and the direction after that: the worker's one vector, where
   * `into` can be it.
   */
  function openWorker<Where extends Vector>(
    device: Device,
    seat: MovableSeat,
    into: Where | undefined,
  ): Worker<Where> {
    const { n } = seat;
    const answers = packetsOf(compressor, n);
    const direction = openDirection(device, n, into);
    const vector = ArrayBuffer.isView(direction) ? device.vector(n) : undefined;
    const own: Vector = vector ?? direction;
    const progress = new Progress<Reported, Step>({ step: 0, report: {} });
    /** The model that step 4 sets, where this step is one. */
    const averagedIn = (model: SendOptions | undefined): Model | undefined => {
      const { step } = progress.state;
      return averages(step) ? requireModel(model, n, step) : undefined;
    };
    return {
      async send(given, model) {
        requireLength('gradient', given, n);
        const weight = requireWeight(model?.weight);
        const averaging = averagedIn(model);
        progress.begin();
        if (averaging !== undefined) {
          const gradient = await inMemory(device, given);
          requireFinite(gradient);
          const bytes = bytesOf(ahead(averaging, gradient));
          progress.put({ averaging, sent: undefined, report: {} });
          return { route: 'server', bytes: weighted(bytes, weight) };
        }
        // 1. c_r = C(g_r)
        const { step } = progress.state;
        const draw = { step, stream: seat.rank };
        const bytes = await inTurn(copy(device, given, own), device.compress(compressor, own, draw));
        // a copy: messages may be transferred
        progress.put({ averaging, sent: bytes.slice(), report: densityOf(bytes) });
        return { route: 'server', bytes: weighted(bytes, weight) };
      },
      async follow(model) {
        const averaging = averagedIn(model);
        progress.begin();
        progress.put({ averaging, sent: undefined, report: {} });
        return SILENT;
      },
      async receive(inbox, from, used) {
        const ranks = ranksOf(from, seat.workers);
        const { averaging, sent, report } = progress.step;
        const next = { step: progress.state.step + 1, report };
        const answer = only(inbox);
        if (averaging !== undefined) {
          // 4. the mean model, with the same step taken by all
          progress.end(next, settle(averaging, answer));
          return { kind: 'stepped' };
        }
        // 3. q + e_r, e_r = g_r - c_r
        requirePacket(answer, answers);
        const among = sent !== undefined && (used ?? ranks.includes(seat.rank));
        if (among) {
          const terms = [[sent, -1] as const, [answer, 1] as const];
          const found = await addPackets(device, terms, own);
          // g_r is gone
          if (found.count > 0) progress.drop();
          requireInRange(found, "the answer and the worker's error");
        } else await device.decompress(answer, { into: own });
        if (vector !== undefined) await vector.read(direction as Float32Array);
        progress.end(next);
        return { kind: 'direction', direction };
      },
      check: notGathered,
      get wantsModel() {
        return averages(progress.state.step);
      },
      get report() {
        return progress.state.report;
      },
      free: () => vector?.free(),
      ...keptByWorker(
        device,
        progress,
        { system: 'liecSgd', settings: `, period ${period}`, seat },
        () => ({}),
      ),
    };
  }

  return {
    name: 'liecSgd',
    averagesModels: true,
    worker: (device, seat, into) => openWorker(device, requireSeat(seat, device), into),

    server(device, seat) {
      const place = requireServerSeat(seat, device);
      const { n } = place;
      const packets = packetsOf(compressor, n);
      const made = openAnswer(device, { compressor, feedback: true }, n);
      const progress = new Progress<ServerState>({ step: 0, error: made.error });
      return {
        async answer(messages, from) {
          const ranks = ranksOf(from, place.workers);
          requireMessages('messages', messages, ranks.length);
          const given = parted(messages);
          const { step, error } = progress.state;
          if (averages(step)) {
            // 4. their mean - eta E (and mean + E)
            await settleKept(device, error);
            const answer = averaged(given, ranks, await error.vector.read());
            progress.begin();
            progress.end({ step: step + 1, error: { vector: made.other(error), sent: 'all' } });
            return answer;
          }
          // 2. p = mean c_r + E; q = C(p); E = p - q
          given.bytes.forEach((packet, i) => requirePacket(packet, packets, ranks[i]));
          await made.average(given);
          progress.begin();
          const { packet, error: rest } = await made.make(given.bytes, ranks, error, {
            step,
            stream: place.workers,
          });
          progress.end({ step: step + 1, error: rest });
          return packet;
        },
        async take(messages, of) {
          requireExpected(messages, of, place.workers);
          // 4. is one walk over all
          if (averages(progress.state.step)) return;
          const given = parted(messages);
          for (const packet of given.bytes) requirePacket(packet, packets);
          await made.average(given, of);
        },
        async check(given) {
          const { bytes: message } = unweighted(given);
          if (averages(progress.state.step)) finiteFloatsOf(message, averagedLength(message, n));
          else await requireSoundPacket(device, message, packets);
        },
        free: () => made.free(),
        ...keptByServer(
          device,
          progress,
          { system: 'liecSgd', settings: `, period ${period}`, seat: place },
          () => ({ error: progress.state.error }),
        ),
        scaleErrors: (factor) => scaleKept(device, progress, progress.state.error, factor),
      };
    },
  };
}

/** A step under way. */
interface Step {
  /** The model that it sets, where it averages. */
  readonly averaging: Model | undefined;
  /** c_r, where `own` is the g_r that it was made of. */
  readonly sent: Uint8Array | undefined;
  readonly report: StepReport;
}

interface ServerState extends Numbered {
  readonly error: Kept;
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
  requireFinite(message, 'the model after the step');
  return message;
}

/** Numbers of a message in step 4: with momentum two vectors, without it one; all alike. */
function averagedLength(message: Uint8Array, n: number): number {
  return message.length > (1 + n) * 4 ? 1 + 2 * n : 1 + n;
}

/**
 * The mean of what the workers of these ranks sent, by their weights, with E in it.
 * @throws PacketError unless all are models of n elements at one learning rate, with momentum or all without
 */
function averaged(
  { bytes: messages, weights = messages.map(() => 1) }: Parted,
  ranks: readonly number[],
  error: Float32Array,
): Bytes {
  const n = error.length;
  const length = averagedLength(messages[0], n);
  const vectors = messages.map((message) => finiteFloatsOf(message, length));
  const [learningRate] = vectors[0];
  vectors.forEach(([rate], i) => {
    if (rate !== learningRate)
      throw new PacketError(
        `a model at learning rate ${rate} from rank ${ranks[i]}; expected ${learningRate}, as from rank ${ranks[0]}`,
        0,
      );
  });
  const total = sumOf(weights);
  const mean = new Float32Array(length);
  mean[0] = learningRate;
  for (let i = 1; i < length; i++) {
    let sum = 0;
    for (let r = 0; r < vectors.length; r++) sum += weights[r] * vectors[r][i];
    const e = error[(i - 1) % n];
    mean[i] = sum / total + (i <= n ? -learningRate * e : e);
  }
  const { count, first } = nonFiniteIn(mean);
  if (count > 0) throw new OverflowError("the mean of the models and the server's error", count, first);
  return bytesOf(mean);
}

/**
 * Sets a model to what the server answered. Gives what sets it back.
 * @throws PacketError where the answer is none for this model; it is as it was
 */
function settle({ parameters, velocity, learningRate, momentum }: Model, answer: Uint8Array): () => void {
  const n = parameters.length;
  // a copy: it takes the former model
  const mean = finiteFloatsOf(answer, 1 + (momentum > 0 ? 2 : 1) * n).slice();
  if (mean[0] !== Math.fround(learningRate))
    throw new PacketError(
      `a mean of models at learning rate ${mean[0]}; expected ${Math.fround(learningRate)}`,
      0,
    );
  const swap = (): void => {
    swapValues(parameters, mean.subarray(1, 1 + n));
    if (momentum > 0) swapValues(velocity, mean.subarray(1 + n));
  };
  swap();
  return swap;
}
