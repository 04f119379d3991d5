/** The server of local steps, where workers do not exchange among themselves: step 4 of local-steps.ts. */
import type { Compressor } from '../compressors/compressor.ts';
import type { Device } from '../device.ts';
import { NonFiniteError } from '../errors.ts';
import { packetsOf, requirePacket, requireSoundPacket } from './admission.ts';
import { openPair, squeeze, type Kept } from './kept.ts';
import { updateOf } from './local-round.ts';
import type { LocalRules } from './local-worker.ts';
import { nextOf } from './parameter-server.ts';
import { keptByServer, Progress, type Numbered } from './progress.ts';
import { blameOverflow, ranksOf, requireMessages } from './steps.ts';
import type { Movable } from './seat.ts';
import type { Seat, Server } from './system.ts';
import { nonFiniteIn } from './vectors.ts';
import { parted, unweighted } from './weights.ts';

interface State extends Numbered {
  readonly error: Kept;
}

/** Memory on the device: two vectors, for E; while it answers, sums in float64 and u in memory. */
export function openServer(
  device: Device,
  seat: Movable<Omit<Seat, 'rank'>>,
  rules: LocalRules & { readonly answers: Compressor },
): Server {
  const { n } = seat;
  const { name, compressor, answers } = rules;
  const packets = packetsOf(compressor, n);
  packetsOf(answers, n);
  const pair = openPair(device, n);
  const progress = new Progress<State>({ step: 0, error: pair.first });
  return {
    async answer(messages, from) {
      const ranks = ranksOf(from, seat.workers);
      requireMessages('messages', messages, ranks.length);
      const { bytes, weights } = parted(messages);
      bytes.forEach((packet, i) => requirePacket(packet, packets, ranks[i]));
      const { values } = await updateOf(device, bytes, n, rules, weights);
      const what = `the mean of ${bytes.length} packets`;
      const found = nonFiniteIn(values);
      if (found.count > 0) await blameOverflow(device, bytes, ranks, what, found);
      const { step, error } = progress.state;
      progress.begin();
      const sum = pair.other(error);
      try {
        // C'(u + E); E is what that loses
        const packet = await squeeze(device, answers, values, error, sum, { step, stream: seat.workers });
        progress.end({ step: step + 1, error: nextOf(sum, packet).used });
        return packet;
      } catch (reason) {
        if (!(reason instanceof NonFiniteError)) throw reason;
        return blameOverflow(device, bytes, ranks, `${what} and the server's error`, reason);
      }
    },
    async check(message) {
      await requireSoundPacket(device, unweighted(message).bytes, packets);
    },
    free: () => pair.free(),
    ...keptByServer(device, progress, { system: name, seat }, () => ({ error: progress.state.error })),
  };
}
