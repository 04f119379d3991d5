/**
 * Cyclic local top-k, CLT-k: C.-Y. Chen et al., "ScaleCom: Scalable Sparsified Gradient Compression for
 * Communication-Efficient Distributed Training", arXiv 2104.11125. One worker in turn selects for all, so there is no
 * build-up; the others' own largest elements wait.
 *
 * 1. rank t mod N: sends the indices of the k largest of its acc = residual + g; the others send nothing.
 * 2. all: the sum of acc at these indices, divided by N, is the direction; the residual is acc, zero at the indices.
 *
 * Where the one whose turn it is has not sent, the step moves nothing: all keep their acc.
 */
import { requireOptions } from '../../arguments.ts';
import { keptShare as shareOf, requireRatio } from '../../compressors/count.ts';
import { readIndexList, writeIndexList } from '../../compressors/index-list.ts';
import { PacketError } from '../../errors.ts';
import { shared, stateful } from '../state.ts';
import { accumulate, bytesOf, finiteFloatsOf, only, ranksOf, requireMessages, takeMean } from '../steps.ts';
import type { StepReport, System } from '../system.ts';
import { requireVector } from '../vectors.ts';

/**
 * CLT-k: the share `ratio` of the elements, selected by one worker in turn. Source: arXiv 2104.11125, without its
 * low-pass filter.
 *
 * @throws RangeError unless 0 < ratio <= 1
 * @example
 * const worker = cltK({ ratio: 0.01 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function cltK(options: { readonly ratio: number }): System {
  requireOptions('cltK', options, ['ratio']);
  const ratio = requireRatio(options?.ratio);
  return {
    name: 'cltK',
    worker(device, { n, workers, rank }) {
      const residual = new Float32Array(n);
      const acc = new Float32Array(n);
      const direction = new Float32Array(n);
      let step = 0;
      let indices: Uint32Array | undefined;
      let report: StepReport = {};
      const numbers = (): { step: number } => ({ step });
      const restore = (saved: { step: number }): void => {
        ({ step } = saved);
      };
      /** The indices in the list of a rank. */
      const listOf = (message: Uint8Array, sender: number): Uint32Array => {
        const list = readIndexList(message);
        const expected = sender === step % workers && n > 0 ? shareOf(ratio, n) : 0;
        if (list.length !== n || list.tag !== 0 || list.indices.length !== expected)
          throw new PacketError(
            `${list.indices.length} of ${list.length} elements from rank ${sender}, expected ${expected} of ${n}`,
            8,
          );
        return list.indices;
      };
      return {
        async send(gradient) {
          requireVector('gradient', gradient, n);
          await accumulate(device, residual, gradient, acc);
          indices = undefined;
          // 1. the one whose turn it is selects
          const selected =
            step % workers === rank && n > 0
              ? (await device.kernels.topK(acc, shareOf(ratio, n))).indices
              : new Uint32Array(0);
          return { route: 'gather', bytes: writeIndexList(selected, n, 0) };
        },
        async follow() {
          acc.set(residual);
          indices = undefined;
          return { route: 'gather', bytes: writeIndexList(new Uint32Array(0), n, 0) };
        },
        async receive(inbox, from, used) {
          const ranks = ranksOf(from, workers);
          if (indices === undefined) {
            requireMessages('inbox', inbox, ranks.length);
            const lists = ranks.map((sender, i) => listOf(inbox[i], sender));
            indices = lists[ranks.indexOf(step % workers)] ?? new Uint32Array(0);
            const values = Float32Array.from(indices, (i) => acc[i]);
            return { kind: 'message', message: { route: 'sum', bytes: bytesOf(values) } };
          }
          // 2. the mean at the indices; the rest waits
          const sums = finiteFloatsOf(only(inbox), indices.length);
          const [count, among] = [ranks.length, used ?? ranks.includes(rank)];
          takeMean(indices, sums, { count, among }, acc, residual, direction);
          report = { density: indices.length / n, union: indices.length / n };
          step++;
          return { kind: 'direction', direction };
        },
        async check(message, sender) {
          listOf(message, sender);
        },
        get report() {
          return report;
        },
        ...stateful(`cltK, worker ${rank} of ${workers}, ${n} elements`, { residual }, numbers, restore),
        ...shared(`cltK, ${workers} workers, ${n} elements`, numbers, restore, (taken) => {
          // what of it was in the sum is not known any more
          if (taken) residual.fill(0);
        }),
      };
    },
  };
}
