/** The public names of `fewbits`. */
export { openDevice } from './device.ts';
export type {
  CompressOptions,
  DecompressOptions,
  Device,
  DeviceOptions,
  Kernels,
  MeanOptions,
} from './device.ts';
export { openDeviceSync, type SyncDeviceOptions } from './open-sync.ts';
export type { BackendName, GpuRange } from './backends/backend.ts';
export type { Compressor, CompressorPart, Draw, PacketParameters } from './compressors/compressor.ts';
export type { Count, Values } from './compressors/count.ts';
export { blockTopK, type BlockOptions } from './compressors/block-top-k.ts';
export type { KeptFormat } from './compressors/count.ts';
export { ditheredSign } from './compressors/dithered-sign.ts';
export { flattenedLevels, type LevelsOptions } from './compressors/flattened-levels.ts';
export { flattenedOneBit, type FlattenedOptions } from './compressors/flattened-one-bit.ts';
export { float32 } from './compressors/float32.ts';
export type { Lambda } from './compressors/lambda.ts';
export { maskEncoded, type MaskOptions } from './compressors/mask-encoded.ts';
export { plan } from './compressors/plan.ts';
export { qsgd } from './compressors/qsgd.ts';
export { quantized } from './compressors/quantized.ts';
export { randomK } from './compressors/random-k.ts';
export { randomizedTopK, type RandomizedOptions } from './compressors/randomized-top-k.ts';
export { scaledSign } from './compressors/scaled-sign.ts';
export type { PlanOptions, PlanRule, TensorLayout } from './compressors/tensor-rules.ts';
export { threshold } from './compressors/threshold.ts';
export { topK } from './compressors/top-k.ts';
export {
  BackendUnavailableError,
  DeviceClosedError,
  DeviceLostError,
  NonFiniteError,
  OverflowError,
  PacketError,
  StartError,
  type RoundStart,
} from './errors.ts';
export { inspect, type Inspection, type PartInspection } from './inspect.ts';
export type { DeviceVector, VectorLike } from './kernels/device-vector.ts';
export type { Rounding } from './kernels/quantize.ts';
export type { ValueFormat } from './packet/values.ts';
export type { Bytes, GpuBuffer, GpuDevice, WasmModule } from './platform.ts';
