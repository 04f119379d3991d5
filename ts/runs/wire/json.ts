/** JSON as bytes, in messages and states of a run. */
import { PacketError } from '../../errors.ts';

/** JSON as bytes. */
export function packJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** @throws PacketError where the bytes are no JSON of an object */
export function unpackJson<T extends object>(bytes: Uint8Array): Partial<T> {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Partial<T> | null;
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // said below
  }
  throw new PacketError('the bytes are no JSON of an object', 0);
}
