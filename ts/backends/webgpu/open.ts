/** Finding a GPU, in Node through the package `webgpu`, elsewhere through `navigator.gpu`. */
import type * as Dawn from 'webgpu';
import { runtime } from '../../runtime.ts';

/** A device of fewbits' own. */
export interface OpenedGpu {
  readonly device: GPUDevice;
  /** What the adapter calls itself. */
  readonly adapter: string;
  /** Destroys the device. `underWay` is what still waits for it, and will fail. */
  close(underWay: readonly Promise<unknown>[]): void;
}

/**
 * Instances of Dawn in use. One that is collected while its device has anything under way takes the process with it,
 * and Node does not exit while one is held: so it is held here until the device has come to rest.
 */
const held = new Set<GPU>();

/** Adapters that compute on the CPU. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|software/i;

/**
 * Opens a device of the best adapter, with its largest buffers and, where `subgroups`, with subgroups.
 * @throws Error that says why there is none
 */
export async function openGpu(options: { allowSoftware?: boolean; subgroups?: boolean }): Promise<OpenedGpu> {
  const gpu = await findGpu();
  held.add(gpu);
  try {
    const { device, adapter } = await openDevice(gpu, options);
    const close = (underWay: readonly Promise<unknown>[]): void => {
      device.destroy();
      void Promise.allSettled([device.lost, ...underWay]).then(() => setTimeout(() => held.delete(gpu), 0));
    };
    return { device, adapter, close };
  } catch (error) {
    held.delete(gpu);
    throw error;
  }
}

async function openDevice(
  gpu: GPU,
  { allowSoftware = false, subgroups = true }: { allowSoftware?: boolean; subgroups?: boolean },
): Promise<{ device: GPUDevice; adapter: string }> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('no GPU adapter was found');
  const name = adapterName(adapter.info);
  if (!allowSoftware && (isFallback(adapter) || SOFTWARE.test(name)))
    throw new Error(`it computes on the CPU (${name}), so it is taken only when asked for by name`);
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await adapter.requestDevice({
    label: 'fewbits',
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    requiredFeatures: subgroups && adapter.features.has('subgroups') ? ['subgroups'] : [],
  });
  return { device, adapter: name };
}

/** What an adapter says of itself, for people. */
export function adapterName(info: GPUAdapterInfo | undefined): string {
  if (!info) return 'unnamed GPU';
  const { description, vendor, architecture, device } = info;
  return description || [vendor, architecture, device].filter(Boolean).join(' ') || 'unnamed GPU';
}

/** Older browsers have the flag on the adapter, newer ones in its information. */
function isFallback(adapter: GPUAdapter): boolean {
  const flags = [adapter, adapter.info] as readonly { readonly isFallbackAdapter?: boolean }[];
  return flags.some((flag) => flag?.isFallbackAdapter === true);
}

interface Runtime {
  readonly navigator?: { readonly gpu?: GPU };
}

async function findGpu(): Promise<GPU> {
  const { navigator } = globalThis as Runtime;
  const { name } = runtime();
  // Bun calls itself Node too, and crashes when it loads the addon.
  if (name === 'Bun') throw new Error('Bun has no WebGPU');
  if (name === 'Node' && !navigator?.gpu) return openDawn();
  if (navigator?.gpu) return navigator.gpu;
  throw new Error(`${name === '' ? 'this runtime' : name} has no navigator.gpu`);
}

/**
 * On Linux, Dawn without the Vulkan loader has no adapter, and prints a warning of its own. The linker is asked first:
 * a library that it finds is refused for not being an addon, which is another error.
 * @throws Error where the loader is missing
 */
function requireVulkan(): void {
  if (globalThis.process.platform !== 'linux') return;
  try {
    globalThis.process.dlopen({ exports: {} }, 'libvulkan.so.1');
  } catch (error) {
    if (String(error).includes('cannot open shared object file'))
      throw new Error('the Vulkan loader, libvulkan.so.1, is not installed');
  }
}

/**
 * Node has WebGPU through the optional peer `webgpu`, Dawn as an addon.
 * @throws Error also where the environment says in FEWBITS_NO_GPU why there is none, so that Dawn is left alone
 */
async function openDawn(): Promise<GPU> {
  const { FEWBITS_NO_GPU: reason } = globalThis.process.env;
  if (reason) throw new Error(reason);
  requireVulkan();
  // Neither a literal nor a request of an unknown module to bundlers for browsers, so that they do not look for it.
  const peer = 'webgpu';
  let dawn: typeof Dawn;
  try {
    dawn = (await import(/* webpackIgnore: true */ /* @vite-ignore */ peer)) as typeof Dawn;
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === 'ERR_MODULE_NOT_FOUND')
      throw new Error('the package "webgpu" is not installed (npm install webgpu)');
    throw new Error(
      `the package "webgpu" does not load: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  // Our shaders never read workgroup memory that they have not written, so its zeroing is time lost: on SwiftShader
  // ten seconds a pipeline. It is safe to leave out for these shaders alone.
  return dawn.create(['enable-dawn-features=disable_workgroup_init']);
}
