/**
 * Sparsified SGD with error feedback over an all-gather: each worker sends what it selected, and everyone adds up what
 * all sent. The union of the selections grows with the number of workers ("build-up"), which is what ExDyna and CLT-k
 * do away with.
 *
 * 1. worker r: acc_r = residual_r + g_r; sends C(acc_r), a list of elements; residual_r = acc_r - C(acc_r).
 * 2. everyone: the mean of all C(acc_r) is the direction. One whose list was not among them keeps all of it: residual_r
 *    = acc_r.
 */
import { requireOptions } from '../../arguments.ts';
import type { Compressor } from '../../compressors/compressor.ts';
import { requireRatio } from '../../compressors/count.ts';
import { threshold } from '../../compressors/threshold.ts';
import { topK } from '../../compressors/top-k.ts';
import { packetsOf, requirePacket, requireSoundPacket } from '../admission.ts';
import { densityOf, errorAdopted, nextOf } from '../parameter-server.ts';
import { keptByWorker, openVectors, Progress, type Reported } from '../progress.ts';
import { requireSeat, requireSender } from '../seat.ts';
import { addMean, blameOverflow, ranksOf, requireMessages, squeezeWithError } from '../steps.ts';
import type { System } from '../system.ts';
import { nonFiniteIn, requireVector } from '../vectors.ts';

interface State extends Reported {
  readonly error: Float32Array;
}

/** What the residual becomes where the list was used, and where it was not. */
type Step = Record<'used' | 'unused', { readonly error: Float32Array }>;

function allGather(name: string, compressor: Compressor): System {
  return {
    name,
    worker(device, seat) {
      const { n, workers, rank } = requireSeat(seat, device);
      const packets = packetsOf(compressor, n);
      const vectors = openVectors(n, 3);
      const direction = new Float32Array(n);
      const progress = new Progress<State, Step>({ step: 0, report: {}, error: vectors.first });
      return {
        async send(gradient) {
          requireVector('gradient', gradient, n);
          progress.begin();
          const { step, error } = progress.state;
          const [sum, rest] = vectors.free(error);
          const draw = { step, stream: rank };
          const { packet } = await squeezeWithError(device, compressor, gradient, error, { sum, rest }, draw);
          progress.put(nextOf({ sum, rest }));
          return { route: 'gather', bytes: packet };
        },
        async follow() {
          progress.begin();
          const { error } = progress.state;
          progress.put({ used: { error }, unused: { error } });
          return { route: 'gather', bytes: new Uint8Array(0) };
        },
        async receive(inbox, from, used) {
          const ranks = ranksOf(from, workers);
          const step = progress.step;
          requireMessages('inbox', inbox, ranks.length);
          inbox.forEach((packet, i) => requirePacket(packet, packets, ranks[i]));
          // which elements anyone sent
          const touched = new Set<number>();
          for (const packet of inbox) {
            await device.decompress(packet, { into: direction });
            for (let i = 0; i < n; i++) if (direction[i] !== 0) touched.add(i);
          }
          // the mean
          direction.fill(0);
          await addMean(device, inbox, direction);
          const bad = nonFiniteIn(direction);
          if (bad.count > 0)
            await blameOverflow(device, inbox, ranks, `the mean of ${inbox.length} packets`, bad);
          const { error } = (used ?? ranks.includes(rank)) ? step.used : step.unused;
          const own = inbox[ranks.indexOf(rank)];
          const report = { ...(own && densityOf(own)), union: touched.size / n };
          progress.end({ step: progress.state.step + 1, report, error });
          return { kind: 'direction', direction };
        },
        check: async (message, sender) =>
          requireSoundPacket(device, message, packets, requireSender(sender, workers)),
        get report() {
          return progress.state.report;
        },
        ...keptByWorker(
          progress,
          {
            of: `${name}, worker ${rank} of ${workers}, ${n} elements`,
            common: `${name}, ${workers} workers, ${n} elements`,
          },
          () => ({ residual: progress.state.error }),
          errorAdopted,
        ),
      };
    },
  };
}

/**
 * Local top-k with an all-gather: each worker selects the k largest of its own vector.
 *
 * @param options `ratio`, the share of n that each worker sends
 * @returns the system, which makes workers and, where it has one, a server
 * @throws RangeError unless 0 < ratio <= 1
 * @example
 * const worker = topKAllGather({ ratio: 0.01 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function topKAllGather(options: { readonly ratio: number }): System {
  requireOptions('topKAllGather', options, ['ratio']);
  return allGather('topKAllGather', topK({ ratio: requireRatio(options?.ratio) }));
}

/**
 * A fixed threshold with an all-gather: each worker selects all |acc_i| >= t. The density follows from the data.
 * Source: arXiv 2108.00951.
 *
 * @param options `t`, the least magnitude that is sent, in units of acc
 * @returns the system, which makes workers and, where it has one, a server
 * @throws RangeError unless t is finite and not negative
 * @example
 * const worker = hardThreshold({ t: 0.01 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function hardThreshold(options: { readonly t: number }): System {
  requireOptions('hardThreshold', options, ['t']);
  return allGather('hardThreshold', threshold(options));
}
