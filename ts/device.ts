/** Opening a device that reads every packet and has the kernels. What it does with them is in packet-device.ts. */
import {
  isGpuRange,
  requireInteger,
  requireModule,
  requireOneOf,
  requireOptions,
  shown,
} from './arguments.ts';
import type { BackendName } from './backends/backend.ts';
import { BACKENDS, openBackend, type Opened, type OpenOptions } from './backends/open.ts';
import { codecOf } from './compressors/codecs.ts';
import { isDeviceVector } from './kernels/device-vector.ts';
import * as kernels from './kernels/index.ts';
import type { Host } from './kernels/scope.ts';
import { PacketDevice, type Parts } from './packet-device.ts';
import type { GpuDevice, WasmModule } from './platform.ts';
import { type Touch, touchOf } from './schedule.ts';

export type { CompressOptions, DecompressOptions, MeanOptions } from './calls.ts';

/** What openDevice takes. */
export interface DeviceOptions {
  /** Which backend; `auto`, the default, takes the first that works of webgpu on a real GPU, wasm and js. */
  readonly backend?: BackendName | 'auto';
  /** Your own device for the webgpu backend. It is never destroyed by fewbits. */
  readonly gpu?: GpuDevice;
  /**
   * The most threads that the wasm backend works with on a long vector; 1, the default, is the calling one alone. Where
   * threads cannot share memory, for example in a page without COOP and COEP, it is one, and `detail` says why.
   */
  readonly threads?: number;
  /** The compiled module for the wasm backend, where bytes may not be compiled. */
  readonly module?: WasmModule;
  /**
   * The most bytes that calls under way take on the backend together, vectors and workspace; 2^28, 256 MiB, if left
   * out. What passes it waits its turn, in order. One call alone may take more.
   */
  readonly maxBytesInFlight?: number;
}

type Bound<T> = {
  readonly [Name in keyof T]: T[Name] extends (host: Host, ...args: infer Args) => infer Result
    ? (...args: Args) => Result
    : never;
};

/** The kernels, bound to a device. */
export type Kernels = Bound<typeof kernels>;

/**
 * Opens a device: the best backend here, or the one that is named.
 *
 * @param options backend, GPU, threads and limits in bytes; the best backend if left out
 * @returns the device; `close` it when it is no longer needed
 * @throws BackendUnavailableError with, for each backend tried, why it cannot run here
 * @example
 * const device = await openDevice();
 * const packet = await device.compress(topK({ ratio: 0.01 }), gradient);
 * const approx = await device.decompress(packet);
 * device.close();
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  requireOptions('openDevice', options, ['backend', 'gpu', 'threads', 'module', 'maxBytesInFlight']);
  const { backend: name = 'auto', gpu, module, threads, maxBytesInFlight } = options;
  const backend = requireOneOf('backend', name, ['auto', ...BACKENDS]);
  if (threads !== undefined) requireInteger('threads', threads, 1, 1024);
  if (gpu !== undefined && !(typeof gpu === 'object' && gpu !== null && 'limits' in gpu))
    throw new TypeError(`"gpu" expected a GPUDevice, got ${shown(gpu)}`);
  if (module !== undefined) requireModule('module', module);
  if (maxBytesInFlight !== undefined)
    requireInteger('maxBytesInFlight', maxBytesInFlight, 1, Number.MAX_SAFE_INTEGER);
  const wanted = { backend, gpu, module, threads };
  return new Device(wanted, await openBackend(wanted), { open: openBackend, maxBytesInFlight });
}

/** A device that reads every packet, and whose kernels can be called. */
export class Device extends PacketDevice {
  /** The kernels by themselves: `device.kernels.fwht(x)`. */
  readonly kernels: Kernels;

  /** Not for users: call openDevice. */
  constructor(options: OpenOptions, opened: Opened, parts: Pick<Parts, 'open' | 'maxBytesInFlight'> = {}) {
    super(options, opened, { codecOf, ...parts });
    const bound = Object.entries(kernels).map(([name, kernel]) => [
      name,
      async (...rest: unknown[]) =>
        (kernel as (host: Host, ...rest: unknown[]) => unknown)(this.#reading(rest), ...rest),
    ]);
    this.kernels = Object.freeze(Object.fromEntries(bound) as Kernels);
  }

  /** Runs the call of a kernel with these arguments: it reads all vectors among them, and writes none. */
  #reading(given: readonly unknown[]): Host {
    const touches: Touch[] = [];
    let bytes = 0;
    for (const value of given) {
      if (!ArrayBuffer.isView(value) && !isDeviceVector(value) && !isGpuRange(value)) continue;
      touches.push(touchOf(value, 'reads', false));
      if (ArrayBuffer.isView(value)) bytes += value.byteLength;
    }
    return { use: (work) => this.use(work, touches, bytes) };
  }
}
