/** What a device makes of a case, and where two outcomes differ. */
import type { PacketDevice } from '../device.ts';
import { inspect } from '../inspect.ts';
import { wordsOf } from '../kernels/scope.ts';
import type { Case } from './cases.ts';

/** A packet and the vector that it decodes to, or an error instead of either. */
export interface Outcome {
  readonly packet?: Uint8Array;
  readonly vector?: Float32Array;
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
  /** What differs: a packet's byte, an element of the decoded vector, or whether there is an error. */
  readonly what: 'packet' | 'vector' | 'error';
  /** The first byte that differs, from the start of the packet or of the vector. */
  readonly byte?: number;
  /** The part of the packet that it lies in. */
  readonly section?: string;
  /** What js has there, in hexadecimal, or the error. */
  readonly expected: string;
  readonly got: string;
}

/** Compresses and decompresses; an error is part of the outcome. */
export async function outcomeOf(
  device: PacketDevice,
  { compressor, draw }: Case,
  x: Float32Array,
): Promise<Outcome> {
  let packet: Uint8Array | undefined;
  try {
    packet = await device.compress(compressor, x, draw);
    return { packet, vector: await device.decompress(packet) };
  } catch (cause) {
    return { packet, error: cause instanceof Error ? cause : new Error(String(cause)) };
  }
}

/** What a difference says beside the case. */
type Where = Pick<Difference, 'what' | 'byte' | 'section' | 'expected' | 'got'>;

/** Where `got` differs first from what js made; undefined where it is the same. */
export function differenceOf(expected: Outcome, got: Outcome): Where | undefined {
  if (expected.packet !== undefined && got.packet !== undefined) {
    const byte = firstDifference(expected.packet, got.packet);
    if (byte !== undefined) {
      const section = sectionAt(expected.packet, byte);
      const [a, b] = [expected.packet, got.packet].map((packet) => hex(packet, byte, 1));
      return { what: 'packet', byte, section, expected: a, got: b };
    }
  }
  if (expected.error?.name !== got.error?.name)
    return { what: 'error', expected: said(expected), got: said(got) };
  if (expected.vector === undefined || got.vector === undefined) return undefined;
  const [vector, other] = [bytesOf(expected.vector), bytesOf(got.vector)];
  const byte = firstDifference(vector, other);
  if (byte === undefined) return undefined;
  const word = byte - (byte % 4);
  return { what: 'vector', byte, expected: hex(vector, word, 4), got: hex(other, word, 4) };
}

function said({ error }: Outcome): string {
  return error === undefined ? 'no error' : `${error.name}: ${error.message}`;
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
