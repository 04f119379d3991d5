/**
 * `fewbits/sparse`: topK and threshold on the wasm backend and nothing else, for pages that count kilobytes. The
 * packets are those of `fewbits`, which reads them on every backend.
 */
import type { Opened } from './backends/open.ts';
import { start } from './backends/wasm/backend.ts';
import { compile, unpack, reasonOf, requireWebAssembly, simdWorks } from './backends/wasm/compile.ts';
import { sparseKernels } from './backends/wasm/kernels/index.ts';
import type { Codec } from './compressors/compressor.ts';
import { thresholdCodec } from './compressors/threshold.ts';
import { topKCodec } from './compressors/top-k.ts';
import { PacketDevice } from './packet-device.ts';
import { BackendUnavailableError, PacketError } from './errors.ts';
import { bytes } from './generated/wasm-sparse.ts';
import type { Packet } from './packet/packet.ts';

export type { CompressOptions, DecompressOptions } from './calls.ts';
export type { Compressor } from './compressors/compressor.ts';
export { threshold } from './compressors/threshold.ts';
export { topK } from './compressors/top-k.ts';
export { BackendUnavailableError, DeviceClosedError, NonFiniteError, PacketError } from './errors.ts';
export type { PacketDevice };

/** The codecs of `fewbits/sparse`. */
const CODECS: readonly Codec[] = [topKCodec, thresholdCodec];

/**
 * Opens a device on the wasm backend. It needs SIMD, which engines have since 2023, and permission to compile
 * WebAssembly; without either, `openDevice` of `fewbits` finds another backend. Packets of other compressors are a
 * PacketError.
 *
 * @throws BackendUnavailableError with the reason why it cannot run here
 */
export async function openDevice(): Promise<PacketDevice> {
  return new PacketDevice({ backend: 'wasm' }, await open(), { open, codecOf });
}

async function open(): Promise<Opened> {
  try {
    requireWebAssembly();
    if (!simdWorks()) throw new Error('this engine has no SIMD');
    return { backend: start(await compile(await unpack(bytes)), sparseKernels), reasons: {} };
  } catch (error) {
    throw new BackendUnavailableError({ wasm: reasonOf(error) });
  }
}

function codecOf({ id }: Packet): Codec {
  const codec = CODECS.find((codec) => codec.id === id);
  if (codec === undefined)
    throw new PacketError(`compressor ${id}, which fewbits/sparse does not support`, 5);
  return codec;
}
