/**
 * Opening a device without waiting: all that it needs is at hand. A file of its own, because it imports both backends
 * at once where `openDevice` loads the one that it takes.
 */
import { requireModule, requireOneOf, requireOptions } from './arguments.ts';
import type { Backend } from './backends/backend.ts';
import { openJs } from './backends/js/index.ts';
import { reasonOf, requireWebAssembly } from './backends/wasm/compile.ts';
import { startModule } from './backends/wasm/module.ts';
import { Device } from './device.ts';
import { BackendUnavailableError } from './errors.ts';
import type { WasmModule } from './platform.ts';

/** What openDeviceSync takes. */
export interface SyncDeviceOptions {
  /** Which backend: a GPU is not opened without waiting, and nothing takes the place of what does not work. */
  readonly backend: 'wasm' | 'js';
  /**
   * The compiled kernels for wasm, `fewbits/wasm-simd.wasm` or `fewbits/wasm-scalar.wasm`: whatever compiled them has
   * waited for it. In workerd they are fewbits' own if left out.
   */
  readonly module?: WasmModule;
}

/**
 * Opens a device without waiting, on one thread: `js`, or `wasm` from a module that is compiled. With `compressSync`
 * and `decompressSync` a program has no `await` at all.
 *
 * @param options backend, and the module for wasm
 * @returns the device, as `openDevice` gives it
 * @throws TypeError where `module` is missing for wasm, or is none; BackendUnavailableError where there is no
 *   WebAssembly, or the module is not one of this version of fewbits
 * @example
 * const device = openDeviceSync({ backend: 'js' });
 * const packet = device.compressSync(scaledSign(), new Float32Array([1, -2, 3]));
 */
export function openDeviceSync(options: SyncDeviceOptions): Device {
  requireOptions('openDeviceSync', options, ['backend', 'module']);
  const backend = requireOneOf('backend', options?.backend, ['wasm', 'js']);
  const { module } = options;
  if (backend === 'wasm' || module !== undefined) requireModule('module', module);
  try {
    const opened: Backend = backend === 'js' ? openJs() : startCompiled(module!);
    return new Device({ backend, module }, { backend: opened, reasons: {} });
  } catch (error) {
    throw new BackendUnavailableError({ [backend]: reasonOf(error) });
  }
}

function startCompiled(module: WasmModule): Backend {
  requireWebAssembly();
  return startModule(module);
}
