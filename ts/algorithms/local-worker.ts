/** A worker of local steps: what local-steps.ts says that it does, in its steps 2 to 5. */
import { requireFloat32Array, requireInteger } from '../arguments.ts';
import type { Compressor } from '../compressors/compressor.ts';
import { codecOf } from '../compressors/codecs.ts';
import { openPacket } from '../compressors/decode.ts';
import type { Device } from '../device.ts';
import { isArray, requireLength } from '../kernels/device-vector.ts';
import { sumSquares } from '../kernels/reduce.ts';
import type { Steps } from '../kernels/scope.ts';
import { crc32 } from '../packet/crc32.ts';
import { touchOf } from '../schedule.ts';
import { packetsOf, requirePacket, requireSoundPacket } from './admission.ts';
import { squeezeChange } from './change.ts';
import { copy, inTurn, openPair, settle, type Kept } from './kept.ts';
import {
  descended,
  normOf,
  updateOf,
  type Averaging,
  type Common,
  type Outer,
  type Update,
} from './local-round.ts';
import { densityOf, errorAdopted, nextOf } from './parameter-server.ts';
import { keptByWorker, Progress, type Reported } from './progress.ts';
import { requireSender, type MovableSeat } from './seat.ts';
import { blameOverflow, notGathered, only, ranksOf, requireMessages, SILENT } from './steps.ts';
import type { Message, Model, SendOptions, StepReport, Worker } from './system.ts';
import { nonFiniteIn, openDirection, requireInRange, type Vector } from './vectors.ts';
import { parted, requireWeight, unweighted, weighted } from './weights.ts';

/** The settings of a system, sound. */
export interface LocalRules extends Averaging, Outer {
  readonly name: string;
  /** C, of the workers. */
  readonly compressor: Compressor;
  /** What an error is multiplied by before it is sent with the next change. */
  readonly decay: number;
  /** C', of the server; undefined among peers. */
  readonly answers: Compressor | undefined;
}

interface State extends Reported, Common {
  readonly error: Kept;
}

/** A round under way: what the error is after it, and what this worker said. */
interface Step extends Record<'used' | 'unused', Kept> {
  /** The common model that it began with. */
  readonly parameters: Float32Array;
  /** The caller's model, which takes the next one. */
  readonly model: Float32Array | undefined;
  readonly report: StepReport;
}

/**
 * Memory on the device: two vectors, for the error. In memory: the model, its velocity, and the outcome, and while a
 * round ends its sums in float64.
 */
export function openWorker<Where extends Vector>(
  device: Device,
  seat: MovableSeat,
  into: Where | undefined,
  rules: LocalRules,
): Worker<Where> {
  const { n } = seat;
  const { name, compressor, decay, answers, momentum } = rules;
  const packets = packetsOf(compressor, n);
  const expected = answers && packetsOf(answers, n);
  const outcome = openDirection(device, n, into);
  const pair = openPair(device, n);
  const progress = new Progress<State, Step>({
    step: 0,
    report: {},
    error: pair.first,
    parameters: new Float32Array(n),
    velocity: new Float32Array(momentum > 0 ? n : 0),
  });

  /** The model that the round begins with, and where the next one goes. */
  const begin = (given: Partial<Model> = {}): Pick<Step, 'parameters' | 'model'> => {
    const { parameters: model } = given;
    if (model !== undefined)
      requireInteger('model.parameters.length', requireFloat32Array('model.parameters', model).length, n, n);
    progress.begin();
    const { step, parameters } = progress.state;
    // what all begin with is the caller's to say
    return { model, parameters: step === 0 && model !== undefined ? model.slice() : parameters };
  };

  const silent = (): Message =>
    answers === undefined ? { route: 'gather', bytes: new Uint8Array(0) } : SILENT;

  /** 4. u, of the packets of all or of the answer. */
  const updated = async (inbox: readonly Uint8Array[], ranks: readonly number[]): Promise<Update> => {
    if (expected !== undefined) {
      const answer = only(inbox);
      requirePacket(answer, expected);
      const update = await updateOf(device, [answer], n, { average: 'all' });
      requireInRange(nonFiniteIn(update.values), 'the answer');
      return update;
    }
    requireMessages('inbox', inbox, ranks.length);
    const { bytes, weights } = parted(inbox);
    bytes.forEach((packet, i) => requirePacket(packet, packets, ranks[i]));
    const update = await updateOf(device, bytes, n, rules, weights);
    const found = nonFiniteIn(update.values);
    if (found.count > 0)
      await blameOverflow(device, bytes, ranks, `the mean of ${bytes.length} packets`, found);
    return update;
  };

  return {
    async send(local: Vector, { weight: given, ...model }: SendOptions = {}) {
      requireLength('local', local, n);
      const weight = requireWeight(given);
      const begun = begin(model);
      const { step, error } = progress.state;
      const acc = pair.other(error);
      const change = { theta: begun.parameters, local };
      const packet = await inTurn(
        settle(device, error),
        squeezeChange(
          device,
          compressor,
          change,
          { error: error.vector, decay, sum: acc },
          { step, stream: seat.rank },
        ),
      );
      progress.put({ ...begun, ...nextOf(acc, packet), report: densityOf(packet) });
      const route = answers === undefined ? 'gather' : 'server';
      return { route, bytes: weighted(packet, weight) };
    },
    async follow(model) {
      const begun = begin(model);
      const { error } = progress.state;
      progress.put({ ...begun, used: error, unused: error, report: {} });
      return silent();
    },
    async receive(inbox, from, used) {
      const ranks = ranksOf(from, seat.workers);
      const { parameters, model, report, ...step } = progress.step;
      const { values, union } = await updated(inbox, ranks);
      // 5. theta -= rate d
      const next = descended({ parameters, velocity: progress.state.velocity }, values, rules);
      for (const vector of [next.velocity, next.parameters])
        requireInRange(nonFiniteIn(vector), 'the model after the round');
      const error = (used ?? ranks.includes(seat.rank)) ? step.used : step.unused;
      const said: StepReport = {
        ...report,
        ...(expected === undefined && { union: n > 0 ? union / n : 0 }),
        update: normOf(values),
        error: await normOfKept(device, error),
        checksum: crc32(bytesIn(next.parameters)),
      };
      await write(device, next.parameters, outcome);
      progress.end({ ...next, error, report: said, step: progress.state.step + 1 }, () =>
        model?.set(parameters),
      );
      model?.set(next.parameters);
      return { kind: 'stepped', parameters: outcome };
    },
    async check(message, sender) {
      if (answers !== undefined) return notGathered();
      await requireSoundPacket(
        device,
        unweighted(message).bytes,
        packets,
        requireSender(sender, seat.workers),
      );
    },
    get parameters() {
      return progress.state.parameters;
    },
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
      ['parameters', 'velocity'],
    ),
  };
}

/** The norm of what is kept, which stays as it is. */
async function normOfKept(device: Device, { vector, sent }: Kept): Promise<number> {
  const n = vector.length;
  if (n === 0) return 0;
  const square = await device.use(
    function* (scope): Steps<number> {
      const rest = scope.copy(scope.vector(vector));
      if (sent instanceof Uint8Array)
        openPacket(scope, sent, { codecOf, maxElements: n }).add(rest.buffer, -1);
      const pending = sumSquares(scope, rest, n);
      const [sums, max] = yield scope.read(pending.sums, pending.max);
      return (yield* pending.finish(sums, max)).sums[0];
    },
    [touchOf(vector, 'reads', true)],
  );
  return Math.sqrt(square);
}

/** target = source, wherever the target is. */
export async function write(device: Device, source: Float32Array, target: Vector): Promise<void> {
  if (isArray(target)) target.set(source);
  else await copy(device, source, target);
}

/** The bytes of a vector, little-endian. */
function bytesIn({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
