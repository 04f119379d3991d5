/**
 * Sparsified SGD with error feedback over an all-gather: each worker sends what it selected, and everyone adds up what
 * all sent. The union of the selections grows with the number of workers ("build-up"), which is what ExDyna and CLT-k do
 * away with.
 *
 * 1. worker r: acc_r = residual_r + g_r; sends C(acc_r), a list of elements; residual_r = acc_r - C(acc_r).
 * 2. everyone: the mean of all C(acc_r) is the direction.
 */
import type { Compressor } from '../../compressors/compressor.ts';
import { threshold } from '../../compressors/threshold.ts';
import { topK } from '../../compressors/top-k.ts';
import { keptShare } from '../parameter-server.ts';
import { stateful } from '../state.ts';
import { addMean, requireGradient, requireMessages, squeezeWithError } from '../steps.ts';
import type { StepReport, System } from '../system.ts';

function allGather(name: string, compressor: Compressor): System {
  return {
    name,
    worker(device, { n, workers, rank }) {
      const residual = new Float32Array(n);
      const direction = new Float32Array(n);
      const scratch = new Float32Array(n);
      let step = 0;
      let report: StepReport = {};
      return {
        async send(gradient) {
          requireGradient(gradient, n);
          const draw = { step, stream: rank };
          const bytes = await squeezeWithError(device, compressor, gradient, residual, scratch, draw);
          return { route: 'gather', bytes };
        },
        async receive(inbox) {
          requireMessages('inbox', inbox, workers);
          // the mean, and which elements anyone sent
          const mean = new Float32Array(n);
          const touched = new Set<number>();
          for (const packet of inbox) {
            await device.decompress(packet, { into: scratch });
            for (let i = 0; i < n; i++) if (scratch[i] !== 0) touched.add(i);
          }
          await addMean(device, inbox, mean);
          direction.set(mean);
          report = { density: keptShare(inbox[rank]), union: touched.size / n };
          step++;
          return { kind: 'direction', direction };
        },
        get report() {
          return report;
        },
        ...stateful(
          `${name}, worker ${rank} of ${workers}, ${n} elements`,
          { residual },
          () => ({ step }),
          (saved) => ({ step } = saved),
        ),
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
  return allGather('topKAllGather', topK(options));
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
  return allGather('hardThreshold', threshold(options));
}
