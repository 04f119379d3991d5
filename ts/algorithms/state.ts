/**
 * The states of workers and servers as bytes: 'fbst', u32 version 1, u32 bytes of JSON, the JSON (numbers, and the
 * lengths of vectors) filled up with spaces to whole words, the vectors as float32, CRC-32C. Little-endian. Where a
 * machine keeps bytes, packets for example, the JSON has their lengths too, and they stand between the vectors and the
 * CRC, each filled up with zeros to whole words.
 */
import { requireBytes } from '../arguments.ts';
import type { Device } from '../device.ts';
import { PacketError } from '../errors.ts';
import { crc32c } from '../packet/crc32c.ts';
import type { Bytes } from '../platform.ts';
import { settle, type Kept } from './kept.ts';
import type { Stateful } from './system.ts';

const MAGIC = 0x74736266;
const VERSION = 1;
const HEAD = 12;

/** Numbers by name, and vectors by name: all that a state machine keeps from step to step. */
export interface State {
  /** What the state is of: a name and a place, which `load` compares. */
  readonly of: string;
  readonly numbers: Readonly<Record<string, number | readonly number[]>>;
  readonly vectors: Readonly<Record<string, Float32Array>>;
  /** Of those that keep some: bytes by name. */
  readonly bytes?: Readonly<Record<string, Uint8Array>>;
}

type Lengths = readonly (readonly [name: string, length: number])[];

interface Header {
  readonly of: string;
  readonly numbers: State['numbers'];
  readonly vectors: Lengths;
  readonly bytes?: Lengths;
}

const padded = (length: number): number => Math.ceil(length / 4) * 4;

/** A state as bytes, in an ArrayBuffer of its own. */
export function packState({ of, numbers, vectors, bytes: kept }: State): Bytes {
  const listed = (parts: object): [string, number][] =>
    Object.entries(parts as Record<string, ArrayLike<number>>).map(([name, { length }]) => [name, length]);
  const lengths = listed(vectors);
  const sizes = kept && listed(kept);
  const text = new TextEncoder().encode(
    JSON.stringify({ of, numbers, vectors: lengths, ...(sizes && { bytes: sizes }) }),
  );
  const start = HEAD + padded(text.length);
  const floats = lengths.reduce((sum, [, length]) => sum + length, 0);
  const rest = (sizes ?? []).reduce((sum, [, length]) => sum + padded(length), 0);
  const bytes = new Uint8Array(start + floats * 4 + rest + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, start - HEAD, true);
  bytes.fill(0x20, HEAD, start).set(text, HEAD);
  let at = start;
  for (const vector of Object.values(vectors)) {
    new Float32Array(bytes.buffer, at, vector.length).set(vector);
    at += vector.length * 4;
  }
  for (const part of Object.values(kept ?? {})) {
    bytes.set(part, at);
    at += padded(part.length);
  }
  view.setUint32(at, crc32c(bytes.subarray(0, at)), true);
  return bytes;
}

/**
 * The reverse.
 * @throws PacketError where the bytes are damaged, or are a state of something else than `of`
 */
export function unpackState(given: Uint8Array, of: string): State {
  // a copy, by the constructor: a Node Buffer's own slice is a view
  const bytes = new Uint8Array(requireBytes('state', given));
  const view = new DataView(bytes.buffer);
  if (bytes.length < HEAD + 4 || view.getUint32(0, true) !== MAGIC)
    throw new PacketError("the bytes do not start with 'fbst': no saved state", 0);
  if (view.getUint32(4, true) !== VERSION)
    throw new PacketError(`state version ${view.getUint32(4, true)}; this release reads ${VERSION}`, 4);
  const end = bytes.length - 4;
  if (view.getUint32(end, true) !== crc32c(bytes.subarray(0, end)))
    throw new PacketError('the CRC does not match: the state was damaged', end);
  const start = HEAD + view.getUint32(8, true);
  if (start > end || start % 4 !== 0)
    throw new PacketError('the header passes the end of the state, or is no whole words', 8);
  const header = parse(bytes.subarray(HEAD, start));
  if (header.of !== of) throw new PacketError(`a state of ${header.of}, expected ${of}`, HEAD);
  const vectors: Record<string, Float32Array> = {};
  let at = start;
  for (const [name, length] of header.vectors) {
    if (at + length * 4 > end) throw new PacketError(`"${name}" passes the end of the state`, at);
    vectors[name] = new Float32Array(bytes.buffer, at, length);
    at += length * 4;
  }
  const kept: Record<string, Uint8Array> = {};
  for (const [name, length] of header.bytes ?? []) {
    if (at + padded(length) > end) throw new PacketError(`"${name}" passes the end of the state`, at);
    kept[name] = bytes.subarray(at, at + length);
    at += padded(length);
  }
  if (at !== end) throw new PacketError(`${end - at} bytes after the vectors`, at);
  return { of, numbers: header.numbers, vectors, ...(header.bytes && { bytes: kept }) };
}

/** @throws PacketError unless the bytes are JSON of a header */
function parse(bytes: Uint8Array): Header {
  const header = json(bytes) as Partial<Record<keyof Header, unknown>> | null;
  const isLength = (pair: unknown): boolean =>
    Array.isArray(pair) && typeof pair[0] === 'string' && Number.isInteger(pair[1]) && pair[1] >= 0;
  if (
    typeof header?.of !== 'string' ||
    typeof header.numbers !== 'object' ||
    header.numbers === null ||
    !Array.isArray(header.vectors) ||
    !header.vectors.every(isLength) ||
    (header.bytes !== undefined && !(Array.isArray(header.bytes) && header.bytes.every(isLength)))
  )
    throw new PacketError('the header has no name, numbers or lengths of vectors', HEAD);
  return header as Header;
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    throw new PacketError('the header is not JSON', HEAD);
  }
}

/** Names of the number of the next step. */
const STEPS: readonly string[] = ['step', 't'];

/** Whether a saved value can stand where `own` stands: a number, or as many numbers. */
function fits(name: string, saved: unknown, own: number | readonly number[]): boolean {
  if (STEPS.includes(name))
    return Number.isInteger(saved) && (saved as number) >= 0 && (saved as number) < 2 ** 32;
  if (typeof own === 'number') return Number.isFinite(saved);
  return Array.isArray(saved) && saved.length === own.length && saved.every(Number.isFinite);
}

type Numbers = Record<string, number | readonly number[]>;

/** @throws PacketError unless a state has these vectors, by their lengths, and the numbers of `own` */
export function requireLike(state: State, lengths: Readonly<Record<string, number>>, own: Numbers): void {
  for (const [name, length] of Object.entries(lengths)) {
    const saved = state.vectors[name];
    if (saved?.length !== length)
      throw new PacketError(`"${name}" has ${saved?.length ?? 0} elements, expected ${length}`, HEAD);
  }
  for (const [name, vector] of Object.entries(state.vectors))
    if (!vector.every(Number.isFinite))
      throw new PacketError(`"${name}" of the state holds NaN or infinity`, HEAD);
  for (const [name, value] of Object.entries(own))
    if (!fits(name, state.numbers[name], value))
      throw new PacketError(`"${name}" of the state is missing, or no number as it should be`, HEAD);
}

/** Vectors in memory by name. */
export type Vectors = Readonly<Record<string, Float32Array>>;

const lengthsOf = (vectors: Readonly<Record<string, { readonly length: number }>>): Record<string, number> =>
  Object.fromEntries(Object.entries(vectors).map(([name, { length }]) => [name, length]));

/**
 * `save` and `load` over live numbers and vectors: `of` names the state, `numbers` gives what changes, `common` vectors
 * in memory, `restore` sets both; the vectors on the device that `kept` gives are written in place.
 */
export function stateful<Own extends Numbers>(
  device: Device,
  of: () => string,
  kept: () => Readonly<Record<string, Kept>>,
  numbers: () => Own,
  restore: (numbers: Own, common: Vectors) => void,
  common: () => Vectors = () => ({}),
): Stateful {
  return {
    async save() {
      // numbers of the same moment as the vectors
      const saved = numbers();
      const vectors: Record<string, Float32Array> = { ...common() };
      for (const [name, own] of Object.entries(kept())) {
        await settle(device, own);
        vectors[name] = await own.vector.read();
      }
      return packState({ of: of(), numbers: saved, vectors });
    },
    async load(bytes) {
      const vectors = Object.entries(kept());
      const state = unpackState(bytes, of());
      const onDevice = Object.fromEntries(vectors.map(([name, { vector }]) => [name, vector]));
      const inMemory = common();
      requireLike(state, lengthsOf({ ...inMemory, ...onDevice }), numbers());
      for (const [name, own] of vectors) {
        delete own.sent;
        await own.vector.write(state.vectors[name]);
      }
      restore(state.numbers as Own, ofNames(state.vectors, inMemory));
    },
  };
}

/** The state of a machine that has no vectors. */
export function numbered<Own extends Numbers>(
  of: () => string,
  numbers: () => Own,
  restore: (numbers: Own) => void,
): { save(): Bytes; load(state: Uint8Array): void } {
  const state = shared(of, numbers, restore);
  return { save: () => state.share(), load: (bytes) => state.adopt(bytes) };
}

/** Of these vectors those that have the names of others. */
function ofNames(vectors: Vectors, others: Vectors): Vectors {
  return Object.fromEntries(Object.keys(others).map((name) => [name, vectors[name]]));
}

/**
 * `share` and `adopt` over live numbers and vectors in memory: those of `stateful` which all workers have in common,
 * under a name without a rank. They have no vectors on a device, so that nothing is waited for. `forget` ends a step
 * that is under way, whose message was taken or not.
 */
export function shared<Own extends Numbers>(
  of: () => string,
  numbers: () => Own,
  restore: (numbers: Own, common: Vectors) => void,
  forget: (taken: boolean) => void = () => {},
  common: () => Vectors = () => ({}),
): { share(): Bytes; adopt(shared: Uint8Array, taken?: boolean): void } {
  return {
    share: () => packState({ of: of(), numbers: numbers(), vectors: common() }),
    adopt(bytes, taken = false) {
      const state = unpackState(bytes, of());
      const vectors = common();
      requireLike(state, lengthsOf(vectors), numbers());
      restore(state.numbers as Own, ofNames(state.vectors, vectors));
      forget(taken);
    },
  };
}
