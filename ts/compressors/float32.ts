/** No compression: the vector as it is, in a packet, so that an uncompressed baseline takes the same code path. */
import { requireOptions } from '../arguments.ts';
import { NonFiniteError } from '../errors.ts';
import { findNonFinite } from '../kernels/reduce.ts';
import { LONG } from '../packet/crc32c.ts';
import { bodyOf, cutSections, requireParameters, roomFor } from '../packet/packet.ts';
import { decodeValues } from '../packet/values.ts';
import type { Steps } from '../kernels/scope.ts';
import {
  defineCompressor,
  type Codec,
  type Compressor,
  type Encoded,
  type PacketParameters,
} from './compressor.ts';
import { NOTHING, whole } from './decoded.ts';

const ID = 5;

/**
 * Sends every element as it is: 32 bits each. For baselines, and for steps that must be exact. A GPU buffer of the
 * user's needs usage COPY_SRC for it.
 *
 * @param options none; an object without properties
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError where there is an option
 * @example
 * const packet = await device.compress(float32(), gradient);
 */
export function float32(options: Readonly<Record<string, never>> = {}): Compressor {
  requireOptions('float32', options, []);
  const parameters = (): PacketParameters => ({});
  return defineCompressor('float32', {}, parameters, function* (scope, x, _draw, makeRoom): Steps<Encoded> {
    const { n } = x;
    if (n === 0) return { id: ID, n, parameters: [], sections: [] };
    // copied as its CRC is computed, and looked at there; a part of a plan has no CRC of its own, and no room
    if (makeRoom !== undefined && n >= LONG && scope.shortens) {
      const room = makeRoom(0, n);
      const tail = { buffer: x.buffer, words: n };
      return { id: ID, n, parameters: [], sections: [bodyOf(room, 0)], room, tail };
    }
    const found = findNonFinite(scope, x);
    // read to where they lie in the packet: a second array of their size would cost as much again
    const room = (makeRoom ?? roomFor)(0, n);
    const body = bodyOf(room, 0);
    const [[bad, first]] = yield scope.read(found, { buffer: x.buffer, count: n, into: body });
    if (bad > 0) throw new NonFiniteError(bad, first);
    return { id: ID, n, parameters: [], sections: [body], room };
  });
}

export const float32Codec: Codec = {
  id: ID,
  name: 'float32',
  describe(packet) {
    requireParameters(packet, 0);
    const sections = [{ name: 'values', words: packet.n }];
    cutSections(packet, sections);
    return { parameters: {}, sections };
  },
  decode(scope, packet) {
    const { n } = packet;
    const { body, bodyOffset, finite } = packet;
    const values = finite ? body : decodeValues(body, n, 'float32', bodyOffset, scope.coder);
    return n === 0 ? NOTHING : whole(scope, n, values);
  },
};
