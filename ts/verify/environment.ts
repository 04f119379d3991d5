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
  const { adapterInfo, features, limits } = gpu;
  const told = (adapterInfo ?? {}) as unknown as Record<string, unknown>;
  const info: Record<string, string | number | boolean> = {};
  for (const name of INFO) {
    const value = told[name];
    if (
      typeof value === 'number' ||
      typeof value === 'boolean' ||
      (typeof value === 'string' && value !== '')
    )
      info[name] = value;
  }
  return {
    info,
    features: [...features].sort(),
    limits: Object.fromEntries(LIMITS.map((name) => [name, limits[name]])),
  };
}

/** The runtime: its name and version, or what a browser calls itself, which says the system too. */
export function runtimeHere(): string {
  const { navigator } = globalThis as { readonly navigator?: { readonly userAgent?: string } };
  const { name, version } = runtime();
  return name === '' ? (navigator?.userAgent ?? 'an unknown runtime') : `${name} ${version}`.trim();
}
