/** Two strings of bytes as one: u32 length of the first, little-endian, the first, the second. */
import { requireBytes } from '../arguments.ts';
import { PacketError } from '../errors.ts';
import type { Bytes } from '../platform.ts';

/** Both, one after the other, in an ArrayBuffer of their own. */
export function packed(first: Uint8Array, second: Uint8Array): Bytes {
  const bytes = new Uint8Array(4 + first.length + second.length);
  new DataView(bytes.buffer).setUint32(0, first.length, true);
  bytes.set(first, 4);
  bytes.set(second, 4 + first.length);
  return bytes;
}

/** The reverse. @throws PacketError where the bytes end before the first does */
export function unpacked(given: Uint8Array): readonly [first: Bytes, second: Bytes] {
  // a copy, by the constructor: a Node Buffer's own slice is a view
  const bytes = new Uint8Array(requireBytes('state', given));
  const view = new DataView(bytes.buffer);
  const end = bytes.length < 4 ? Infinity : 4 + view.getUint32(0, true);
  if (end > bytes.length) throw new PacketError(`a state of ${bytes.length} bytes ends too early`, 0);
  return [bytes.slice(4, end), bytes.slice(end)];
}
