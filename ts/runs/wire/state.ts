/**
 * States of a run as bytes: what a worker loads, and what a server keeps on disk. A list of byte strings: 'fbrs', u32
 * how many, a u32 length each, then the strings, each filled up to whole words; CRC-32C of all of it.
 */
import { packState, unpackState } from '../../algorithms/state.ts';
import type { Model } from '../../algorithms/system.ts';
import { PacketError } from '../../errors.ts';
import { crc32c } from '../../packet/crc32c.ts';
import { packJson, unpackJson } from './json.ts';
import { termsOf, type Terms } from './terms.ts';

const MAGIC = 0x73726266;
const HEAD = 8;

const filled = (length: number): number => Math.ceil(length / 4) * 4;

/** Byte strings as one. */
export function packList(list: readonly Uint8Array[]): Uint8Array {
  const start = HEAD + list.length * 4;
  const size = list.reduce((sum, { length }) => sum + filled(length), start);
  const bytes = new Uint8Array(size + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, list.length, true);
  let at = start;
  for (const [i, one] of list.entries()) {
    view.setUint32(HEAD + i * 4, one.length, true);
    bytes.set(one, at);
    at += filled(one.length);
  }
  view.setUint32(size, crc32c(bytes.subarray(0, size)), true);
  return bytes;
}

/**
 * The reverse; the strings are views.
 * @throws PacketError where the bytes are damaged or no such list
 */
export function unpackList(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - 4;
  if (end < HEAD || view.getUint32(0, true) !== MAGIC)
    throw new PacketError("the bytes do not start with 'fbrs': no state of a run", 0);
  if (view.getUint32(end, true) !== crc32c(bytes.subarray(0, end)))
    throw new PacketError('the CRC does not match: the state was damaged', end);
  const count = view.getUint32(4, true);
  let at = HEAD + count * 4;
  if (at > end) throw new PacketError('the state ends in its list of lengths', HEAD);
  const list = Array.from({ length: count }, (_, i) => {
    const length = view.getUint32(HEAD + i * 4, true);
    const one = bytes.subarray(at, at + length);
    at += filled(length);
    return one;
  });
  if (at !== end) throw new PacketError('the lengths do not fill the state', HEAD);
  return list;
}

/** A model's numbers: parameters, and the velocity where there is momentum. */
export function packModel({ parameters, velocity, momentum }: Model): Uint8Array {
  const vectors: Record<string, Float32Array> = momentum > 0 ? { parameters, velocity } : { parameters };
  return packState({ of: 'fewbits model', numbers: {}, vectors });
}

/**
 * Sets a model to what was packed.
 * @throws PacketError where that has another size; the model is as it was
 */
export function unpackModel(bytes: Uint8Array, model: Model): void {
  const { vectors } = unpackState(bytes, 'fewbits model');
  const names = model.momentum > 0 ? (['parameters', 'velocity'] as const) : (['parameters'] as const);
  for (const name of names)
    if (vectors[name]?.length !== model[name].length)
      throw new PacketError(
        `"${name}" has ${vectors[name]?.length ?? 0} elements, expected ${model[name].length}`,
        0,
      );
  for (const name of names) model[name].set(vectors[name]);
}

/** The last message of a worker that was used in a closed round: where, and the CRC-32 of its bytes. */
export interface UsedMessage {
  readonly step: number;
  readonly round: number;
  readonly crc: number;
}

/** In JSON, whose first format has the name `turn` for a round. */
export interface UsedJson {
  readonly step: number;
  readonly turn: number;
  readonly crc: number;
}

export const jsonOfUsed = ({ step, round, crc }: UsedMessage): UsedJson => ({ step, turn: round, crc });
export const usedOfJson = ({ step, turn, crc }: UsedJson): UsedMessage => ({ step, round: turn, crc });

/** What a worker loads to go on, as the message of kind `state` has it. */
export interface RunState {
  /** What goes with the model. */
  readonly common: Uint8Array;
  readonly model: Uint8Array;
  /** The last message of this worker that was used, if there was one. */
  readonly used: UsedMessage | undefined;
  /** The terms of the step that begins with it; undefined of a server that never changes them. */
  readonly terms?: Terms;
}

export function packRunState({ common, model, used, terms }: RunState): Uint8Array {
  const json = { ...(used !== undefined && jsonOfUsed(used)), ...(terms !== undefined && { terms }) };
  return packList([common, model, packJson(json)]);
}

/** @throws PacketError where the bytes are damaged or no such state */
export function unpackRunState(bytes: Uint8Array): RunState {
  const [common, model, json] = unpackList(bytes);
  const { step, turn, crc, terms } = unpackJson<UsedJson & { terms: object }>(json);
  const isUsed = step !== undefined && turn !== undefined && crc !== undefined;
  return {
    common,
    model,
    used: isUsed ? usedOfJson({ step, turn, crc }) : undefined,
    ...(terms !== undefined && { terms: termsOf(terms) }),
  };
}
