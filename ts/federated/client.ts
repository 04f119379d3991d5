/**
 * A member of federated rounds. With the model theta that all have in common at the round's start, and its own error e:
 *
 * 1. trains a copy of theta as it likes: local; delta = theta - local.
 * 2. acc = decay e + delta; sends C(acc), named by the digest of theta. e stays as it is until the round is closed.
 * 3. the answer q = C'(step): theta = fround(theta - q), for all members, the same bits as the server's.
 * 4. where the answer names this contribution, e = acc - C(acc), what the packet lost; where it does not, e = acc: all
 *    of it goes with the next one.
 *
 * Draws are keyed by the round and the CRC-32 of the id.
 */
import {
  requireBoolean,
  requireBytes,
  requireFloat32Array,
  requireInteger,
  requireNumber,
  requireOptions,
} from '../arguments.ts';
import { requirePacket } from '../algorithms/admission.ts';
import { squeezeChange } from '../algorithms/change.ts';
import { inTurn, settle, type Kept } from '../algorithms/kept.ts';
import { less } from '../algorithms/local-round.ts';
import { nonFiniteIn, requireFinite, requireInRange, type Vector } from '../algorithms/vectors.ts';
import { requireWeight } from '../algorithms/weights.ts';
import type { Device } from '../device.ts';
import { PacketError, type RoundStart } from '../errors.ts';
import { requireLength, type DeviceVector } from '../kernels/device-vector.ts';
import { crc32 } from '../packet/crc32.ts';
import type { Bytes } from '../platform.ts';
import { clientState, readClientState } from './client-state.ts';
import { guarded, guardOf, type Clip, type Guard, type Noise } from './clip.ts';
import { helloOf, requireId, setupOf, type EndOptions, type Setup } from './setup.ts';
import { openTurns } from './turns.ts';
import {
  digestAt,
  digestOfModel,
  digestOfUpdate,
  NO_DIGEST,
  opened,
  requireStart,
  VERSIONS,
  written,
  type Opened,
} from './wire.ts';

export interface ClientOptions extends EndOptions {
  /** What this member is called, 1 to 256 bytes in UTF-8; no other member of the server has the name. */
  readonly id: string;
  /**
   * What the error memory is multiplied by before the next change is added, 0 to 1; 1 if left out. 0 is no memory: what
   * a packet loses is lost, and so is a contribution that a round left out.
   */
  readonly decay?: number;
  /** Shortens a change to a norm before it is compressed; left as it is if left out. */
  readonly clip?: Clip;
  /**
   * Adds normal noise to a clipped change, before the error memory and the compressor, which see nothing else. It is
   * noise and no promise of privacy: accounting over rounds, members and weights is the caller's.
   */
  readonly noise?: Noise;
}

/** What `start` takes beside a model in memory. */
export interface StartOptions {
  /** The round that starts from it; 0 if left out. */
  readonly round?: number;
  /** Whether a contribution under way was used, where no answer says so; false if left out: it is put back. */
  readonly used?: boolean;
}

/** What an answer has brought. */
export interface Applied {
  /** Whether this member's contribution is part of it. */
  readonly used: boolean;
  /** Of how many members it is made. */
  readonly contributions: number;
  /** The model that the next round starts from, n elements: as `client.model`. */
  readonly model: Float32Array;
}

/** A member of federated rounds: no input or output of its own. Calls are done in the order in which they are made. */
export interface Client {
  readonly id: string;
  /** What to join with: `server.join(id, hello)`. */
  hello(): Bytes;
  /**
   * The start of a round: what `server.join` answered, or the model itself. The error memory stays. A contribution that
   * is under way stays so where this is the start of the same round; else it counts as used where the server says so,
   * and is put back where it does not. On its first call the client begins.
   * @throws PacketError where the bytes are no welcome, or another member's; NonFiniteError where a model holds NaN or
   * infinity. Nothing has changed then.
   */
  start(model: Float32Array | Uint8Array, options?: StartOptions): Promise<void>;
  /**
   * The contribution to this round. Another one of the same round takes its place, at the server too: let it arrive,
   * since a round that closes with the first is taken for one that left this member out.
   *
   * @param local a copy of `model` that was trained: n elements, in memory, on the device or its GPU
   * @param options `weight`, what it counts for in the mean, its number of samples for example; 1 if left out
   * @returns bytes for `server.take`, which may be sent again as they are
   * @throws NonFiniteError where `local`, or its change with the error memory, holds NaN or infinity; nothing changed
   * @throws Error before `start`, and where `model` was written to
   */
  update(local: Vector, options?: { readonly weight?: number }): Promise<Bytes>;
  /**
   * Takes the answer of a round, with or without a contribution to it.
   * @throws StartError where it is one of another round: join again; PacketError where it is none. Nothing has changed
   * then.
   */
  apply(answer: Uint8Array): Promise<Applied>;
  /** The model of the round's start, n elements; not to be written to. Undefined before `start`. */
  readonly model: Float32Array | undefined;
  /** The round, and the digest of its model. Undefined before `start`. */
  readonly at: RoundStart | undefined;
  /** Model, error memory and a contribution under way: in the middle of a round too. */
  save(): Promise<Bytes>;
  /** @throws PacketError where the bytes are damaged, or the state of another id or size; nothing has changed then */
  load(state: Uint8Array): Promise<void>;
  /** Gives back what it holds on the device: two vectors of n elements, three after a second `update` of a round. */
  free(): void;
}

/** What a contribution under way leads to. */
interface Pending {
  readonly digest: string;
  readonly packet: Uint8Array;
  /** acc. */
  readonly sum: DeviceVector;
}

interface State {
  readonly start: (RoundStart & { readonly model: Float32Array }) | undefined;
  readonly error: Kept;
  readonly pending: Pending | undefined;
}

/**
 * A client of federated rounds: a member that trains, by its id.
 *
 * @param options `device`; `layout`, the tensors by name; `up` and `down`, the compressors of contributions and
 *   answers, `float32()` if left out; `id`; `decay` of the error memory, 1 if left out; `clip` and `noise` of a change
 * @returns a state machine: `start`, `update`, `apply`
 * @throws TypeError or RangeError where an option is none, or a compressor does not fit the layout
 * @example
 * const member = federated.client({ device, layout, up: topK({ ratio: 0.01 }), id: 'alice' });
 * await member.start(new Float32Array(layout.length));
 * const bytes = await member.update(new Float32Array(layout.length).fill(0.1), { weight: 20 });
 */
export function client(options: ClientOptions): Client {
  const setup = setupOf('client', options, ['id', 'decay', 'clip', 'noise']);
  const id = requireId(options.id);
  const { decay = 1 } = options;
  requireNumber('decay', decay, 'a number in 0..1', (value) => value >= 0 && value <= 1);
  return openClient(setup, id, decay, guardOf(options.clip, options.noise));
}

function openClient(setup: Setup, id: string, decay: number, guard: Guard | undefined): Client {
  const { device, n, up, answers } = setup;
  const stream = crc32(new TextEncoder().encode(id));
  const turns = openTurns();
  const vectors = [device.vector(n), device.vector(n)];
  /** What a change that was made here is the change to. */
  let zeros: Float32Array | undefined;
  let state: State = { start: undefined, error: { vector: vectors[0] }, pending: undefined };

  /** A vector that nothing counts of: a refused update leaves the former one as it was. */
  const spare = (): DeviceVector => {
    const { error, pending } = state;
    const free = vectors.find((vector) => vector !== error.vector && vector !== pending?.sum);
    if (free !== undefined) return free;
    vectors.push(device.vector(n));
    return vectors[vectors.length - 1];
  };

  /** e after a contribution under way, used or not. */
  const errorAfter = (used: boolean): Kept => {
    const { error, pending } = state;
    if (pending === undefined) return error;
    return { vector: pending.sum, ...(used && { sent: pending.packet }) };
  };

  const started = (name: string): NonNullable<State['start']> => {
    if (state.start === undefined) throw new Error(`${name} was called before start`);
    return state.start;
  };

  return {
    id,
    hello: () => helloOf(id, setup),
    async start(given, startOptions = {}) {
      const bytes = isBytes(given) ? new Uint8Array(given) : undefined;
      const model = isBytes(given) ? undefined : begun(n, given, startOptions);
      requireOptions('start', startOptions, model ? ['round', 'used'] : []);
      return turns(async () => {
        const { last, ...start } = model ?? (await welcomed(device, id, n, bytes as Uint8Array));
        const { round, digest } = state.start ?? {};
        // the same start again: a contribution to it may still count
        if (start.round === round && start.digest === digest) return;
        const used = model ? startOptions.used === true : last === state.pending?.digest;
        state = { start, error: errorAfter(used), pending: undefined };
      });
    },
    async update(local, updateOptions = {}) {
      requireOptions('update', updateOptions, ['weight']);
      requireLength('local', local, n);
      const weight = requireWeight(updateOptions.weight);
      return turns(async () => {
        const { model, round, digest } = started('update');
        if (digestOfModel(model) !== digest)
          throw new Error('the model of the round was written to: train a copy of it, and join again');
        const { error } = state;
        const draw = { step: round, stream };
        let change = { theta: model, local };
        if (guard !== undefined) {
          zeros ??= new Float32Array(n);
          change = { theta: await guarded(device, guard, change, setup.tensors, draw), local: zeros };
        }
        const sum = spare();
        const packet = await inTurn(
          settle(device, error),
          squeezeChange(device, up, change, { error: error.vector, decay, sum }, draw),
        );
        const message = updateOf(id, { round, digest }, weight, packet);
        state = { ...state, pending: { digest: digestOfUpdate(message), packet: packet.slice(), sum } };
        return message;
      });
    },
    async apply(given) {
      const answer = opened('answer', new Uint8Array(requireBytes('answer', given)));
      return turns(async () => {
        const { model, round, digest } = started('apply');
        requireStart(`the answer`, answer, { round, digest });
        const { used: digests, next, body } = answerIn(answer);
        requirePacket(body, answers);
        const step = await device.decompress(body, { maxElements: n });
        requireInRange(nonFiniteIn(step), 'the answer');
        const after = less(model, step);
        const came = digestOfModel(after);
        if (came !== next)
          throw new PacketError(
            `the model after the answer has digest ${came}; the server's has ${next}`,
            24,
          );
        const { pending } = state;
        const used = pending !== undefined && digests.includes(pending.digest);
        const start = { round: round + 1, digest: next, model: after };
        state = { start, error: errorAfter(used), pending: undefined };
        return { used, contributions: digests.length, model: after };
      });
    },
    get model() {
      return state.start?.model;
    },
    get at() {
      return state.start && { round: state.start.round, digest: state.start.digest };
    },
    save: () =>
      turns(async () => {
        const { start, error, pending } = state;
        await settle(device, error);
        return clientState(id, n, {
          ...(start && { start }),
          error: await error.vector.read(),
          ...(pending && { pending: { ...pending, sum: await pending.sum.read() } }),
        });
      }),
    async load(bytes) {
      const saved = readClientState(id, n, bytes);
      return turns(async () => {
        const [error, sum] = vectors;
        const { start, pending } = saved;
        if (pending) requirePacket(pending.packet, setup.updates);
        await error.write(saved.error);
        if (pending) await sum.write(pending.sum);
        state = { start, error: { vector: error }, pending: pending && { ...pending, sum } };
      });
    },
    free: () => vectors.forEach((vector) => vector.free()),
  };
}

/** Whether it is bytes, of this realm or another. */
const isBytes = (value: unknown): value is Uint8Array =>
  (value as { [Symbol.toStringTag]?: unknown } | null)?.[Symbol.toStringTag] === 'Uint8Array';

/** The start that a model in memory is. */
function begun(
  n: number,
  given: Float32Array,
  { round = 0, used = false }: StartOptions,
): NonNullable<State['start']> & { readonly last: string } {
  requireInteger('model.length', requireFloat32Array('model', given).length, n, n);
  requireInteger('round', round, 0, 2 ** 32 - 1);
  requireBoolean('used', used);
  requireFinite(given, 'the model');
  const model = given.slice();
  return { round, digest: digestOfModel(model), model, last: NO_DIGEST };
}

/** The start that a welcome brings, and which contribution of this member was used last. */
async function welcomed(
  device: Device,
  id: string,
  n: number,
  bytes: Uint8Array,
): Promise<NonNullable<State['start']> & { readonly last: string }> {
  const { text, round, digest, numbers, body } = opened('welcome', bytes);
  if (text !== id)
    throw new PacketError(`a welcome of ${JSON.stringify(text)}, expected one of ${JSON.stringify(id)}`, 32);
  requirePacket(body, { compressor: 'float32', n, parameters: {} });
  const model = await device.decompress(body, { maxElements: n });
  const came = digestOfModel(model);
  if (came !== digest)
    throw new PacketError(`the model of the welcome has digest ${came}; its head says ${digest}`, 16);
  return { round, digest, model, last: digestAt(numbers, 0) };
}

/** The message of a contribution. */
function updateOf(id: string, { round, digest }: RoundStart, weight: number, body: Uint8Array): Bytes {
  const numbers = new DataView(new ArrayBuffer(8));
  numbers.setFloat64(0, weight, true);
  const version = VERSIONS.most;
  return written('update', {
    ...{ version, round, digest, text: id, body },
    numbers: new Uint8Array(numbers.buffer),
  });
}

/** What an answer says: the digest of the model after it, whose contributions it is made of, and the step. */
function answerIn({ numbers, body }: Opened): {
  readonly next: string;
  readonly used: readonly string[];
  readonly body: Uint8Array;
} {
  const used = Array.from({ length: numbers.getUint32(8, true) }, (_, i) => digestAt(numbers, 12 + i * 8));
  return { next: digestAt(numbers, 0), used, body };
}
