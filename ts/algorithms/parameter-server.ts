/**
 * What the systems with a server share: workers send what one compressor makes of their gradients, the server averages
 * and answers with what another makes of the mean. Whoever compresses may keep what the packet lost and add it to what
 * is compressed next (error feedback).
 */
import type { Compressor } from '../compressors/compressor.ts';
import type { CompressOptions, Device } from '../device.ts';
import { NonFiniteError } from '../errors.ts';
import { inspect } from '../inspect.ts';
import type { Bytes } from '../platform.ts';
import { packetsOf, requirePacket, requireSoundPacket, type Expected } from './admission.ts';
import {
  keptByServer,
  keptByWorker,
  openVectors,
  Progress,
  type Numbered,
  type Reported,
} from './progress.ts';
import { requireSeat, requireServerSeat } from './seat.ts';
import {
  addMean,
  blameOverflow,
  notGathered,
  only,
  ranksOf,
  requireMessages,
  SILENT,
  squeezeWithError,
  type Squeezed,
} from './steps.ts';
import type { Seat, StepReport, System, Worker } from './system.ts';
import { requireVector, type Vector } from './vectors.ts';

/** One direction of the exchange. */
export interface Direction {
  readonly compressor: Compressor;
  /** Whether the sender keeps the error and adds it to the next step. */
  readonly feedback: boolean;
}

/**
 * 1. worker r: p_r = g_r, plus its error where it keeps one; sends C(p_r); the error is p_r - C(p_r).
 * 2. server: p = mean of the C(p_r), plus its error; answers q = C'(p); the error is p - q.
 * 3. worker r: q is the direction.
 *
 * Of a round over some of the workers the mean is over these. A worker that is not among them has its packet back in
 * its error, e_r = p_r, so that nothing of it is lost; where it keeps none, its gradient is dropped.
 *
 * Draws are keyed by the step and the rank; those of the server by the number of workers.
 */
export function parameterServer(name: string, up: Direction, down: Direction): System {
  return {
    name,
    worker(device, seat) {
      const { n } = requireSeat(seat, device);
      const sender = up.feedback
        ? openFeedback(device, up.compressor, n)
        : openSender(device, up.compressor, new Float32Array(n));
      return openWorker(name, device, seat, sender, { up, down });
    },
    // an error is kept in memory, and gradients are added to it there
    ...(!up.feedback && {
      workerInto: (device, seat, into) =>
        openWorker(name, device, requireSeat(seat, device), openSender(device, up.compressor, into), {
          up,
          down,
        }),
    }),
    server(device, seat) {
      const { n, workers } = requireServerSeat(seat, device);
      const packets = packetsOf(up.compressor, n);
      const answer = openAnswer(device, down, n);
      packetsOf(down.compressor, n);
      const progress = new Progress<ServerState>({ step: 0, error: answer.error });
      return {
        async answer(messages, from) {
          const ranks = ranksOf(from, workers);
          requireMessages('messages', messages, ranks.length);
          messages.forEach((message, i) => requirePacket(message, packets, ranks[i]));
          progress.begin();
          const { step, error } = progress.state;
          const made = await answer.make(messages, ranks, error, { step, stream: workers });
          progress.end({ step: step + 1, error: made.error });
          return made.packet;
        },
        check: (message) => requireSoundPacket(device, message, packets),
        ...keptByServer(progress, `${name}, server of ${workers}, ${n} elements`, () => ({
          error: progress.state.error,
        })),
      };
    },
  };
}

interface ServerState extends Numbered {
  readonly error: Float32Array;
}

/** What makes a server's answers. */
export interface Answer {
  /** The error at the start; of no elements where none is kept. */
  readonly error: Float32Array;
  /**
   * The mean of the packets, plus the error, as a packet, and what that lost. The error stays as it is.
   * @throws PacketError where a packet is none, OverflowError where the sum is more than float32 holds
   */
  make(
    packets: readonly Uint8Array[],
    ranks: readonly number[],
    error: Float32Array,
    draw: CompressOptions,
  ): Promise<{ readonly packet: Bytes; readonly error: Float32Array }>;
}

export function openAnswer(device: Device, { compressor, feedback }: Direction, n: number): Answer {
  const vectors = openVectors(n, feedback ? 3 : 1);
  const none = new Float32Array(0);
  return {
    error: feedback ? vectors.first : none,
    async make(packets, ranks, error, draw) {
      const [mean, rest] = vectors.free(error);
      mean.fill(0);
      await addMean(device, packets, mean);
      try {
        if (!feedback) return { packet: await device.compress(compressor, mean, draw), error: none };
        const squeezed = await squeezeWithError(device, compressor, mean, error, { sum: mean, rest }, draw);
        return { packet: squeezed.packet, error: squeezed.rest };
      } catch (reason) {
        if (!(reason instanceof NonFiniteError)) throw reason;
        const what = `the mean of ${packets.length} packets${feedback ? " and the server's error" : ''}`;
        return blameOverflow(device, packets, ranks, what, reason);
      }
    },
  };
}

/** Where a step of a worker leads to: its next error, and the vector that takes the direction. */
interface Next<Place> {
  readonly error: Float32Array;
  readonly direction: Place;
}

/** A step under way. */
interface Step<Place> {
  readonly report: StepReport;
  /** What it leads to where the packet was used, and where it was not. */
  readonly used: Next<Place>;
  readonly unused: Next<Place>;
}

/** What makes packets of a worker's gradients. */
interface Sender<Place> {
  /** The error at the start; of no elements where none is kept. */
  readonly error: Float32Array;
  squeeze(
    gradient: Vector,
    error: Float32Array,
    draw: CompressOptions,
  ): Promise<{ readonly packet: Bytes } & Omit<Step<Place>, 'report'>>;
  /** Of a step without a gradient. */
  follow(error: Float32Array): Next<Place>;
}

/** Without an error: the gradient is dropped where its packet was not used. */
function openSender<Place extends Vector>(
  device: Device,
  compressor: Compressor,
  direction: Place,
): Sender<Place> {
  const error = new Float32Array(0);
  const next = { error, direction };
  return {
    error,
    squeeze: async (gradient, _, draw) => ({
      packet: await device.compress(compressor, gradient, draw),
      used: next,
      unused: next,
    }),
    follow: () => next,
  };
}

/**
 * With an error, in three vectors that take turns. The error that counts is not written to; of the other two, p and
 * p - C(p), one becomes the next error and the other has the direction.
 */
function openFeedback(device: Device, compressor: Compressor, n: number): Sender<Float32Array> {
  const vectors = openVectors(n, 3);
  return {
    error: vectors.first,
    async squeeze(gradient, error, draw) {
      const [sum, rest] = vectors.free(error);
      const { packet } = await squeezeWithError(device, compressor, gradient, error, { sum, rest }, draw);
      return { packet, ...nextOf({ sum, rest }) };
    },
    follow: (error) => ({ error, direction: vectors.free(error)[0] }),
  };
}

/** Where p was sent, the error is what the packet lost; where it was not, all of it. */
export function nextOf({
  sum,
  rest,
}: Omit<Squeezed, 'packet'>): Record<'used' | 'unused', Next<Float32Array>> {
  return { used: { error: rest, direction: sum }, unused: { error: sum, direction: rest } };
}

interface WorkerState extends Reported {
  readonly error: Float32Array;
}

/** The worker's side, steps 1 and 3. */
function openWorker<Place extends Vector>(
  name: string,
  device: Device,
  { n, workers, rank }: Seat,
  sender: Sender<Place>,
  { up, down }: { readonly up: Direction; readonly down: Direction },
): Worker<Place> {
  packetsOf(up.compressor, n);
  const answers: Expected = packetsOf(down.compressor, n);
  const progress = new Progress<WorkerState, Step<Place>>({ step: 0, report: {}, error: sender.error });
  return {
    async send(gradient) {
      requireVector('gradient', gradient, n);
      progress.begin();
      const { step, error } = progress.state;
      const { packet, ...next } = await sender.squeeze(gradient, error, { step, stream: rank });
      progress.put({ report: densityOf(packet), ...next });
      return { route: 'server', bytes: packet };
    },
    async follow() {
      progress.begin();
      const next = sender.follow(progress.state.error);
      progress.put({ report: {}, used: next, unused: next });
      return SILENT;
    },
    async receive(inbox, from, used) {
      const ranks = ranksOf(from, workers);
      const step = progress.step;
      const answer = only(inbox);
      requirePacket(answer, answers);
      const { error, direction } = (used ?? ranks.includes(rank)) ? step.used : step.unused;
      await device.decompress(answer, { into: direction });
      progress.end({ step: progress.state.step + 1, report: step.report, error });
      return { kind: 'direction', direction };
    },
    check: notGathered,
    get report() {
      return progress.state.report;
    },
    ...keptByWorker(
      progress,
      {
        of: `${name}, worker ${rank} of ${workers}, ${n} elements`,
        common: `${name}, ${workers} workers, ${n} elements`,
      },
      () => ({ error: progress.state.error }),
      errorAdopted,
    ),
  };
}

/** The error where a worker goes on from another state, in the middle of a step. */
export function errorAdopted(
  step: Record<'used' | 'unused', Pick<Next<unknown>, 'error'>> | undefined,
  { taken, again }: { readonly taken: boolean; readonly again: boolean },
): { error?: Float32Array } {
  if (step === undefined) return {};
  if (taken) return { error: step.used.error };
  return again ? {} : { error: step.unused.error };
}

/** Share of the elements that a packet carries, where it leaves some out. */
export function densityOf(packet: Uint8Array): { density?: number } {
  const { n, parameters } = inspect(packet);
  return typeof parameters.k === 'number' && n > 0 ? { density: parameters.k / n } : {};
}
