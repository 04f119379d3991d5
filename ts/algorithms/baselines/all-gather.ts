/**
 * Sparsified SGD with error feedback over an all-gather: each worker sends what it selected, and everyone adds up what
 * all sent. The union of the selections grows with the number of workers ("build-up"), which is what ExDyna and CLT-k
 * do away with.
 *
 * 1. worker r: acc_r = residual_r + g_r; sends C(acc_r), a list of elements; residual_r = acc_r - C(acc_r).
 * 2. everyone: the mean of all C(acc_r), by the weights of messages, is the direction. One whose list was not among
 *    them keeps all of it: residual_r = acc_r.
 */
import { requireOptions } from '../../arguments.ts';
import { codecOf } from '../../compressors/codecs.ts';
import type { Compressor } from '../../compressors/compressor.ts';
import { requireRatio } from '../../compressors/count.ts';
import { openPacket, sumOf } from '../../compressors/decode.ts';
import type { Decoded } from '../../compressors/decoded.ts';
import { threshold } from '../../compressors/threshold.ts';
import { topK } from '../../compressors/top-k.ts';
import type { Device } from '../../device.ts';
import { lengthOf, requireLength } from '../../kernels/device-vector.ts';
import { keyOfPower, MAGNITUDE } from '../../kernels/float-bits.ts';
import { nonFiniteError } from '../../kernels/reduce.ts';
import { touchOf } from '../../schedule.ts';
import { packetsOf, requirePacket, requireSoundPacket } from '../admission.ts';
import { openPair, squeeze, type Kept } from '../kept.ts';
import { densityOf, errorAdopted, nextOf } from '../parameter-server.ts';
import { keptByWorker, Progress, scaleKept, type Reported } from '../progress.ts';
import { requireSeat, requireSender } from '../seat.ts';
import { blameOverflow, ranksOf, requireMessages } from '../steps.ts';
import type { System } from '../system.ts';
import { openDirection, type Vector } from '../vectors.ts';
import { parted, requireWeight, sumOf as weightOf, unweighted, weighted, type Parted } from '../weights.ts';

interface State extends Reported {
  readonly error: Kept;
}

/** What the residual becomes where the list was used, and where it was not. */
type Step = Record<'used' | 'unused', Kept>;

/** Memory on the device: two vectors; the direction beside them. */
function allGather(name: string, compressor: Compressor): System {
  return {
    name,
    worker(device, seat, into) {
      const place = requireSeat(seat, device);
      const { n } = place;
      const packets = packetsOf(compressor, n);
      const direction = openDirection(device, n, into);
      const pair = openPair(device, n);
      const progress = new Progress<State, Step>({ step: 0, report: {}, error: pair.first });
      return {
        async send(gradient, options) {
          requireLength('gradient', gradient, n);
          const weight = requireWeight(options?.weight);
          progress.begin();
          const { step, error } = progress.state;
          const sum = pair.other(error);
          const draw = { step, stream: place.rank };
          const packet = await squeeze(device, compressor, gradient, error, sum, draw);
          progress.put(nextOf(sum, packet));
          return { route: 'gather', bytes: weighted(packet, weight) };
        },
        async follow() {
          progress.begin();
          const { error } = progress.state;
          progress.put({ used: error, unused: error });
          return { route: 'gather', bytes: new Uint8Array(0) };
        },
        async receive(inbox, from, used) {
          const ranks = ranksOf(from, place.workers);
          const step = progress.step;
          requireMessages('inbox', inbox, ranks.length);
          const given = parted(inbox);
          const { bytes } = given;
          bytes.forEach((packet, i) => requirePacket(packet, packets, ranks[i]));
          const { bad, union } = await meanOfLists(device, given, direction);
          if (bad.count > 0)
            await blameOverflow(device, bytes, ranks, `the mean of ${bytes.length} packets`, bad);
          const own = ranks.indexOf(place.rank);
          const density = own < 0 ? {} : densityOf(bytes[own]);
          const report = { ...density, union: union / n };
          progress.end({
            step: progress.state.step + 1,
            report,
            error: (used ?? own >= 0) ? step.used : step.unused,
          });
          return { kind: 'direction', direction };
        },
        check: async (message, sender) =>
          requireSoundPacket(
            device,
            unweighted(message).bytes,
            packets,
            requireSender(sender, place.workers),
          ),
        get report() {
          return progress.state.report;
        },
        free: () => pair.free(),
        ...keptByWorker(
          device,
          progress,
          { system: name, seat: place },
          () => ({ residual: progress.state.error }),
          errorAdopted,
        ),
        scaleErrors: (factor) => scaleKept(device, progress, progress.state.error, factor),
      };
    },
  };
}

/**
 * The mean of sparse packets, by their weights, added in their order: how many elements any of them has that is not
 * zero, and what of the mean is not finite.
 */
function meanOfLists(
  device: Device,
  { bytes: packets, weights }: Parted,
  direction: Vector,
): Promise<{ bad: { count: number; first: number }; union: number }> {
  const n = lengthOf(direction);
  const touches = [
    ...packets.map((packet) => touchOf(packet, 'reads', true)),
    touchOf(direction, 'writes', false),
  ];
  return device.use(function* (scope) {
    const opened = packets.map((packet) => openPacket(scope, packet, { codecOf, maxElements: n }));
    const { union, largest } = unionOf(n, opened);
    const bad = { count: 0, first: 0 };
    if (n === 0) return { bad, union };
    const total = weights === undefined ? packets.length : weightOf(weights);
    const shares = packets.map((_, i) => (weights?.[i] ?? 1) / total);
    yield* sumOf(scope, opened, shares, direction);
    // a mean of magnitudes below 2^126 is finite
    if (largest < keyOfPower(126)) return { bad, union };
    return { bad: yield* nonFiniteError(scope, scope.vector(direction)), union };
  }, touches);
}

/** How many of n elements are not zero in any of the packets, and the key of the largest magnitude. */
function unionOf(n: number, packets: readonly Decoded[]): { union: number; largest: number } {
  const marks = new Uint32Array(Math.ceil(n / 32));
  let [union, largest] = [0, 0];
  for (const { list } of packets) {
    const { indices, values } = list ?? NO_LIST;
    for (let j = 0; j < indices.length; j++) {
      const [i, key] = [indices[j], values[j] & MAGNITUDE];
      const bit = 1 << (i & 31);
      if (key > largest) largest = key;
      if (key === 0 || (marks[i >>> 5] & bit) !== 0) continue;
      marks[i >>> 5] |= bit;
      union++;
    }
  }
  return { union, largest };
}

const NO_LIST = { indices: new Uint32Array(0), values: new Uint32Array(0) };

/**
 * Local top-k with an all-gather: each worker selects the k largest of its own vector. A worker holds three vectors of
 * n elements beside the gradient: two on the device for its residual, and the direction.
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
 * A fixed threshold with an all-gather: each worker selects all |acc_i| >= t. The density follows from the data. A
 * worker holds as much as one of `topKAllGather`. Source: arXiv 2108.00951.
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
