/**
 * Local steps by fragments (Streaming DiLoCo, arXiv 2501.18512): the model is cut into F runs of elements, and each
 * step exchanges one of them, in turn, so that F exchanges take the place of one and the link's peak is F times lower.
 * A fragment is a model of its own to `openWorker` and `openServer`: its error, velocity and draws go by its own
 * rounds.
 *
 * Fragment f of n elements begins at floor(f n / F). Step t exchanges fragment t mod F.
 */
import { requireFloat32Array, requireInteger } from '../arguments.ts';
import type { Compressor } from '../compressors/compressor.ts';
import type { Device } from '../device.ts';
import { PacketError } from '../errors.ts';
import { isArray, isDeviceVector, lengthOf, requireLength } from '../kernels/device-vector.ts';
import { openServer } from './local-server.ts';
import { openWorker, write, type LocalRules } from './local-worker.ts';
import { move, resize, type Movable, type MovableSeat } from './seat.ts';
import { packState, unpackState } from './state.ts';
import type { Model, Seat, SendOptions, Server, Worker } from './system.ts';
import { openDirection, type Vector } from './vectors.ts';

interface Range {
  readonly start: number;
  readonly end: number;
}

/** @throws TypeError or RangeError unless it is an integer in 1..65536 */
export function requireFragments(count: number): number {
  return requireInteger('fragments', count, 1, 2 ** 16);
}

/** The fragments of n elements. */
export function fragmentsOf(n: number, count: number): Range[] {
  const at = (f: number): number => Math.floor((f * n) / count);
  return Array.from({ length: count }, (_, f) => ({ start: at(f), end: at(f + 1) }));
}

/** A run of a vector's elements, wherever it is. */
function partOf<Where extends Vector>(vector: Where, { start, end }: Range): Where;
function partOf(vector: Vector, { start, end }: Range): Vector {
  if (isArray(vector)) return vector.subarray(start, end);
  if (isDeviceVector(vector)) return vector.slice(start, end);
  return { ...vector, offset: (vector.offset ?? 0) + start * 4, length: end - start };
}

/** States as one: each as the bits of a vector, since their lengths are whole words. */
function packStates(of: string, step: number, states: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const vectors = states.map((state, f) => [String(f), new Float32Array(state.slice().buffer)] as const);
  return packState({ of, numbers: { step }, vectors: Object.fromEntries(vectors) });
}

/** @throws PacketError where the bytes are damaged or no such states */
function unpackStates(bytes: Uint8Array, of: string, count: number): { step: number; states: Uint8Array[] } {
  const { numbers, vectors } = unpackState(bytes, of);
  const { step } = numbers;
  const states = Array.from({ length: count }, (_, f) => vectors[String(f)]);
  if (!Number.isInteger(step) || (step as number) < 0 || states.some((state) => state === undefined))
    throw new PacketError('the state has no step, or not all fragments', 0);
  return {
    step: step as number,
    states: states.map(
      ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
    ),
  };
}

/** Which step is next, and which one was begun last. */
class Turns {
  step = 0;
  #begun: number | undefined;

  /** The step begins. */
  begin(): void {
    this.#begun = this.step;
  }

  /** The step that was begun last, which may be done. */
  get begun(): number | undefined {
    return this.#begun;
  }

  /** Another state is gone on from. */
  goOnFrom(step: number): void {
    this.step = step;
    this.#begun = undefined;
  }
}

/** Memory as that of `openWorker` for all elements. */
export function openFragmentWorker<Where extends Vector>(
  device: Device,
  seat: MovableSeat,
  into: Where | undefined,
  rules: LocalRules & { readonly fragments: number },
): Worker<Where> {
  const { n } = seat;
  const { name, fragments: count } = rules;
  const outcome = openDirection(device, n, into);
  const ranges = fragmentsOf(n, count);
  const parts = ranges.map((range) =>
    openWorker(device, { ...seat, n: range.end - range.start }, partOf(outcome, range), rules),
  );
  const turns = new Turns();
  /** What all begin with: of fragments that were not exchanged yet, the model. */
  let initial = new Float32Array(n);
  const all = new Float32Array(n);
  /** Whether the outcome has all fragments, and not those alone that were exchanged since. */
  let isWhole = false;
  const fragment = (): number => turns.step % count;
  const own = (): string =>
    `${name} in ${count} fragments, worker ${seat.rank} of ${seat.workers}, ${n} elements`;
  const common = (): string => `${name} in ${count} fragments, ${seat.workers} workers, ${n} elements`;

  /** The common model. */
  const whole = (): Float32Array => {
    for (const [f, { start, end }] of ranges.entries())
      all.set(turns.step > f ? (parts[f].parameters as Float32Array) : initial.subarray(start, end), start);
    return all;
  };
  const goOnFrom = (step: number): void => {
    turns.goOnFrom(step);
    isWhole = false;
  };

  /** What the fragment's worker is given of the caller's model. */
  const begin = (given: Partial<Model> = {}): Partial<Model> => {
    const { parameters } = given;
    if (parameters !== undefined)
      requireInteger(
        'model.parameters.length',
        requireFloat32Array('model.parameters', parameters).length,
        n,
        n,
      );
    if (turns.step === 0 && parameters !== undefined) initial = parameters.slice();
    turns.begin();
    const range = ranges[fragment()];
    if (parameters !== undefined) return { parameters: partOf(parameters, range) };
    // the first exchange of this fragment begins with what the first step was given
    return turns.step < count ? { parameters: initial.slice(range.start, range.end) } : {};
  };

  return {
    async send(local, { weight, ...model }: SendOptions = {}) {
      requireLength('local', local, n);
      const given = begin(model);
      const part = partOf(local, ranges[fragment()]);
      return parts[fragment()].send(part, { ...given, ...(weight !== undefined && { weight }) });
    },
    async follow(model) {
      const given = begin(model);
      return parts[fragment()].follow(given);
    },
    async receive(inbox, from, used) {
      const received = await parts[fragment()].receive(inbox, from, used);
      turns.step++;
      if (!isWhole) await write(device, whole(), outcome);
      isWhole = true;
      return received.kind === 'stepped' ? { kind: 'stepped', parameters: outcome } : received;
    },
    check: (message, sender) => parts[fragment()].check(message, sender),
    get parameters() {
      return whole();
    },
    get report() {
      return parts[Math.max(0, turns.step - 1) % count].report;
    },
    async save() {
      const step = turns.step;
      const states: Uint8Array[] = [];
      for (const part of parts) states.push(await part.save());
      return packStates(own(), step, [...states, bytesIn(initial)]);
    },
    async load(bytes) {
      const { step, states } = unpackStates(bytes, own(), count + 1);
      for (const [f, part] of parts.entries()) await part.load(states[f]);
      initial = floatsIn(states[count], n);
      goOnFrom(step);
    },
    share: () => packStates(common(), turns.step, [...parts.map((part) => part.share()), bytesIn(initial)]),
    adopt(bytes, taken) {
      const { step, states } = unpackStates(bytes, common(), count + 1);
      const underWay = turns.begun === turns.step ? fragment() : undefined;
      parts.forEach((part, f) => part.adopt(states[f], f === underWay && taken));
      initial = floatsIn(states[count], n);
      goOnFrom(step);
    },
    takeBack() {
      const { begun } = turns;
      if (begun === undefined) return;
      parts[begun % count].takeBack();
      goOnFrom(begun);
    },
    reseat(place) {
      move(seat, place);
      for (const part of parts) part.reseat?.(place);
    },
    free: () => parts.forEach((part) => part.free()),
  };
}

/** A server of fragments. */
export function openFragmentServer(
  device: Device,
  seat: Movable<Omit<Seat, 'rank'>>,
  rules: LocalRules & { readonly fragments: number; readonly answers: Compressor },
): Server {
  const { name, fragments: count } = rules;
  const parts = fragmentsOf(seat.n, count).map(({ start, end }) =>
    openServer(device, { ...seat, n: end - start }, rules),
  );
  const turns = new Turns();
  const of = (): string => `${name} in ${count} fragments, server of ${seat.workers}, ${seat.n} elements`;
  return {
    async answer(messages, from) {
      const part = parts[turns.step % count];
      const answer = await part.answer(messages, from);
      turns.begin();
      turns.step++;
      return answer;
    },
    check: (message) => parts[turns.step % count].check(message),
    async save() {
      const { step } = turns;
      const states: Uint8Array[] = [];
      for (const part of parts) states.push(await part.save());
      return packStates(of(), step, states);
    },
    async load(bytes) {
      const { step, states } = unpackStates(bytes, of(), count);
      for (const [f, part] of parts.entries()) await part.load(states[f]);
      turns.goOnFrom(step);
    },
    takeBack() {
      const { begun } = turns;
      if (begun === undefined) return;
      parts[begun % count].takeBack();
      turns.goOnFrom(begun);
    },
    resize(workers) {
      resize(seat, workers);
      for (const part of parts) part.resize?.(workers);
    },
    free: () => parts.forEach((part) => part.free()),
  };
}

const bytesIn = (floats: Float32Array): Uint8Array =>
  new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);

/** @throws PacketError unless there are n of them */
function floatsIn(bytes: Uint8Array, n: number): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(bytes.slice().buffer);
  if (lengthOf(floats) !== n)
    throw new PacketError(`a model of ${lengthOf(floats)} elements, expected ${n}`, 0);
  return floats;
}
