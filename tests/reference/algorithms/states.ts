/**
 * Saved states, read and written by the layout that ts/algorithms/state.ts gives: 'fbst', u32 version, u32 bytes of
 * JSON, JSON filled up with spaces, float32 vectors, CRC-32C.
 */
import type { Stateful } from '../../../ts/algorithms/system.ts';
import { crc32c } from '../../../ts/packet/crc32c.ts';

export interface Saved {
  readonly of: string;
  readonly numbers: Readonly<Record<string, number | readonly number[]>>;
  readonly vectors: Readonly<Record<string, Float32Array>>;
}

export function readState(bytes: Uint8Array): Saved {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 12 + view.getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(12, at))) as {
    of: string;
    numbers: Saved['numbers'];
    vectors: [string, number][];
  };
  const vectors: Record<string, Float32Array> = {};
  for (const [name, length] of header.vectors) {
    vectors[name] = new Float32Array(bytes.slice(at, (at += length * 4)).buffer);
  }
  return { of: header.of, numbers: header.numbers, vectors };
}

/** A state whose header is this text, and whose CRC is right. */
export function stateWith(header: string, ...vectors: Float32Array[]): Uint8Array {
  const text = new TextEncoder().encode(header);
  const floats = vectors.flatMap((vector) => [...new Uint8Array(vector.slice().buffer)]);
  const bytes = new Uint8Array([...new Array<number>(12).fill(0), ...text, ...floats, 0, 0, 0, 0]);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('fbst'));
  view.setUint32(4, 1, true);
  view.setUint32(8, text.length, true);
  view.setUint32(bytes.length - 4, crc32c(bytes.subarray(0, -4)), true);
  return bytes;
}

/** The states of these, in their order. */
export async function savedBy(machines: Iterable<Stateful>): Promise<Uint8Array[]> {
  const states: Uint8Array[] = [];
  for (const machine of machines) states.push(await machine.save());
  return states;
}

/** Each machine goes on from its state. */
export async function loadAll(machines: Iterable<Stateful>, states: readonly Uint8Array[]): Promise<void> {
  let place = 0;
  for (const machine of machines) await machine.load(states[place++]);
}

/** The same state with other numbers. */
export function withNumbers(bytes: Uint8Array, numbers: Saved['numbers']): Uint8Array {
  const saved = readState(bytes);
  const lengths = Object.entries(saved.vectors).map(([name, { length }]) => [name, length]);
  const text = JSON.stringify({ of: saved.of, numbers: { ...saved.numbers, ...numbers }, vectors: lengths });
  return stateWith(text.padEnd(Math.ceil(text.length / 4) * 4), ...Object.values(saved.vectors));
}
