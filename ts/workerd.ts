/**
 * `fewbits` for Cloudflare's workerd, chosen by the export condition of that name. Bytes may not be compiled there, so
 * the kernels are imported as a module, which the runtime has compiled before the worker starts.
 */
import { openDevice as open, type Device, type DeviceOptions } from './device.ts';
import simd from './generated/wasm-simd.wasm';
import { openDeviceSync as openSync, type SyncDeviceOptions } from './open-sync.ts';

export * from './index.ts';

/** As everywhere else; `module` is fewbits' own unless another is given. */
export function openDevice(options: DeviceOptions = {}): Promise<Device> {
  return open({ ...options, module: options.module ?? simd });
}

/** As everywhere else; `module` is fewbits' own unless another is given. */
export function openDeviceSync(options: SyncDeviceOptions): Device {
  return openSync(options?.backend === 'wasm' ? { ...options, module: options.module ?? simd } : options);
}
