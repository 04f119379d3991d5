/**
 * The server of federated rounds. With the model theta, the velocity m where there is momentum, and its own error E:
 *
 * 1. takes contributions against theta, each checked whole: one of a member counts, the last.
 * 2. u = their mean by weights, summed by ascending id (local-round.ts), whatever the order in which they came.
 * 3. step = rate d, where d = u or, with Nesterov's momentum mu, m = mu m + u and d = u + mu m.
 * 4. answers q = C'(step + E), with the digests of the contributions that it is made of; E = step + E - q.
 * 5. theta = fround(theta - q), as all members.
 *
 * Draws are keyed by the round.
 */
import {
  requireBytes,
  requireFloat32Array,
  requireInteger,
  requireNumber,
  requireOneOf,
  requireOptions,
  shown,
} from '../arguments.ts';
import { requirePacket } from '../algorithms/admission.ts';
import { openPair, settle, squeeze, type Kept } from '../algorithms/kept.ts';
import { less, outerStep, updateOf, type Averaging, type Outer } from '../algorithms/local-round.ts';
import { nonFiniteIn, requireFinite, requireInRange } from '../algorithms/vectors.ts';
import { nextOf } from '../algorithms/parameter-server.ts';
import { float32 } from '../compressors/float32.ts';
import { NonFiniteError, OverflowError, PacketError, type RoundStart } from '../errors.ts';
import type { Bytes } from '../platform.ts';
import { readServerState, serverState, type Member } from './server-state.ts';
import { agreedWith, requireId, setupOf, type EndOptions, type Setup } from './setup.ts';
import { openTurns } from './turns.ts';
import {
  digestOfModel,
  digestOfUpdate,
  NO_DIGEST,
  opened,
  putDigest,
  requireStart,
  VERSIONS,
  written,
} from './wire.ts';

export interface ServerOptions extends EndOptions {
  /** The model that the first round starts from, n elements, finite; it is copied. Zeros if left out. */
  readonly model?: Float32Array;
  /** What the mean of all changes is multiplied by: the outer learning rate, above 0; 1 if left out. */
  readonly rate?: number;
  /** Of the outer step, Nesterov's; 0, none, if left out, and below 1. */
  readonly momentum?: number;
  /** Over what an element's mean is: `all` contributions, if left out, or the `senders` that carry it. */
  readonly average?: 'all' | 'senders';
  /** `median` scales contributions whose norm is above the lower median of all down to it. */
  readonly clip?: 'median';
  /** The most that a member may say it counts for; 1 if left out. */
  readonly mostWeight?: number;
}

/** The server of federated rounds, without input or output of its own. Calls are done in the order of their making. */
export interface Server {
  /**
   * Makes somebody a member, or lets a member come back: what it sent of the round under way stays.
   *
   * @param id what the member is called: who it is, is for the caller to find out
   * @param hello of `client.hello()`: setups are compared, and the version of the format agreed on; without it both are
   *   taken to be this end's
   * @returns the welcome for `client.start`: the model, round and digest, and which of its contributions counted last
   * @throws PacketError where the hello is none, of another id, layout or compressor, or speaks no version that this
   * release does; TypeError or RangeError where the id is none
   */
  join(id: string, hello?: Uint8Array): Promise<Bytes>;
  /** Forgets a member, with what it sent of this round. One that is not here changes nothing. */
  leave(id: string): Promise<void>;
  /**
   * Takes a contribution, checked whole: to decode it can not fail any more. The same one twice counts once; another
   * one of the same member takes the place of the first.
   *
   * @param bytes of `client.update`; they are copied
   * @throws StartError where it is against another start: the member joins again
   * @throws PacketError where the bytes are no contribution of this member, of this layout and `up`, or weigh more than
   * `mostWeight`, or decode to NaN or infinity
   * @throws RangeError where the id is no member's. Nothing has changed then.
   */
  take(id: string, bytes: Uint8Array): Promise<void>;
  /**
   * Closes the round: over all contributions that are here, or over those of `from`. Who is left out puts its own back.
   *
   * @param options `from`, ids whose contributions count
   * @returns the answer for `client.apply`, the same bytes for all members
   * @throws RangeError where there is no contribution, or none of somebody in `from`
   * @throws OverflowError where the step is more than float32 holds. Nothing has changed then.
   */
  close(options?: { readonly from?: readonly string[] }): Promise<Bytes>;
  /** The model that the round starts from, n elements; not to be written to. */
  readonly model: Float32Array;
  /** The round, and the digest of its model. */
  readonly at: RoundStart;
  /** The ids of members, ascending. */
  readonly members: readonly string[];
  /** The ids of those whose contributions to this round are here, ascending. */
  readonly contributions: readonly string[];
  /** Model, velocity, error, members and the contributions that are here: in the middle of a round too. */
  save(): Promise<Bytes>;
  /** @throws PacketError where the bytes are damaged, or the state of another size; nothing has changed then */
  load(state: Uint8Array): Promise<void>;
  /** Gives back what it holds on the device: two vectors of n elements. */
  free(): void;
}

/** A contribution, sound. */
interface Contribution {
  readonly digest: string;
  readonly weight: number;
  readonly message: Uint8Array;
  readonly packet: Uint8Array;
}

interface State extends RoundStart {
  readonly model: Float32Array;
  readonly velocity: Float32Array;
  readonly error: Kept;
}

type Rules = Averaging & Outer & { readonly mostWeight: number };

/** Draws of the server: a stream that no step of a client has but by chance. */
const STREAM = 2 ** 32 - 1;
const LAST_ROUND = 2 ** 32 - 1;

/**
 * The server of federated rounds, for members that come and go.
 *
 * @param options `device`; `layout`, the tensors by name; `up` and `down`, the compressors of contributions and
 *   answers, `float32()` if left out; `model`, zeros if left out; `rate`, 1, and `momentum`, 0, of the outer step;
 *   `average` over `all` or the `senders`; `clip` by the `median` norm; `mostWeight`, 1
 * @returns a state machine: `join`, `take`, `close`
 * @throws TypeError or RangeError where an option is none, or a compressor does not fit the layout
 * @example
 * const server = federated.server({ device, layout, up: topK({ ratio: 0.01 }), mostWeight: 1000 });
 * const member = federated.client({ device, layout, up: topK({ ratio: 0.01 }), id: 'alice' });
 * await member.start(await server.join('alice', member.hello()));
 * await server.take('alice', await member.update(new Float32Array(layout.length).fill(0.1), { weight: 20 }));
 * await member.apply(await server.close());
 */
export function server(options: ServerOptions): Server {
  const names = ['model', 'rate', 'momentum', 'average', 'clip', 'mostWeight'];
  const setup = setupOf('server', options, names);
  const { n } = setup;
  const { model = new Float32Array(n), rate = 1, momentum = 0, average = 'all', clip } = options;
  const { mostWeight = 1 } = options;
  requireInteger('model.length', requireFloat32Array('model', model).length, n, n);
  requireFinite(model, 'the model');
  if (clip !== undefined) requireOneOf('clip', clip, ['median']);
  const rules: Rules = {
    rate: requireNumber('rate', rate, 'a number above 0', (value) => Math.fround(value) > 0),
    momentum: requireNumber('momentum', momentum, 'a number in 0..1, below 1', (mu) => mu >= 0 && mu < 1),
    average: requireOneOf('average', average, ['all', 'senders']),
    clip,
    mostWeight: requireNumber('mostWeight', mostWeight, 'a number above 0', (value) => value > 0),
  };
  return openServer(setup, rules, model.slice());
}

function openServer(setup: Setup, rules: Rules, model: Float32Array): Server {
  const { device, n, down, updates } = setup;
  const turns = openTurns();
  const pair = openPair(device, n);
  let members = new Map<string, Member>();
  let contributions = new Map<string, Contribution>();
  let state: State = {
    ...{ round: 0, digest: digestOfModel(model), model },
    velocity: new Float32Array(rules.momentum > 0 ? n : 0),
    error: pair.first,
  };

  /** @throws as `take` says */
  const admitted = async (id: string, message: Uint8Array, at: RoundStart): Promise<Contribution> => {
    const { text, numbers, body, ...start } = opened('update', message);
    if (text !== id) throw new PacketError(`an update of ${shown(text)}, from ${shown(id)}`, 32);
    requireStart(`the update of ${shown(id)}`, start, at);
    const weight = numbers.getFloat64(0, true);
    const { mostWeight } = rules;
    if (!(weight > 0 && weight <= mostWeight))
      throw new PacketError(
        `a weight of ${weight} from ${shown(id)}, expected above 0 and at most ${mostWeight}, "mostWeight"`,
        24,
      );
    requirePacket(body, updates);
    const { count, first } = nonFiniteIn(await device.decompress(body, { maxElements: n }));
    if (count > 0)
      throw new PacketError(`the packet of ${shown(id)} has no finite value at ${first}`, message.length);
    return { digest: digestOfUpdate(message), weight, message, packet: body };
  };

  /** The step over contributions of these ids, ascending, as a packet, and the state after it. */
  const closed = async (of: readonly Contribution[]): Promise<{ packet: Bytes; next: State }> => {
    const { round, model, velocity, error } = state;
    const packets = of.map(({ packet }) => packet);
    const weights = of.map(({ weight }) => weight);
    const { values } = await updateOf(device, packets, n, rules, weights);
    const { taken, velocity: after } = outerStep(velocity, values, rules);
    for (const vector of [after, taken])
      requireInRange(nonFiniteIn(vector), `the step of ${of.length} contributions`);
    const sum = pair.other(error);
    const packet = await answered(taken, sum);
    const next = less(model, await device.decompress(packet, { maxElements: n }));
    requireInRange(nonFiniteIn(next), 'the model after the round');
    return {
      packet,
      next: {
        ...{ round: round + 1, digest: digestOfModel(next), model: next, velocity: after },
        error: nextOf(sum, packet).used,
      },
    };
  };

  const answered = async (step: Float32Array, sum: Kept['vector']): Promise<Bytes> => {
    try {
      return await squeeze(device, down, step, state.error, sum, { step: state.round, stream: STREAM });
    } catch (reason) {
      if (!(reason instanceof NonFiniteError)) throw reason;
      throw new OverflowError("the step and the server's error", reason.count, reason.first);
    }
  };

  const startOf = (): RoundStart => ({ round: state.round, digest: state.digest });

  return {
    async join(id, hello) {
      requireId(id);
      const version = hello === undefined ? VERSIONS.most : agreedWith(id, hello, setup);
      return turns(async () => {
        const { model, round, digest } = state;
        const body = await device.compress(float32(), model);
        const last = members.get(id)?.last ?? NO_DIGEST;
        members.set(id, { version, last });
        const numbers = new Uint8Array(8);
        putDigest(new DataView(numbers.buffer), 0, last);
        return written('welcome', { version, round, digest, numbers, text: id, body });
      });
    },
    leave: (id) =>
      turns(async () => {
        members.delete(id);
        contributions.delete(id);
      }),
    async take(id, bytes) {
      requireId(id);
      const message = new Uint8Array(requireBytes('bytes', bytes));
      return turns(async () => {
        if (!members.has(id))
          throw new RangeError(`"id" expected a member's, got ${shown(id)}: it has to join first`);
        contributions.set(id, await admitted(id, message, startOf()));
      });
    },
    async close(options = {}) {
      requireOptions('close', options, ['from']);
      const from = options.from && [...options.from];
      return turns(async () => {
        const ids = chosen(contributions, from);
        if (state.round === LAST_ROUND) throw new RangeError(`round ${LAST_ROUND} is the last one`);
        const of = ids.map((id) => contributions.get(id) as Contribution);
        const { round, digest } = state;
        const { packet, next } = await closed(of);
        const digests = of.map((one) => one.digest).sort();
        const numbers = new DataView(new ArrayBuffer(12 + digests.length * 8));
        putDigest(numbers, 0, next.digest);
        numbers.setUint32(8, digests.length, true);
        digests.forEach((one, i) => putDigest(numbers, 12 + i * 8, one));
        const answer = written('answer', {
          ...{ version: VERSIONS.most, round, digest, body: packet },
          numbers: new Uint8Array(numbers.buffer),
        });
        ids.forEach((id, i) => {
          members.set(id, { ...(members.get(id) as Member), last: of[i].digest });
        });
        contributions = new Map();
        state = next;
        return answer;
      });
    },
    get model() {
      return state.model;
    },
    get at() {
      return startOf();
    },
    get members() {
      return [...members.keys()].sort();
    },
    get contributions() {
      return [...contributions.keys()].sort();
    },
    save: () =>
      turns(async () => {
        const { round, model, velocity, error } = state;
        await settle(device, error);
        return serverState(n, {
          ...{ round, model, velocity, error: await error.vector.read(), members },
          messages: new Map([...contributions].map(([id, { message }]) => [id, message])),
        });
      }),
    async load(bytes) {
      const saved = readServerState(n, state.velocity.length, bytes);
      return turns(async () => {
        const { round, model, velocity } = saved;
        const digest = digestOfModel(model);
        const taken = new Map<string, Contribution>();
        for (const [id, message] of saved.messages)
          taken.set(id, await admitted(id, message, { round, digest }));
        const { error } = state;
        delete error.sent;
        await error.vector.write(saved.error);
        members = new Map(saved.members);
        contributions = taken;
        state = { round, digest, model, velocity, error };
      });
    },
    free: () => pair.free(),
  };
}

/**
 * Whose contributions a round is closed over, ascending.
 * @throws RangeError where there are none, or `from` has an id without one, or one twice
 */
function chosen(here: ReadonlyMap<string, unknown>, from: readonly string[] | undefined): string[] {
  const ids = [...(from ?? here.keys())].sort();
  ids.forEach((id, i) => {
    if (!here.has(id) || id === ids[i - 1])
      throw new RangeError(`"from" expected ids with a contribution, each once, got ${shown(id)}`);
  });
  if (ids.length === 0) throw new RangeError('close expected a contribution at least, and there is none');
  return ids;
}
