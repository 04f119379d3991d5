/** The public names of `fewbits`. */
export { openDevice } from './device.ts';
export type { CompressOptions, DecompressOptions, Device, DeviceOptions, Kernels } from './device.ts';
export type { BackendName, GpuRange } from './backends/backend.ts';
export type { Compressor, Draw } from './compressors/compressor.ts';
export { float32 } from './compressors/float32.ts';
export { randomK } from './compressors/random-k.ts';
export { scaledSign } from './compressors/scaled-sign.ts';
export { threshold } from './compressors/threshold.ts';
export { topK } from './compressors/top-k.ts';
export {
  BackendUnavailableError,
  DeviceClosedError,
  DeviceLostError,
  NonFiniteError,
  PacketError,
} from './errors.ts';
export { inspect, type Inspection } from './inspect.ts';
