/** The one table that finds the codec, which reads a packet, by the compressor's number in the packet. */
import { PacketError } from '../errors.ts';
import type { Packet } from '../packet/packet.ts';
import type { Codec } from './compressor.ts';
import { blockTopKCodec } from './block-top-k.ts';
import { ditheredSignCodec } from './dithered-sign.ts';
import { flattenedLevelsCodec } from './flattened-levels.ts';
import { flattenedOneBitCodec } from './flattened-one-bit.ts';
import { float32Codec } from './float32.ts';
import { indexListCodec } from './index-list.ts';
import { maskEncodedCodec } from './mask-encoded.ts';
import { planCodecOf } from './plan.ts';
import { qsgdCodec } from './qsgd.ts';
import { quantizedCodec } from './quantized.ts';
import { randomKCodec } from './random-k.ts';
import { randomizedTopKCodec } from './randomized-top-k.ts';
import { scaledSignCodec } from './scaled-sign.ts';
import { thresholdCodec } from './threshold.ts';
import { topKCodec } from './top-k.ts';

const codecs: readonly Codec[] = [
  topKCodec,
  scaledSignCodec,
  thresholdCodec,
  randomKCodec,
  float32Codec,
  randomizedTopKCodec,
  maskEncodedCodec,
  quantizedCodec,
  qsgdCodec,
  ditheredSignCodec,
  flattenedOneBitCodec,
  indexListCodec,
  blockTopKCodec,
  planCodecOf(codecOf),
  flattenedLevelsCodec,
];

/** @throws PacketError where no compressor has the packet's number */
export function codecOf(packet: Packet): Codec {
  const codec = codecs.find(({ id }) => id === packet.id);
  if (codec === undefined) throw new PacketError(`unknown compressor ${packet.id}`, 5);
  return codec;
}
