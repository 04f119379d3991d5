/**
 * What a machine lets in: packets of its compressor, for its n elements, with the parameters that follow from both.
 * What is refused changes nothing.
 */
import type { Compressor, PacketParameters } from '../compressors/compressor.ts';
import { requireBytes } from '../arguments.ts';
import type { Device } from '../device.ts';
import { PacketError } from '../errors.ts';
import { described as descriptionOf, type Inspection } from '../inspect.ts';
import { glance } from '../packet/packet.ts';

/** What packets are to be. */
export interface Expected {
  /** Left out where any compressor is taken: of one that does not say what its packets are, any may be. */
  readonly compressor?: string;
  readonly n: number;
  readonly parameters: PacketParameters;
  /** Of a plan: what its parts are to be. */
  readonly parts?: readonly Expected[];
}

/**
 * The packets of a compressor for n elements.
 * @throws RangeError where the compressor does not fit n
 */
export function packetsOf(compressor: Compressor, n: number): Expected {
  if (compressor.parameters === undefined) return { n, parameters: {} };
  const parameters = compressor.parameters(n);
  const parts = compressor.parts?.map((part) => packetsOf(part.compressor, part.n));
  return { compressor: compressor.name, n, parameters, ...(parts && { parts }) };
}

/**
 * Looks at a packet without decoding it, nor at its CRC: whoever takes it decodes it next, and finds damage there.
 * @throws PacketError unless it is as expected; it names what came, from whom where that is known, and what was
 * expected
 */
export function requirePacket(packet: Uint8Array, expected: Expected, rank?: number): Inspection {
  const came = descriptionOf(glance(requireBytes('packet', packet)));
  const sender = rank === undefined ? '' : ` from rank ${rank}`;
  const refuse = (what: string, had: Expected, wanted: Expected, offset: number): never => {
    throw new PacketError(`${what} of ${described(had)}${sender}; expected ${described(wanted)}`, offset);
  };
  const offset = differsAt(came, expected);
  if (offset !== undefined) refuse('a packet', came, expected, offset);
  // as many parts as expected: their number is a parameter
  expected.parts?.forEach((part, i) => {
    const had = came.parts![i];
    if (differsAt(had, part) !== undefined) refuse(`a packet with part ${i}`, had, part, 16);
  });
  return came;
}

/** The byte of a packet where it is not as expected. */
function differsAt(came: Inspection, expected: Expected): number | undefined {
  if (expected.compressor !== undefined && came.compressor !== expected.compressor) return 5;
  if (came.n !== expected.n) return 8;
  const { parameters } = expected;
  return Object.keys(parameters).some((name) => came.parameters[name] !== parameters[name]) ? 16 : undefined;
}

/**
 * As requirePacket, of a packet of as many elements as it says: where the receiver does not know n.
 * @throws PacketError also where the compressor has no packets of so many elements
 */
export function requirePacketOf(compressor: Compressor, packet: Uint8Array): Inspection {
  const came = descriptionOf(glance(requireBytes('packet', packet)));
  let expected: Expected;
  try {
    expected = packetsOf(compressor, came.n);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PacketError(`a packet of ${described(came)}; expected ${compressor.name}: ${error.message}`, 8);
  }
  return requirePacket(packet, expected);
}

/** As requirePacket, and decodes it, so that nothing is left to find. */
export async function requireSoundPacket(
  device: Device,
  packet: Uint8Array,
  expected: Expected,
  rank?: number,
): Promise<void> {
  requirePacket(packet, expected, rank);
  await device.decompress(packet);
}

/** `topK, k = 3, values = float32, n = 64` */
export function described({ compressor, parameters, n }: Expected): string {
  const values = Object.entries({ ...parameters, n }).map(([name, value]) => `${name} = ${value}`);
  return [...(compressor === undefined ? [] : [compressor]), ...values].join(', ');
}
