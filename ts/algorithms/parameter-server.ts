/**
 * What the systems with a server share: workers send what one compressor makes of their gradients, the server averages
 * and answers with what another makes of the mean. Whoever compresses may keep what the packet lost and add it to what is
 * compressed next (error feedback).
 */
import type { Compressor } from '../compressors/compressor.ts';
import type { CompressOptions, Device } from '../device.ts';
import { inspect } from '../inspect.ts';
import { shared, stateful } from './state.ts';
import {
  addMean,
  only,
  ranksOf,
  requireMessages,
  requirePacket,
  notGathered,
  SILENT,
  squeezeWithError,
} from './steps.ts';
import type { Seat, System, Worker } from './system.ts';
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
 * Of a round over some of the workers the mean is over these. A worker that is not among them has its packet back in its
 * error, e_r = p_r, so that nothing of it is lost; where it keeps none, its gradient is dropped.
 *
 * Draws are keyed by the step and the rank; those of the server by the number of workers.
 */
export function parameterServer(name: string, up: Direction, down: Direction): System {
  return {
    name,
    worker: (device, seat) =>
      openWorker(name, device, seat, openSender(device, up, seat.n), new Float32Array(seat.n)),
    // an error is kept in memory, and gradients are added to it there
    ...(!up.feedback && {
      workerInto: (device, seat, into) =>
        openWorker(name, device, seat, openSender(device, up, seat.n), into),
    }),
    server(device, { n, workers }) {
      const error = new Float32Array(down.feedback ? n : 0);
      const sum = new Float32Array(n);
      const mean = new Float32Array(n);
      let step = 0;
      return {
        async answer(messages, from) {
          requireMessages('messages', messages, ranksOf(from, workers).length);
          mean.fill(0);
          await addMean(device, messages, mean);
          const draw = { step, stream: workers };
          const packet = down.feedback
            ? await squeezeWithError(device, down.compressor, mean, error, sum, draw)
            : await device.compress(down.compressor, mean, draw);
          step++;
          return packet;
        },
        check: (message) => requirePacket(device, message, n),
        ...stateful(
          `${name}, server of ${workers}, ${n} elements`,
          { error },
          () => ({ step }),
          (saved) => ({ step } = saved),
        ),
      };
    },
  };
}

/** What makes packets of a worker's gradients. */
interface Sender {
  squeeze(gradient: Vector, draw: CompressOptions): Promise<Uint8Array>;
  /** Ends the step of the last packet: what it brought is in the error again, unless it was `taken`. */
  readonly settle: (taken: boolean) => void;
  /** What is kept from step to step. */
  readonly vectors: { readonly error: Float32Array };
}

function openSender(device: Device, { compressor, feedback }: Direction, n: number): Sender {
  const error = new Float32Array(feedback ? n : 0);
  if (!feedback)
    return {
      squeeze: (gradient, draw) => device.compress(compressor, gradient, draw),
      settle: () => {},
      vectors: { error },
    };
  const sum = new Float32Array(n);
  /** Whether `error` is what a packet of this step left of `sum`. */
  let sent = false;
  return {
    async squeeze(gradient, draw) {
      const bytes = await squeezeWithError(device, compressor, gradient, error, sum, draw);
      sent = true;
      return bytes;
    },
    settle(taken) {
      if (sent && !taken) error.set(sum);
      sent = false;
    },
    vectors: { error },
  };
}

/** The worker's side, steps 1 and 3; its directions are written to `direction`. */
function openWorker<Place extends Vector>(
  name: string,
  device: Device,
  { n, workers, rank }: Seat,
  sender: Sender,
  direction: Place,
): Worker<Place> {
  let step = 0;
  let density: number | undefined;
  const numbers = (): { step: number } => ({ step });
  const restore = (saved: { step: number }): void => {
    ({ step } = saved);
  };
  return {
    async send(gradient) {
      requireVector('gradient', gradient, n);
      sender.settle(false);
      const bytes = await sender.squeeze(gradient, { step, stream: rank });
      density = keptShare(bytes);
      return { route: 'server', bytes };
    },
    async follow() {
      sender.settle(false);
      return SILENT;
    },
    async receive(inbox, from, used) {
      const ranks = ranksOf(from, workers);
      await device.decompress(only(inbox), { into: direction });
      sender.settle(used ?? ranks.includes(rank));
      step++;
      return { kind: 'direction', direction };
    },
    check: notGathered,
    get report() {
      return density === undefined ? {} : { density };
    },
    ...stateful(`${name}, worker ${rank} of ${workers}, ${n} elements`, sender.vectors, numbers, (saved) => {
      restore(saved);
      // the error is the saved one now
      sender.settle(true);
    }),
    ...shared(`${name}, ${workers} workers, ${n} elements`, numbers, restore, sender.settle),
  };
}

/** Share of the elements that a packet carries, where it leaves some out. */
export function keptShare(packet: Uint8Array): number | undefined {
  const { n, parameters } = inspect(packet);
  return typeof parameters.k === 'number' && n > 0 ? parameters.k / n : undefined;
}
