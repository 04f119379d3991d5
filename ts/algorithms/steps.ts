/** The steps that systems share: sums of what others sent, lists of elements, and what a message is. */
import { requireBytes, requireFloat32Array, requireInteger, requireNumber } from '../arguments.ts';
import { codecOf } from '../compressors/codecs.ts';
import { openPacket } from '../compressors/decode.ts';
import { sparse } from '../compressors/decoded.ts';
import { writeList } from '../compressors/lists.ts';
import { addError } from '../compressors/encode.ts';
import type { ReadRequest } from '../backends/backend.ts';
import type { Device } from '../device.ts';
import { OverflowError, PacketError } from '../errors.ts';
import { scaleOf } from '../kernels/accumulate.ts';
import { type DeviceVector, isArray, lengthOf } from '../kernels/device-vector.ts';
import { findNonFinite } from '../kernels/reduce.ts';
import { floatsOf as floatsIn, type Scope, type Steps, wordsOf } from '../kernels/scope.ts';
import { gatherKernel, placeKernel } from '../kernels/sparse.ts';
import type { Bytes } from '../platform.ts';
import { touchOf } from '../schedule.ts';
import { inTurn, settle, type Kept } from './kept.ts';
import type { Model, SendOptions } from './system.ts';
import { nonFiniteIn, requireFinite, type Vector } from './vectors.ts';

/** target += source */
export function add(target: Float32Array, source: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] += source[i];
}

/** A packet, and what it is multiplied by. */
export type Term = readonly [packet: Uint8Array, scale: number];

/**
 * into += each of the terms, in their order, in one walk over it.
 * @returns how many elements are NaN or infinite then, and the index of the first
 * @throws PacketError where a packet is not sound; `into` is as it was
 */
export async function addPackets(
  device: Device,
  terms: readonly Term[],
  into: Vector,
): Promise<{ count: number; first: number }> {
  if (lengthOf(into) === 0) return { count: 0, first: 0 };
  return device.use(
    function* (scope): Steps<{ count: number; first: number }> {
      const opened = terms.map(([packet]) =>
        openPacket(scope, packet, { codecOf, maxElements: lengthOf(into) }),
      );
      const sum = scope.changed(into);
      opened.forEach((packet, i) => packet.add(sum.buffer, scaleOf(terms[i][1])));
      const found = yield [{ buffer: findNonFinite(scope, sum) }, ...sum.done()];
      return { count: found[0][0], first: found[0][1] };
    },
    [...terms.map(([packet]) => touchOf(packet, 'reads', true)), touchOf(into, 'writes', false)],
  );
}

/**
 * Says whose fault it is that the mean of packets of these ranks, and what was added to it, is not finite.
 * @throws PacketError where one of them decodes to NaN or infinity; else OverflowError
 */
export async function blameOverflow(
  device: Device,
  packets: readonly Uint8Array[],
  ranks: readonly number[],
  what: string,
  { count, first }: { readonly count: number; readonly first: number },
): Promise<never> {
  const values: string[] = [];
  for (const [i, packet] of packets.entries()) {
    const vector = await device.decompress(packet);
    const bad = nonFiniteIn(vector);
    if (bad.count > 0)
      throw new PacketError(`the packet from rank ${ranks[i]} has no finite value at ${bad.first}`, 16);
    values.push(`${vector[first]} from rank ${ranks[i]}`);
  }
  throw new OverflowError(what, count, first, `: ${someOf(values)}`);
}

/** The first of a list, for messages. */
function someOf(values: readonly string[]): string {
  const shown = values.slice(0, 4).join(', ');
  return values.length > 4 ? `${shown} and ${values.length - 4} more` : shown;
}

/**
 * acc = residual + gradient, on the device.
 * @throws NonFiniteError where that, or the gradient, is not finite; the residual stays as it is
 */
export async function accumulate(
  device: Device,
  residual: Kept,
  gradient: Vector,
  acc: DeviceVector,
): Promise<void> {
  const n = acc.length;
  if (n === 0) return;
  const work = function* (scope: Scope): Steps<void> {
    yield* addError(scope, scope.vector(gradient), scope.vector(residual.vector), 1, scope.written(acc));
  };
  const touches = [
    touchOf(gradient, 'reads', false),
    touchOf(residual.vector, 'reads', false),
    touchOf(acc, 'writes', false),
  ];
  await inTurn(settle(device, residual), device.use(work, touches));
}

/** A list of elements: indices ascend. */
export interface Elements {
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

/** The direction is `values` at `indices` and 0 elsewhere; `residual`, where there is one, becomes 0 at the indices. */
export async function takeUnion(
  device: Device,
  { indices, values }: Elements,
  residual: DeviceVector | undefined,
  direction: Vector,
): Promise<void> {
  const n = lengthOf(direction);
  if (n === 0) return;
  const touches = [touchOf(direction, 'writes', !ArrayBuffer.isView(direction))];
  if (residual !== undefined) touches.push(touchOf(residual, 'writes', true));
  await device.use(function* (scope) {
    const count = indices.length;
    const list = { indices, values: wordsOf(values) };
    const places = count > 0 ? scope.put(indices) : undefined;
    const left: ReadRequest[] = [];
    if (residual !== undefined && places !== undefined) {
      const zeros = scope.put(new Uint32Array(count));
      const rest = scope.changed(residual);
      scope.run(placeKernel, { indices: places, values: zeros, y: rest.buffer }, { n, count });
      left.push(...rest.done());
    }
    if (isArray(direction)) writeList(list, wordsOf(direction));
    else {
      const target = scope.written(direction);
      sparse(scope, n, { ...list, places }).write(target.buffer);
      left.push(...target.done());
    }
    yield left;
  }, touches);
}

/** The elements of a vector on the device at these indices, in any order. */
export async function valuesAt(device: Device, x: DeviceVector, indices: Uint32Array): Promise<Float32Array> {
  const [n, count] = [x.length, indices.length];
  if (count === 0) return new Float32Array(0);
  return device.use(
    function* (scope): Steps<Float32Array> {
      const values = scope.take(count);
      scope.run(
        gatherKernel,
        { x: scope.vector(x).buffer, indices: scope.put(indices), values },
        { n, count },
      );
      return floatsIn((yield scope.read(values))[0]);
    },
    [touchOf(x, 'reads', true)],
  );
}

/**
 * Momentum SGD's step: velocity = momentum velocity + direction; parameters -= learningRate velocity.
 *
 * @param model parameters and velocity, n elements each; both are changed
 * @param direction n elements
 * @example
 * const state = { parameters: new Float32Array(2), velocity: new Float32Array(2) };
 * descend({ ...state, learningRate: 0.5, momentum: 0.9 }, Float32Array.of(2, 4));
 */
export function descend(
  { parameters, velocity, learningRate, momentum }: Model,
  direction: Float32Array,
): void {
  for (let i = 0; i < parameters.length; i++) {
    velocity[i] = momentum * velocity[i] + direction[i];
    parameters[i] -= learningRate * velocity[i];
  }
}

/** How long steps go on without others' having a turn, in milliseconds. */
const LONGEST = 50;

/** So many steps of momentum SGD, which change the model. @throws NonFiniteError where a gradient is not finite */
export async function descendFor(
  model: Model,
  steps: number,
  gradient: (step: number) => Promise<Float32Array> | Float32Array,
): Promise<void> {
  let rested = performance.now();
  for (let step = 0; step < steps; step++) {
    const direction = await gradient(step);
    requireFinite(direction, 'the gradient');
    descend(model, direction);
    // a gradient that is computed at once would leave timers, messages and signals waiting for all steps
    if (performance.now() - rested > LONGEST) {
      await new Promise((resolve) => setTimeout(resolve));
      rested = performance.now();
    }
  }
}

/**
 * Trains a copy of a model for some steps of momentum SGD: what `send` takes of systems that take models. The velocity
 * is this worker's own, and goes on from round to round; the parameters stay as they are, for `send`.
 *
 * @param model parameters, n elements, the common ones; velocity, n elements, which is changed
 * @param steps how many, 1 at least
 * @param gradient n elements, at the copy's parameters; called with the number of the step, from 0
 * @returns the copy's parameters, n elements
 * @throws NonFiniteError where a gradient holds NaN or infinity; the velocity is as it was
 * @example
 * const model = { parameters: new Float32Array(2), velocity: new Float32Array(2), learningRate: 0.5, momentum: 0.9 };
 * const local = await trainLocally(model, 25, ({ parameters }) => parameters.map((value) => value - 1));
 */
export async function trainLocally(
  model: Model,
  steps: number,
  gradient: (local: Model, step: number) => Promise<Float32Array> | Float32Array,
): Promise<Float32Array> {
  requireInteger('steps', steps, 1, 2 ** 32 - 1);
  const local = { ...model, parameters: model.parameters.slice(), velocity: model.velocity.slice() };
  await descendFor(local, steps, (step) => gradient(local, step));
  model.velocity.set(local.velocity);
  return local.parameters;
}

/**
 * The model that a step asks for.
 * @throws TypeError or RangeError unless parameters and velocity have n elements, and learningRate and momentum are
 * numbers
 */
export function requireModel(model: SendOptions | undefined, n: number, step: number): Model {
  if (model?.parameters === undefined)
    throw new TypeError(`"model" expected in step ${step}, which averages the models, got none`);
  for (const name of ['parameters', 'velocity'] as const)
    requireInteger(`model.${name}.length`, requireFloat32Array(`model.${name}`, model[name]).length, n, n);
  requireNumber('model.learningRate', model.learningRate, 'a finite number', () => true);
  requireNumber('model.momentum', model.momentum, 'a number of 0 or more', (value) => value >= 0);
  return model as Model;
}

/** Two vectors take each other's values. */
export function swapValues(a: Float32Array, b: Float32Array): void {
  for (let i = 0; i < a.length; i++) [a[i], b[i]] = [b[i], a[i]];
}

/** @throws RangeError unless there is one message of each of `count` senders */
export function requireMessages(name: string, messages: readonly Uint8Array[], count: number): void {
  requireInteger(`${name}.length`, messages.length, count, count);
}

/** @throws RangeError unless `of` is in 1..workers, and there are at most so many messages */
export function requireExpected(messages: readonly Uint8Array[], of: number, workers: number): void {
  requireInteger('of', of, 1, workers);
  requireInteger('messages.length', messages.length, 0, of);
}

/**
 * Whose messages a round is made of: `from`, or all.
 * @throws RangeError unless they are ranks below `workers`, ascending, at least one
 */
export function ranksOf(from: readonly number[] | undefined, workers: number): readonly number[] {
  if (from === undefined) return Array.from({ length: workers }, (_, rank) => rank);
  requireInteger('from.length', from.length, 1, workers);
  from.forEach((rank, i) => requireInteger(`from[${i}]`, rank, i === 0 ? 0 : from[i - 1] + 1, workers - 1));
  return from;
}

/** `check` of systems that have no `gather` rounds. */
export async function notGathered(): Promise<void> {
  throw new PacketError('a message among peers, and this round is none', 0);
}

/** What a worker that only follows says where a server answers: nothing of it is read. */
export const SILENT: { readonly route: 'server'; readonly bytes: Bytes } = {
  route: 'server',
  bytes: new Uint8Array(0),
};

/** The one message that a round with a server, or a sum, leaves in an inbox. */
export function only(inbox: readonly Uint8Array[]): Uint8Array {
  requireMessages('inbox', inbox, 1);
  return requireBytes('inbox[0]', inbox[0]);
}

/**
 * The sum of a round of route `sum`: float32 vectors of one length, added in the order of ranks. `from` has the ranks
 * whose messages they are, 0 and so on if left out; errors name them.
 *
 * @param messages of the round, by rank: float32, little-endian
 * @param from ranks, ascending
 * @returns the sum as float32 in bytes, of the length of one message
 * @throws PacketError where the messages are no such vectors, or have NaN or infinity in them
 * @throws OverflowError where they do not, and their sum does
 * @example
 * const [a, b] = [Float32Array.of(1, 2), Float32Array.of(3, 4)].map(({ buffer }) => new Uint8Array(buffer));
 * const total = new Float32Array(sumMessages([a, b]).buffer);
 */
export function sumMessages(
  messages: readonly Uint8Array[],
  from: readonly number[] = messages.map((_, rank) => rank),
): Bytes {
  const length = Math.floor((messages[0]?.length ?? 0) / 4);
  const sum = new Float32Array(length);
  for (const message of messages) add(sum, floatsOf(message, length));
  const { count, first } = nonFiniteIn(sum);
  if (count > 0) {
    const vectors = messages.map((message) => finiteFloatsOf(message, length));
    const values = vectors.map((vector, i) => `${vector[first]} from rank ${from[i]}`);
    throw new OverflowError(`the sum of ${messages.length} messages`, count, first, `: ${someOf(values)}`);
  }
  return bytesOf(sum);
}

/**
 * The sum that a round of route `sum` left in an inbox.
 * @throws PacketError where it has another length, or NaN in it; OverflowError where it has infinity
 */
export function sumOf(inbox: readonly Uint8Array[], length: number): Float32Array {
  const bytes = only(inbox);
  const sum = floatsOf(bytes, length);
  const { count, first } = nonFiniteIn(sum);
  if (count > 0 && !sum.some(Number.isNaN)) throw new OverflowError('the sum in the inbox', count, first);
  return finiteFloatsOf(bytes, length);
}

/**
 * A message that is a vector of `length` float32.
 * @throws PacketError where it has another length
 */
export function floatsOf(bytes: Uint8Array, length: number): Float32Array {
  if (bytes.length !== length * 4)
    throw new PacketError(`a message of ${bytes.length} bytes, expected ${length * 4}`, bytes.length);
  // a view where the bytes are aligned; else a copy, by the constructor: a Node Buffer's own slice is a view
  const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(buffer, byteOffset, length);
}

/**
 * As floatsOf, of finite numbers.
 * @throws PacketError also where one is NaN or infinite
 */
export function finiteFloatsOf(bytes: Uint8Array, length: number): Float32Array {
  const floats = floatsOf(bytes, length);
  const bad = floats.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new PacketError(`value ${bad} of the message is NaN or infinite`, bad * 4);
  return floats;
}

/**
 * A vector as a message: its own memory, or a copy where that is shared, since sockets take none that is, or is part of
 * another's, since messages may be transferred.
 */
export function bytesOf(floats: Float32Array): Bytes {
  const { buffer, byteLength } = floats;
  const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  return new Uint8Array(whole ? buffer : floats.slice().buffer);
}
