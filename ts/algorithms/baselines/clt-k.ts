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
import { requirePacket } from '../admission.ts';
import { openPair, settle, type Kept } from '../kept.ts';
import { keptByWorker, Progress, scaleKept, type Reported } from '../progress.ts';
import { requireSeat, requireSender } from '../seat.ts';
import {
  accumulate,
  bytesOf,
  notGathered,
  ranksOf,
  requireMessages,
  sumOf,
  takeUnion,
  valuesAt,
} from '../steps.ts';
import type { System } from '../system.ts';
import { openDirection } from '../vectors.ts';
import { requireUnweighted } from '../weights.ts';

interface State extends Reported {
  readonly residual: Kept;
}

/** A step under way. */
interface Step {
  readonly acc: Kept;
  /** Whether this worker has a gradient in it. */
  readonly sent: boolean;
  /** What was selected, once the lists are in. */
  readonly indices?: Uint32Array;
}

/**
 * CLT-k: the share `ratio` of the elements, selected by one worker in turn. A worker holds three vectors of n elements
 * beside the gradient: two on the device for its residual, and the direction. Source: arXiv 2104.11125, without its
 * low-pass filter.
 *
 * @param options `ratio`, the share of n that all workers send
 * @returns the system, which makes workers and, where it has one, a server
 * @throws RangeError unless 0 < ratio <= 1
 * @example
 * const worker = cltK({ ratio: 0.01 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function cltK(options: { readonly ratio: number }): System {
  requireOptions('cltK', options, ['ratio']);
  const ratio = requireRatio(options?.ratio);
  return {
    name: 'cltK',
    worker(device, seat, into) {
      const place = requireSeat(seat, device);
      const { n } = place;
      const direction = openDirection(device, n, into);
      const pair = openPair(device, n);
      const progress = new Progress<State, Step>({ step: 0, report: {}, residual: pair.first });
      const lists = { compressor: 'indexList', n, parameters: { tag: 0 } };
      /** The indices in the list of a rank. */
      const listOf = (message: Uint8Array, sender: number): Uint32Array => {
        requirePacket(message, lists, sender);
        const { indices } = readIndexList(message);
        const expected = sender === progress.state.step % place.workers && n > 0 ? shareOf(ratio, n) : 0;
        if (indices.length !== expected)
          throw new PacketError(
            `${indices.length} of ${n} elements from rank ${sender}, expected ${expected} of ${n}`,
            16,
          );
        return indices;
      };
      return {
        async send(gradient, options) {
          requireUnweighted(gradient, n, options);
          progress.begin();
          const { step, residual } = progress.state;
          const acc = pair.other(residual);
          await accumulate(device, residual, gradient, acc);
          // 1. the one whose turn it is selects
          const selected =
            step % place.workers === place.rank && n > 0
              ? (await device.kernels.topK(acc, shareOf(ratio, n))).indices
              : new Uint32Array(0);
          progress.put({ acc: { vector: acc }, sent: true });
          return { route: 'gather', bytes: writeIndexList(selected, n, 0) };
        },
        async follow() {
          progress.begin();
          const { residual } = progress.state;
          await settle(device, residual);
          progress.put({ acc: residual, sent: false });
          return { route: 'gather', bytes: writeIndexList(new Uint32Array(0), n, 0) };
        },
        async receive(inbox, from, used) {
          const ranks = ranksOf(from, place.workers);
          const { step } = progress.state;
          const { acc, sent, indices } = progress.step;
          if (indices === undefined) {
            requireMessages('inbox', inbox, ranks.length);
            const all = ranks.map((sender, i) => listOf(inbox[i], sender));
            const chosen = all[ranks.indexOf(step % place.workers)] ?? new Uint32Array(0);
            progress.put({ acc, sent, indices: chosen });
            const values = await valuesAt(device, acc.vector, chosen);
            return { kind: 'message', message: { route: 'sum', bytes: bytesOf(values) } };
          }
          // 2. the mean at the indices; the rest waits
          const sums = sumOf(inbox, indices.length);
          const among = sent && (used ?? ranks.includes(place.rank));
          const values = sums.map((sum) => sum / ranks.length);
          await takeUnion(device, { indices, values }, among ? acc.vector : undefined, direction);
          const report = { density: indices.length / n, union: indices.length / n };
          progress.end({ step: step + 1, report, residual: acc });
          return { kind: 'direction', direction };
        },
        async check(message, sender) {
          requireSender(sender, place.workers);
          if (progress.underWay?.indices !== undefined) await notGathered();
          listOf(message, sender);
        },
        get report() {
          return progress.state.report;
        },
        free: () => pair.free(),
        ...keptByWorker(
          device,
          progress,
          { system: 'cltK', seat: place },
          () => ({ residual: progress.state.residual }),
          (underWay, { taken, again }): Partial<State> => {
            // what of it was in the sum is not known any more
            if (taken) return { residual: { vector: progress.state.residual.vector, sent: 'all' } };
            return underWay === undefined || again ? {} : { residual: underWay.acc };
          },
        ),
        scaleErrors: (factor) => scaleKept(device, progress, progress.state.residual, factor),
      };
    },
  };
}
