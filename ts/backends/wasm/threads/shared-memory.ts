/** The module as it is compiled, for memory that threads share: what it says of its import is all that differs. */

import type { Bytes } from '../../../platform.ts';

/** Sections of a module, and what they hold, by number. */
const IMPORTS = 2;
const HEADER = 8;
const MEMORY = 2;

/** Limits of a memory: shared, with a least and a greatest size, 1 and 65536 pages. */
const SHARED_LIMITS = [3, 1, 0x80, 0x80, 0x04];

/**
 * The same module, with its one import, a memory, as shared memory of any size.
 * @throws Error where the module is not built like ours
 */
export function shareMemory(bytes: Uint8Array): Bytes {
  for (let at = HEADER; at < bytes.length;) {
    const [size, body] = readNumber(bytes, at + 1);
    if (bytes[at] === IMPORTS) {
      const [count, first] = readNumber(bytes, body);
      const [moduleLength, moduleAt] = readNumber(bytes, first);
      const [nameLength, nameAt] = readNumber(bytes, moduleAt + moduleLength);
      const kind = nameAt + nameLength;
      if (count !== 1 || bytes[kind] !== MEMORY) break;
      const imports = [...bytes.subarray(body, kind + 1), ...SHARED_LIMITS];
      const section = [IMPORTS, ...number(imports.length), ...imports];
      return Uint8Array.from([...bytes.subarray(0, at), ...section, ...bytes.subarray(body + size)]);
    }
    at = body + size;
  }
  throw new Error('the module does not import a memory and nothing else');
}

/** A number in LEB128, unsigned: its value, and where the next byte is. */
function readNumber(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7, at++) {
    value += (bytes[at] & 127) * 2 ** shift;
    if (bytes[at] < 128) return [value, at + 1];
  }
}

function number(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)];
}
