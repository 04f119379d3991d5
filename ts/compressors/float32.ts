/** No compression: the vector as it is, in a packet, so that an uncompressed baseline takes the same code path. */
import { requireOptions } from '../arguments.ts';
import { NonFiniteError } from '../errors.ts';
import { findNonFinite } from '../kernels/reduce.ts';
import { cutSections, requireParameters } from '../packet/packet.ts';
import { decodeValues } from '../packet/values.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
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
  return defineCompressor('float32', {}, parameters, function* (scope, x) {
    const { n } = x;
    if (n === 0) return { id: ID, n, parameters: [], sections: [] };
    const found = findNonFinite(scope, x);
    const [values, [bad, first]] = yield scope.read({ buffer: x.buffer, count: n }, found);
    if (bad > 0) throw new NonFiniteError(bad, first);
    return { id: ID, n, parameters: [], sections: [values] };
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
    const values = decodeValues(packet.body, n, 'float32', packet.bodyOffset);
    return n === 0 ? NOTHING : whole(scope, n, values);
  },
};
