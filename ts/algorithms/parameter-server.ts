/**
 * What the systems with a server share: workers send what one compressor makes of their gradients, the server averages
 * and answers with what another makes of the mean. Whoever compresses may keep what the packet lost and add it to what is
 * compressed next (error feedback).
 */
import type { Compressor } from '../compressors/compressor.ts';
import { inspect } from '../inspect.ts';
import { shared, stateful } from './state.ts';
import {
  addMean,
  only,
  ranksOf,
  requireGradient,
  requireMessages,
  requirePacket,
  notGathered,
  SILENT,
  squeezeWithError,
} from './steps.ts';
import type { System } from './system.ts';

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
    worker(device, { n, workers, rank }) {
      const error = new Float32Array(up.feedback ? n : 0);
      const sum = new Float32Array(up.feedback ? n : 0);
      const direction = new Float32Array(n);
      let step = 0;
      /** Whether `error` is what a packet of this step left of `sum`. */
      let sent = false;
      let density: number | undefined;
      const numbers = (): { step: number } => ({ step });
      const restore = (saved: { step: number }): void => {
        ({ step } = saved);
      };
      const takeBack = (taken = false): void => {
        if (sent && !taken) error.set(sum);
        sent = false;
      };
      return {
        async send(gradient) {
          requireGradient(gradient, n);
          takeBack();
          const draw = { step, stream: rank };
          const bytes = up.feedback
            ? await squeezeWithError(device, up.compressor, gradient, error, sum, draw)
            : await device.compress(up.compressor, gradient, draw);
          sent = up.feedback;
          density = keptShare(bytes);
          return { route: 'server', bytes };
        },
        async follow() {
          takeBack();
          return SILENT;
        },
        async receive(inbox, from, used) {
          const ranks = ranksOf(from, workers);
          await device.decompress(only(inbox), { into: direction });
          if (!(used ?? ranks.includes(rank))) takeBack();
          sent = false;
          step++;
          return { kind: 'direction', direction };
        },
        check: notGathered,
        get report() {
          return density === undefined ? {} : { density };
        },
        ...stateful(`${name}, worker ${rank} of ${workers}, ${n} elements`, { error }, numbers, (saved) => {
          restore(saved);
          sent = false;
        }),
        ...shared(`${name}, ${workers} workers, ${n} elements`, numbers, restore, takeBack),
      };
    },
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

/** Share of the elements that a packet carries, where it leaves some out. */
export function keptShare(packet: Uint8Array): number | undefined {
  const { n, parameters } = inspect(packet);
  return typeof parameters.k === 'number' && n > 0 ? parameters.k / n : undefined;
}
