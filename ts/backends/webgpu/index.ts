/** The webgpu backend: kernels as WGSL shaders (wgsl/), through their plans (ts/kernels/plans). */
import { type Limits, WINDOW_UNIT } from '../../kernels/plans/plan.ts';
import type { WebgpuBackend } from './backend.ts';
import { adapterName, openGpu } from './open.ts';
import { subgroupsFollowIndices } from './subgroups.ts';

export interface WebgpuOptions {
  /** A device of the caller's, which is used as it is and never destroyed. */
  readonly gpu?: GPUDevice;
  /** Whether an adapter that computes on the CPU will do. */
  readonly allowSoftware?: boolean;
  /** False keeps the shaders that use subgroups out, for tests. */
  readonly subgroups?: boolean;
  /** Lower limits than the device's, for tests. At least 4096 words. */
  readonly limits?: Partial<Limits>;
  /**
   * The most bytes of a buffer that is mapped, for tests: a larger readback is split as one beyond maxBufferSize is.
   */
  readonly readbackBytes?: number;
}

/** What the shaders need of a device; every device has it but some of a compatibility mode. */
const NEEDED = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBuffersPerShaderStage: 8,
} as const;

/**
 * Opens the webgpu backend.
 * @throws Error with a plain reason where it cannot run here
 */
export async function openWebgpu(options: WebgpuOptions = {}): Promise<WebgpuBackend> {
  const own = options.gpu ? undefined : await openGpu(options);
  const device = options.gpu ?? own!.device;
  const adapter = own?.adapter ?? adapterName(device.adapterInfo);
  try {
    for (const [name, needed] of Object.entries(NEEDED) as [keyof typeof NEEDED, number][])
      if (device.limits[name] < needed)
        throw new Error(`the GPU device has a ${name} of ${device.limits[name]}, below ${needed}`);
    const subgroups = options.subgroups !== false && (await subgroupsFollowIndices(device));
    // The shaders are most of this backend: machines without a GPU do not load them.
    const { WebgpuBackend } = await import('./backend.ts');
    const detail = subgroups ? `${adapter}, subgroups` : adapter;
    const limits = limitsOf(device, options.limits);
    const { readbackBytes } = options;
    return new WebgpuBackend({ device, own, detail, subgroups, limits, readbackBytes });
  } catch (error) {
    own?.close([]);
    throw error;
  }
}

function limitsOf({ limits }: GPUDevice, lower: Partial<Limits> = {}): Limits {
  const words = Math.floor(Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / 4);
  return {
    bindingWords: Math.min(words - (words % WINDOW_UNIT), lower.bindingWords ?? Infinity),
    gridWidth: Math.min(limits.maxComputeWorkgroupsPerDimension, lower.gridWidth ?? Infinity),
  };
}
