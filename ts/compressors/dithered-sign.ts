/**
 * Dithered signs: one bit an element, unbiased without error feedback. The one-bit quantiser that flattened one-bit SGD
 * (arXiv 2405.11095) puts behind its transform, here without the transform, as its baseline.
 *
 * Parameter: lambda, as the bits of float32. Section: bits, 32 signs a word, 1 for negative.
 */
import { requireInteger, requireOptions } from '../arguments.ts';
import { PacketError } from '../errors.ts';
import { ditheredAndMaxKernel, packDitheredKernel, TINY } from '../kernels/dither.ts';
import { bitsOf, floatOf, INFINITE } from '../kernels/float-bits.ts';
import { packedWords } from '../kernels/pack.ts';
import { absSumKernel, nonFiniteError } from '../kernels/reduce.ts';
import { cutSections, requireParameters, requireZeroTail, type Packet } from '../packet/packet.ts';
import { defineCompressor, type Codec, type Compressor, type PacketParameters } from './compressor.ts';
import { MOST } from './count.ts';
import { NOTHING, signs as signsOf } from './decoded.ts';
import { requireLambda } from './lambda.ts';

const ID = 10;

/**
 * Sends sign(x_i + u_i), u_i uniform in [-lambda, lambda]: x_i decodes to +-lambda, with the expectation
 * clip(x_i, -lambda, lambda) and the variance lambda^2 - x_i^2. `lambda: 'max'`, the default, is max |x|: unbiased, and
 * as noisy as one large element makes it. n bits and 24 bytes. Draws are keyed by (seed, step, stream), the last two
 * from `compress`. Source: arXiv 2405.11095.
 *
 * @param options `seed`, an integer in 0..2^32 - 1; `lambda`, the dither's half width in units of x, or `'max'`
 * @returns an immutable compressor, for `device.compress` and for systems
 * @throws RangeError unless seed is in 0..2^32 - 1 and lambda is 'max' or in 2^-60..2^60
 * @example
 * const packet = await device.compress(ditheredSign({ seed: 7 }), gradient, { step });
 */
export function ditheredSign(options: {
  readonly seed: number;
  readonly lambda?: 'max' | number;
}): Compressor {
  requireOptions('ditheredSign', options, ['seed', 'lambda']);
  const seed = requireInteger('seed', options?.seed, 0, MOST);
  const lambda = requireLambda(options.lambda === undefined ? 'max' : options.lambda, ['max']);
  const parameters = (n: number): PacketParameters =>
    lambda === 'max' ? {} : { lambda: n === 0 ? 0 : Math.fround(lambda) };
  return defineCompressor('ditheredSign', options, parameters, function* (scope, x, draw) {
    const { n } = x;
    if (n === 0) return { id: ID, n, parameters: [0], sections: [] };
    const [bits, max] = [scope.take(packedWords(n, 1)), scope.take(1)];
    const numbers = { n, segment: n, seed, ...draw };
    if (lambda === 'max') {
      // 1. lambda: the largest magnitude, which the reduction leaves on the device
      scope.run(
        absSumKernel,
        { x: x.buffer, sums: scope.take(1), max },
        { n, segment: n, tiny: TINY, scale: 1 },
      );
      // 2. signs of the sums
      scope.run(packDitheredKernel, { z: x.buffer, lambdas: max, bits }, numbers);
    } else {
      const lambdas = scope.put(new Float32Array([lambda]));
      scope.run(ditheredAndMaxKernel, { z: x.buffer, lambdas, bits, max }, numbers);
    }
    const [signs, [largest]] = yield scope.read(bits, max);
    if (largest >= INFINITE) throw yield* nonFiniteError(scope, x);
    // what is less counts as zero
    const width = lambda === 'max' ? (largest < TINY ? 0 : largest) : bitsOf(lambda);
    return { id: ID, n, parameters: [width], sections: [signs] };
  });
}

function sectionsOf({ n }: Packet): { name: 'bits'; words: number }[] {
  return [{ name: 'bits', words: packedWords(n, 1) }];
}

function lambdaOf(packet: Packet): number {
  const [lambda] = requireParameters(packet, 1);
  if (lambda >= INFINITE) throw new PacketError('lambda is negative, NaN or infinite', 16);
  return lambda;
}

export const ditheredSignCodec: Codec = {
  id: ID,
  name: 'ditheredSign',
  describe(packet) {
    const parameters = { lambda: floatOf(lambdaOf(packet)) };
    const sections = sectionsOf(packet);
    cutSections(packet, sections);
    return { parameters, sections };
  },
  decode(scope, packet) {
    const { n, body, bodyOffset } = packet;
    const scales = new Uint32Array([lambdaOf(packet)]);
    requireZeroTail(body, n, bodyOffset);
    return n === 0 ? NOTHING : signsOf(scope, n, { bits: body, scales, segment: n });
  },
};
