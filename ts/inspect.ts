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

/** The same of a packet whose frame was read. */
export function described(read: Packet): Inspection {
  const codec = codecOf(read);
  const { parameters, sections } = codec.describe(read);
  let offset = read.bodyOffset;
  return {
    compressor: codec.name,
    parameters,
    n: read.n,
    bytes: read.bytes,
    bitsPerElement: read.n === 0 ? 0 : (read.bytes * 8) / read.n,
    sections: sections.map(({ name, words }) => {
      offset += words * 4;
      return { name, offset: offset - words * 4, bytes: words * 4 };
    }),
  };
}
