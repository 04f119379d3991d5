/** `inspect`: the compressor, the parameters and the sections of a packet, without decoding it. */
import { requireBytes } from './arguments.ts';
import { codecOf } from './compressors/codecs.ts';
import { type Packet, readPacket } from './packet/packet.ts';

export interface Inspection {
  /** The compressor's name, for example `topK`. */
  readonly compressor: string;
  /** Its parameters as the packet has them. */
  readonly parameters: Readonly<Record<string, number | string>>;
  /** Elements of the vector. */
  readonly n: number;
  /** Bytes of the packet. */
  readonly bytes: number;
  /** Bits of the packet for each element of the vector; 0 for an empty one. */
  readonly bitsPerElement: number;
  /** The parts of the body: where each starts and how many bytes it has. */
  readonly sections: readonly { readonly name: string; readonly offset: number; readonly bytes: number }[];
  /** Of a plan: what each of its parts is. */
  readonly parts?: readonly PartInspection[];
}

/** The same of a part of a plan; `bytes` are what the part adds to the packet. */
export interface PartInspection extends Inspection {
  /** Its first element in the vector. */
  readonly first: number;
}

/**
 * Says what a packet is, without decoding it: compressor, parameters, n, size. The CRC and all lengths are checked.
 *
 * @param packet the whole packet, as `compress` gave it
 * @returns compressor, parameters, n in elements, and the size in bytes and in bits an element
 * @throws PacketError where the bytes are not a sound packet
 * @example
 * inspect(packet).compressor; // 'topK'
 */
export function inspect(packet: Uint8Array): Inspection {
  return described(readPacket(requireBytes('packet', packet)));
}

/** The same of a packet whose frame was read; or of a part of one, whose body starts at byte `offset` of the whole. */
export function described(
  read: Packet,
  { bytes, offset }: { bytes: number; offset: number } = { bytes: read.bytes, offset: read.bodyOffset },
): Inspection {
  const codec = codecOf(read);
  const { parameters, sections, parts } = codec.describe(read);
  return {
    compressor: codec.name,
    parameters,
    n: read.n,
    bytes,
    bitsPerElement: read.n === 0 ? 0 : (bytes * 8) / read.n,
    sections: sections.map(({ name, words }) => {
      offset += words * 4;
      return { name, offset: offset - words * 4, bytes: words * 4 };
    }),
    ...(parts && {
      parts: parts.map(({ first, packet, offset: at, bytes }) => ({
        first,
        ...described(packet, { bytes, offset: at + packet.parameters.length * 4 }),
      })),
    }),
  };
}
