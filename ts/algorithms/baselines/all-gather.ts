/**
 * Sparsified SGD with error feedback over an all-gather: each worker sends what it selected, and everyone adds up what
 * all sent. The union of the selections grows with the number of workers ("build-up"), which is what ExDyna and CLT-k do
 * away with.
 *
 * 1. worker r: acc_r = residual_r + g_r; sends C(acc_r), a list of elements; residual_r = acc_r - C(acc_r).
 * 2. everyone: the mean of all C(acc_r) is the direction. One whose list was not among them keeps all of it: residual_r =
 *    acc_r.
 */
import { requireOptions } from '../../arguments.ts';
import type { Compressor } from '../../compressors/compressor.ts';
import { requireRatio } from '../../compressors/count.ts';
import { threshold } from '../../compressors/threshold.ts';
import { topK } from '../../compressors/top-k.ts';
import { keptShare } from '../parameter-server.ts';
import { shared, stateful } from '../state.ts';
import { addMean, ranksOf, requireMessages, requirePacket, squeezeWithError } from '../steps.ts';
import type { StepReport, System } from '../system.ts';
import { requireVector } from '../vectors.ts';

function allGather(name: string, compressor: Compressor): System {
  return {
    name,
    worker(device, { n, workers, rank }) {
      const residual = new Float32Array(n);
      const direction = new Float32Array(n);
      const acc = new Float32Array(n);
      const scratch = new Float32Array(n);
      let step = 0;
      /** Whether `residual` is what a packet of this step left of `acc`. */
      let sent = false;
      let report: StepReport = {};
      const numbers = (): { step: number } => ({ step });
      const restore = (saved: { step: number }): void => {
        ({ step } = saved);
      };
      const takeBack = (taken = false): void => {
        if (sent && !taken) residual.set(acc);
        sent = false;
      };
      return {
        async send(gradient) {
          requireVector('gradient', gradient, n);
          takeBack();
          const draw = { step, stream: rank };
          const bytes = await squeezeWithError(device, compressor, gradient, residual, acc, draw);
          sent = true;
          return { route: 'gather', bytes };
        },
        async follow() {
          takeBack();
          return { route: 'gather', bytes: new Uint8Array(0) };
        },
        async receive(inbox, from, used) {
          const ranks = ranksOf(from, workers);
          requireMessages('inbox', inbox, ranks.length);
          // the mean, and which elements anyone sent
          const mean = new Float32Array(n);
          const touched = new Set<number>();
          for (const packet of inbox) {
            await device.decompress(packet, { into: scratch });
            for (let i = 0; i < n; i++) if (scratch[i] !== 0) touched.add(i);
          }
          await addMean(device, inbox, mean);
          direction.set(mean);
          if (!(used ?? ranks.includes(rank))) takeBack();
          const own = inbox[ranks.indexOf(rank)];
          report = { ...(own && { density: keptShare(own) }), union: touched.size / n };
          sent = false;
          step++;
          return { kind: 'direction', direction };
        },
        check: (message) => requirePacket(device, message, n),
        get report() {
          return report;
        },
        ...stateful(
          `${name}, worker ${rank} of ${workers}, ${n} elements`,
          { residual },
          numbers,
          (saved) => {
            restore(saved);
            sent = false;
          },
        ),
        ...shared(`${name}, ${workers} workers, ${n} elements`, numbers, restore, takeBack),
      };
    },
  };
}

/**
 * Local top-k with an all-gather: each worker selects the k largest of its own vector.
 *
 * @throws RangeError unless 0 < ratio <= 1
 * @example
 * const worker = topKAllGather({ ratio: 0.01 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function topKAllGather(options: { readonly ratio: number }): System {
  requireOptions('topKAllGather', options, ['ratio']);
  return allGather('topKAllGather', topK({ ratio: requireRatio(options?.ratio) }));
}

/**
 * A fixed threshold with an all-gather: each worker selects all |acc_i| >= t. The density is whatever comes of it.
 * Source: arXiv 2108.00951.
 *
 * @throws RangeError unless t is finite and not negative
 * @example
 * const worker = hardThreshold({ t: 0.01 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function hardThreshold(options: { readonly t: number }): System {
  requireOptions('hardThreshold', options, ['t']);
  return allGather('hardThreshold', threshold(options));
}
