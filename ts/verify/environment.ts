/** Where a verification ran: what a reader of its report needs to know of the GPU and the runtime. */
import type { Backend } from '../backends/backend.ts';
import { runtime } from '../runtime.ts';

/** What a GPU says of itself. */
export interface GpuFacts {
  /** `vendor`, `architecture`, `device`, `description`, and `driver` and others where the runtime tells them. */
  readonly info: Readonly<Record<string, string | number | boolean>>;
  /** Those that its device was opened with. */
  readonly features: readonly string[];
  /** Of its device. */
  readonly limits: Readonly<Record<string, number>>;
}

/** The limits that shaders and plans depend on. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'minStorageBufferOffsetAlignment',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** What is looked for in an adapter's information; the last three are told by Chromium's developer features alone. */
const INFO = [
  'vendor',
  'architecture',
  'device',
  'description',
  'subgroupMinSize',
  'subgroupMaxSize',
  'isFallbackAdapter',
  'driver',
  'backend',
  'type',
] as const;

/** The GPU behind a backend; undefined where there is none. */
export function gpuFacts({ gpu }: Backend): GpuFacts | undefined {
  if (gpu === undefined) return undefined;
  const { adapterInfo, features, limits } = gpu as GPUDevice;
  const told = (adapterInfo ?? {}) as unknown as Record<string, unknown>;
  const info: Record<string, string | number | boolean> = {};
  for (const name of INFO) {
    const value = told[name];
    if (typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && value !== ''))
      info[name] = value;
  }
  return {
    info,
    features: [...features].sort(),
    limits: Object.fromEntries(LIMITS.map((name) => [name, limits[name]])),
  };
}

interface Globals {
  readonly process?: { readonly platform?: string; readonly arch?: string };
  readonly navigator?: { readonly userAgent?: string; readonly hardwareConcurrency?: number };
}

/** The runtime and its machine as far as these are told everywhere: what a browser calls itself, a platform, cores. */
export function machineFacts(): { runtime: string; machine: Record<string, string> } {
  const { process, navigator } = globalThis as Globals;
  const { name, version } = runtime();
  const machine: Record<string, string> = {};
  if (process?.platform !== undefined) machine.platform = `${process.platform} ${process.arch}`;
  if (navigator?.hardwareConcurrency !== undefined) machine.cores = String(navigator.hardwareConcurrency);
  const called = name === '' ? (navigator?.userAgent ?? 'an unknown runtime') : `${name} ${version}`.trim();
  return { runtime: called, machine };
}
