/** From packets to vectors: one packet, written or added, and the mean of several. */
import { isGpuRange } from '../arguments.ts';
import type { DeviceBuffer, ReadRequest } from '../backends/backend.ts';
import { PacketError } from '../errors.ts';
import { clearKernel, scaleOf } from '../kernels/accumulate.ts';
import {
  type DeviceVector,
  isArray,
  lengthOf,
  requireLength,
  type VectorLike,
} from '../kernels/device-vector.ts';
import { type Scope, type Steps, wordsOf } from '../kernels/scope.ts';
import { readPacket } from '../packet/packet.ts';
import type { CodecOf } from './compressor.ts';
import type { Decoded, Place } from './decoded.ts';
import { addList, sumLists, writeList } from './lists.ts';

/** What decoding a packet goes by. */
export interface Rules {
  readonly codecOf: CodecOf;
  /** The most elements that a packet may decode to. */
  readonly maxElements: number;
}

/** @throws PacketError where the bytes are not a sound packet, or stand for more elements than the rules allow */
export function openPacket(
  scope: Scope,
  bytes: Uint8Array,
  { codecOf, maxElements }: Rules,
): Decoded & { readonly n: number } {
  const packet = readPacket(bytes, (words) => scope.shorten(words));
  const { n } = packet;
  const codec = codecOf(packet);
  codec.describe(packet);
  if (n > maxElements) throw new PacketError(`n = ${n} elements; "maxElements" allows ${maxElements}`, 8);
  return { n, ...codec.decode(scope, packet) };
}

/** What a packet stands for, written to `into`, or added to it that many times; a new array where that is left out. */
export function* decodeInto<Target extends VectorLike>(
  scope: Scope,
  bytes: Uint8Array,
  { into, accumulate }: { readonly into?: Target; readonly accumulate?: number },
  rules: Rules,
): Steps<Target | Float32Array> {
  const decoded = openPacket(scope, bytes, rules);
  const { n } = decoded;
  const y = into === undefined ? new Float32Array(n) : targetOf(into, n);
  if (n === 0) return into ?? new Float32Array(0);
  if (accumulate === undefined) yield* done(writeTo(scope, decoded, y));
  else yield* done(addTo(scope, decoded, scaleOf(accumulate), y));
  return into ?? (y as Float32Array);
}

/** What a backend has to do for targets: what is left to read for them; undefined where the host has done it all. */
type Pending = readonly ReadRequest[] | undefined;

/** Queues y = what a packet stands for. What the host has needs no backend. */
function writeTo(scope: Scope, decoded: Decoded, y: VectorLike): Pending {
  if (isArray(y)) {
    if (decoded.parts !== undefined)
      return eachPart(decoded.parts, y, (part, own) => writeTo(scope, part, own));
    if (decoded.words !== undefined) return void wordsOf(y).set(decoded.words);
    if (decoded.list !== undefined) return void writeList(decoded.list, wordsOf(y));
  }
  return on(scope.written(y, decoded.streamed), (buffer) => decoded.write(buffer));
}

/** Queues y += what a packet stands for, times a scale. */
function addTo(scope: Scope, decoded: Decoded, scale: number, y: VectorLike): Pending {
  if (isArray(y)) {
    if (decoded.parts !== undefined)
      return eachPart(decoded.parts, y, (part, own) => addTo(scope, part, scale, own));
    if (decoded.list !== undefined) return void addList(decoded.list, scale, y);
  }
  return on(scope.changed(y, decoded.streamed), (buffer) => decoded.add(buffer, scale));
}

/** The parts of a vector one by one, each with its elements of y. */
function eachPart<Part extends Place>(
  parts: readonly Part[],
  y: Float32Array,
  work: (part: Part, own: Float32Array, i: number) => Pending,
): Pending {
  const all = parts.map((part, i) => work(part, y.subarray(part.first, part.first + part.n), i));
  const queued = all.filter((pending) => pending !== undefined);
  return queued.length > 0 ? queued.flat() : undefined;
}

/** Waits for what is queued. */
function* done(pending: Pending): Steps<void> {
  if (pending !== undefined) yield pending;
}

/** The mean of what packets stand for: zeros, to which each is added in their order, times its share of the weights. */
export function* meanInto<Target extends VectorLike>(
  scope: Scope,
  packets: readonly Uint8Array[],
  { into, weights }: { readonly into?: Target; readonly weights?: readonly number[] },
  rules: Rules,
): Steps<Target | Float32Array> {
  const all = packets.map((bytes) => openPacket(scope, bytes, rules));
  const [{ n }] = all;
  all.forEach((one, i) => {
    if (one.n !== n) throw new PacketError(`packet ${i} is of ${one.n} elements, packet 0 of ${n}`, 8);
  });
  const y = into === undefined ? new Float32Array(n) : targetOf(into, n);
  const total = weights?.reduce((sum, weight) => sum + weight, 0) ?? packets.length;
  const shares = packets.map((_, i) => (weights?.[i] ?? 1) / total);
  if (n > 0) yield* sumOf(scope, all, shares, y);
  return into ?? (y as Float32Array);
}

/**
 * Adds what packets stand for to a vector of as many elements, in their order, each times its share; `fresh` where that
 * begins with zeros. Where a packet is refused nothing is added.
 */
export function* addInto(
  scope: Scope,
  packets: readonly Uint8Array[],
  {
    into,
    shares,
    fresh,
  }: { readonly into: DeviceVector; readonly shares: readonly number[]; readonly fresh: boolean },
  rules: Rules,
): Steps<void> {
  const n = lengthOf(into);
  const all = packets.map((bytes) => openPacket(scope, bytes, rules));
  for (const one of all)
    if (one.n !== n) throw new PacketError(`a packet of ${one.n} elements, expected ${n}`, 8);
  if (fresh) yield* sumOf(scope, all, shares, into);
  else yield on(scope.changed(into), (buffer) => addEach(all, shares.map(scaleOf), buffer));
}

function addEach(packets: readonly Decoded[], scales: readonly number[], y: DeviceBuffer): void {
  packets.forEach((packet, i) => packet.add(y, scales[i]));
}

/** y = zeros, to which each of the packets is added in their order, times its share. y has n >= 1 elements, as they. */
export function* sumOf(
  scope: Scope,
  packets: readonly Decoded[],
  shares: readonly number[],
  y: VectorLike,
): Steps<void> {
  yield* done(addAll(scope, packets, shares.map(scaleOf), y));
}

/** Queues y = zeros, to which packets are added. */
function addAll(
  scope: Scope,
  packets: readonly Decoded[],
  scales: readonly number[],
  y: VectorLike,
): Pending {
  if (isArray(y)) {
    const [{ parts }] = packets;
    if (parts !== undefined && packets.every((packet) => cutAs(packet.parts, parts)))
      return eachPart(parts, y, (_, own, i) =>
        addAll(
          scope,
          packets.map((packet) => packet.parts![i]),
          scales,
          own,
        ),
      );
    const lists = packets.flatMap(({ list }) => list ?? []);
    if (lists.length === packets.length) return void sumLists(lists, scales, y);
  }
  const streamed = packets.every((packet) => packet.streamed);
  return on(scope.written(y, streamed), (buffer) => {
    scope.run(clearKernel, { y: buffer }, { n: lengthOf(y) });
    addEach(packets, scales, buffer);
  });
}

/** Whether two vectors are cut into the same parts. */
function cutAs(parts: readonly Place[] | undefined, others: readonly Place[]): boolean {
  return (
    parts?.length === others.length &&
    parts.every(({ first, n }, i) => first === others[i].first && n === others[i].n)
  );
}

/** Queues work on a target; what is left to read for it. */
function on(
  target: ReturnType<Scope['written']>,
  work: (buffer: typeof target.buffer) => void,
): readonly ReadRequest[] {
  work(target.buffer);
  return target.done();
}

/** A target of n elements; of a range of a GPU buffer the length may be left out. */
function targetOf<Target extends VectorLike>(into: Target, n: number): VectorLike {
  const y = isGpuRange(into) && into.length === undefined ? { ...into, length: n } : into;
  return requireLength('into', y, n);
}
