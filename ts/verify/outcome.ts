/** What a device makes of a case, and where two outcomes differ. */
import type { PacketDevice } from '../packet-device.ts';
import { NonFiniteError } from '../errors.ts';
import { inspect } from '../inspect.ts';
import { wordsOf } from '../kernels/scope.ts';
import type { Case } from './cases.ts';
import { input } from './data.ts';

/** A packet, the vector that it decodes to and a sum with it, or an error instead of them. */
export interface Outcome {
  readonly packet?: Uint8Array;
  readonly vector?: Float32Array;
  /** A vector to which the packet was added, where the case asks for it. */
  readonly sum?: Float32Array;
  readonly error?: Error;
}

/** Where a form of a backend differs from js. */
export interface Difference {
  /** The form of the backend. */
  readonly target: string;
  /** The compressor with its options. */
  readonly compressor: string;
  /** The kind of data. */
  readonly data: string;
  /** Elements. */
  readonly n: number;
  readonly seed: number;
  /**
   * What differs: a packet's byte, an element of the decoded vector or of the sum with it, or whether a vector is
   * refused and what the error says of it. A `failure` is any other error; a `replay` the error of looking for the
   * kernel.
   */
  readonly what: 'packet' | 'vector' | 'sum' | 'error' | 'failure' | 'replay';
  /** Of a failure: how many cases had the same error. */
  readonly cases?: number;
  /** The first byte that differs, from the start of the packet, of the vector or of the sum. */
  readonly byte?: number;
  /** The part of the packet that it lies in. */
  readonly section?: string;
  /** What js has there, in hexadecimal, or the error. */
  readonly expected: string;
  readonly got: string;
}

/** Compresses and decompresses, and adds the packet where the case says so; an error is part of the outcome. */
export async function outcomeOf(device: PacketDevice, one: Case, x: Float32Array): Promise<Outcome> {
  const { compressor, draw, accumulate } = one;
  let packet: Uint8Array | undefined;
  let vector: Float32Array | undefined;
  try {
    packet = await device.compress(compressor, x, draw);
    vector = await device.decompress(packet);
    if (accumulate === undefined) return { packet, vector };
    const into = input('normal', one.n, one.seed + 1);
    return { packet, vector, sum: await device.decompress(packet, { into, accumulate }) };
  } catch (cause) {
    return { packet, vector, error: cause instanceof Error ? cause : new Error(String(cause)) };
  }
}

/** What a difference says beside the case. */
export type Where = Pick<Difference, 'what' | 'byte' | 'section' | 'expected' | 'got'>;

/** Where `got` differs first from what js made; undefined where it is the same. */
export function differenceOf(expected: Outcome, got: Outcome): Where | undefined {
  return (
    packetDifference(expected, got) ??
    errorDifference(expected, got) ??
    floatDifference('vector', expected.vector, got.vector) ??
    floatDifference('sum', expected.sum, got.sum)
  );
}

function packetDifference(expected: Outcome, got: Outcome): Where | undefined {
  if (expected.packet === undefined || got.packet === undefined) return undefined;
  const byte = firstDifference(expected.packet, got.packet);
  if (byte === undefined) return undefined;
  const section = sectionAt(expected.packet, byte);
  const [a, b] = [expected.packet, got.packet].map((packet) => hex(packet, byte, 1));
  return { what: 'packet', byte, section, expected: a, got: b };
}

/** A refusal is a result, with how many elements are not finite and which is the first; any other error a failure. */
function errorDifference({ error: expected }: Outcome, { error: got }: Outcome): Where | undefined {
  const same =
    expected?.name === got?.name &&
    (!(expected instanceof NonFiniteError && got instanceof NonFiniteError) ||
      (expected.count === got.count && expected.first === got.first));
  if (same) return undefined;
  const what = got === undefined || got instanceof NonFiniteError ? 'error' : 'failure';
  return { what, expected: said(expected ?? 'no error'), got: said(got ?? 'no error') };
}

function floatDifference(what: 'vector' | 'sum', x?: Float32Array, y?: Float32Array): Where | undefined {
  if (x === undefined || y === undefined) return undefined;
  const [expected, got] = [bytesOf(x), bytesOf(y)];
  const byte = firstDifference(expected, got);
  if (byte === undefined) return undefined;
  const word = byte - (byte % 4);
  return { what, byte, expected: hex(expected, word, 4), got: hex(got, word, 4) };
}

/** An error for people: its name and message, or whatever else was thrown. */
export function said(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** The bytes of a vector, where they lie. */
export function bytesOf(x: Float32Array): Uint8Array {
  const { buffer, byteOffset, byteLength } = wordsOf(x);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * The first place where two byte arrays differ, or where the shorter one ends. Both start at a multiple of four bytes.
 */
function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  const least = Math.min(a.length, b.length);
  const [x, y] = [a, b].map(({ buffer, byteOffset }) => new Uint32Array(buffer, byteOffset, least >>> 2));
  let i = 0;
  while (i < x.length && x[i] === y[i]) i++;
  let byte = i * 4;
  while (byte < least && a[byte] === b[byte]) byte++;
  return byte === least && a.length === b.length ? undefined : byte;
}

/** The bytes from there on as a number, the lowest byte last. */
function hex(bytes: Uint8Array, from: number, count: number): string {
  const digits = [...bytes.subarray(from, from + count)].reverse();
  if (digits.length === 0) return 'nothing';
  return `0x${digits.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

const HEADER_BYTES = 16;
const CRC_BYTES = 4;

/** The part of a sound packet that a byte lies in. */
export function sectionAt(packet: Uint8Array, byte: number): string {
  if (byte < HEADER_BYTES) return 'header';
  if (byte >= packet.length - CRC_BYTES) return 'CRC';
  const found = inspect(packet).sections.find(({ offset, bytes }) => byte >= offset && byte < offset + bytes);
  return found?.name ?? 'parameters';
}
