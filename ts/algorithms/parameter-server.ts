/**
 * What the systems with a server share: workers send what one compressor makes of their gradients, the server averages
 * and answers with what another makes of the mean. Whoever compresses may keep what the packet lost and add it to what
 * is compressed next (error feedback).
 */
import type { Compressor } from '../compressors/compressor.ts';
import type { CompressOptions, Device } from '../device.ts';
import { NonFiniteError } from '../errors.ts';
import { described } from '../inspect.ts';
import { type DeviceVector, requireLength } from '../kernels/device-vector.ts';
import { glance } from '../packet/packet.ts';
import type { Bytes } from '../platform.ts';
import { packetsOf, requirePacket, requireSoundPacket } from './admission.ts';
import { openPair, squeeze, type Kept } from './kept.ts';
import { keptByServer, keptByWorker, Progress, scaleKept, type Numbered, type Reported } from './progress.ts';
import { RunningMean } from './running-mean.ts';
import { requireSeat, requireServerSeat, type MovableSeat } from './seat.ts';
import {
  blameOverflow,
  notGathered,
  only,
  ranksOf,
  requireExpected,
  requireMessages,
  SILENT,
} from './steps.ts';
import type { StepReport, System, Worker } from './system.ts';
import { openDirection, type Vector } from './vectors.ts';
import { parted, requireWeight, unweighted, weighted, type Parted } from './weights.ts';

/** One direction of the exchange. */
export interface Direction {
  readonly compressor: Compressor;
  /** Whether the sender keeps the error and adds it to the next step. */
  readonly feedback: boolean;
}

/**
 * 1. worker r: p_r = g_r, plus its error where it keeps one; sends C(p_r); the error is p_r - C(p_r).
 * 2. server: p = mean of the C(p_r), by the weights of messages, plus its error; answers q = C'(p); the error is p - q.
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
    worker: (device, seat, into) => openWorker(name, device, requireSeat(seat, device), into, { up, down }),
    server(device, seat) {
      const place = requireServerSeat(seat, device);
      const { n } = place;
      const packets = packetsOf(up.compressor, n);
      packetsOf(down.compressor, n);
      const answer = openAnswer(device, down, n);
      const progress = new Progress<ServerState>({ step: 0, error: answer.error });
      return {
        async answer(messages, from) {
          const ranks = ranksOf(from, place.workers);
          requireMessages('messages', messages, ranks.length);
          const given = parted(messages);
          given.bytes.forEach((packet, i) => requirePacket(packet, packets, ranks[i]));
          const { step, error } = progress.state;
          await answer.average(given);
          progress.begin();
          const made = await answer.make(given.bytes, ranks, error, { step, stream: place.workers });
          progress.end({ step: step + 1, error: made.error });
          return made.packet;
        },
        async take(messages, of) {
          requireExpected(messages, of, place.workers);
          const given = parted(messages);
          for (const packet of given.bytes) requirePacket(packet, packets);
          await answer.average(given, of);
        },
        check: async (message) => requireSoundPacket(device, unweighted(message).bytes, packets),
        free: () => answer.free(),
        ...keptByServer(device, progress, { system: name, seat: place }, () => ({
          error: progress.state.error,
        })),
        scaleErrors: (factor) => scaleKept(device, progress, progress.state.error, factor),
      };
    },
  };
}

interface ServerState extends Numbered {
  readonly error: Kept;
}

/** What makes a server's answers. */
export interface Answer {
  /** The error at the start; of no elements where none is kept. */
  readonly error: Kept;
  /**
   * Takes the mean of the packets, by their weights; of the first ones of `of` the part that they have in it, so that
   * those which follow are added to that.
   * @throws PacketError where a packet is none
   */
  average(packets: Parted, of?: number): Promise<void>;
  /**
   * The mean of the packets, plus the error, as a packet, and what that lost. The error stays as it is.
   * @throws OverflowError where the sum is more than float32 holds
   */
  make(
    packets: readonly Uint8Array[],
    ranks: readonly number[],
    error: Kept,
    draw: CompressOptions,
  ): Promise<{ readonly packet: Bytes; readonly error: Kept }>;
  /** Memory for another error, with anything in it. */
  other(error: Kept): DeviceVector;
  free(): void;
}

/** Memory on the device: the mean, and with feedback two vectors more. */
export function openAnswer(device: Device, { compressor, feedback }: Direction, n: number): Answer {
  const mean = new RunningMean(device, n);
  const pair = openPair(device, feedback ? n : 0);
  return {
    error: pair.first,
    other: (error) => pair.other(error),
    average: (packets, of = packets.bytes.length) => mean.add(packets, of),
    async make(packets, ranks, error, draw) {
      const sum = pair.other(error);
      mean.forget();
      try {
        const packet = feedback
          ? await squeeze(device, compressor, mean.vector, error, sum, draw)
          : await device.compress(compressor, mean.vector, draw);
        return { packet, error: feedback ? nextOf(sum, packet).used : error };
      } catch (reason) {
        if (!(reason instanceof NonFiniteError)) throw reason;
        const what = `the mean of ${packets.length} packets${feedback ? " and the server's error" : ''}`;
        return blameOverflow(device, packets, ranks, what, reason);
      }
    },
    free() {
      mean.free();
      pair.free();
    },
  };
}

/** A step under way, and what the error is after it. */
interface Step extends Record<'used' | 'unused', Kept> {
  readonly report: StepReport;
}

interface WorkerState extends Reported {
  readonly error: Kept;
}

/**
 * What a step of error feedback leads to: where p was sent, what the packet lost of it; where it was not, all of it.
 */
export function nextOf(sum: DeviceVector, packet: Bytes): Record<'used' | 'unused', Kept> {
  // a copy: messages may be transferred
  return { used: { vector: sum, sent: packet.slice() }, unused: { vector: sum } };
}

/** The worker's side, steps 1 and 3. Memory on the device: with feedback two vectors; the direction beside them. */
function openWorker<Where extends Vector>(
  name: string,
  device: Device,
  seat: MovableSeat,
  into: Where | undefined,
  { up, down }: { readonly up: Direction; readonly down: Direction },
): Worker<Where> {
  const { n } = seat;
  packetsOf(up.compressor, n);
  const answers = packetsOf(down.compressor, n);
  const direction = openDirection(device, n, into);
  const pair = openPair(device, up.feedback ? n : 0);
  const progress = new Progress<WorkerState, Step>({ step: 0, report: {}, error: pair.first });
  return {
    async send(gradient, options) {
      requireLength('gradient', gradient, n);
      const weight = requireWeight(options?.weight);
      progress.begin();
      const { step, error } = progress.state;
      const draw = { step, stream: seat.rank };
      // without feedback the gradient is dropped where its packet was not used
      let next: Record<'used' | 'unused', Kept> = { used: error, unused: error };
      let packet: Bytes;
      if (up.feedback) {
        const sum = pair.other(error);
        packet = await squeeze(device, up.compressor, gradient, error, sum, draw);
        next = nextOf(sum, packet);
      } else packet = await device.compress(up.compressor, gradient, draw);
      progress.put({ report: densityOf(packet), ...next });
      return { route: 'server', bytes: weighted(packet, weight) };
    },
    async follow() {
      progress.begin();
      const { error } = progress.state;
      progress.put({ report: {}, used: error, unused: error });
      return SILENT;
    },
    async receive(inbox, from, used) {
      const ranks = ranksOf(from, seat.workers);
      const step = progress.step;
      const answer = only(inbox);
      requirePacket(answer, answers);
      await device.decompress(answer, { into: direction });
      const error = (used ?? ranks.includes(seat.rank)) ? step.used : step.unused;
      progress.end({ step: progress.state.step + 1, report: step.report, error });
      return { kind: 'direction', direction };
    },
    check: notGathered,
    get report() {
      return progress.state.report;
    },
    free: () => pair.free(),
    ...keptByWorker(
      device,
      progress,
      { system: name, seat },
      () => ({ error: progress.state.error }),
      errorAdopted,
    ),
    scaleErrors: (factor) => scaleKept(device, progress, progress.state.error, factor),
  };
}

/** The error where a worker goes on from another state, in the middle of a step. */
export function errorAdopted(
  step: Record<'used' | 'unused', Kept> | undefined,
  { taken, again }: { readonly taken: boolean; readonly again: boolean },
): { error?: Kept } {
  if (step === undefined) return {};
  if (taken) return { error: step.used };
  return again ? {} : { error: step.unused };
}

/** Share of the elements that a packet carries, where it leaves some out. */
export function densityOf(packet: Uint8Array): { density?: number } {
  const { n, parameters } = described(glance(packet));
  // of a block's k all that is kept
  const kept = parameters.kept ?? parameters.k;
  return typeof kept === 'number' && n > 0 ? { density: kept / n } : {};
}
