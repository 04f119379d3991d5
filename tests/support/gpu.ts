/** GPUs of a test's own, in Node and in pages, and vectors in their buffers. */
import { openDevice, type Device } from '../../ts/index.ts';
import { inBrowser } from './settings.ts';

/** GPUBufferUsage and GPUMapMode, which Node has no globals for. */
export const COPY_SOURCE = 4;
export const COPY_TARGET = 8;
export const STORAGE = 128;
const MAP_READ = 1;

/** Dawn's instance in Node, referenced as long as its devices are used. */
let dawn: GPU | undefined;

async function adapterOf(options?: GPURequestAdapterOptions): Promise<GPUAdapter> {
  let { gpu } = (globalThis as { readonly navigator?: { readonly gpu?: GPU } }).navigator ?? {};
  if (gpu === undefined && !inBrowser) {
    const { create } = await import('webgpu');
    gpu = dawn ??= create(['enable-dawn-features=disable_workgroup_init']);
  }
  const adapter = await gpu?.requestAdapter(options);
  if (!adapter) throw new Error('no GPU adapter was found');
  return adapter;
}

export async function openGpu(): Promise<GPUDevice> {
  return (await adapterOf()).requestDevice();
}

/** After the last test: Node does not end while there is an instance. */
export function releaseGpus(): void {
  if (shared === undefined) dawn = undefined;
}

/** The device of all suites that need none of their own. */
let shared: Promise<GPUDevice> | undefined;

/**
 * A device as `openWebgpu` opens one, the same for all that ask in this process or page; nobody destroys it. It keeps
 * its pipelines: what a software GPU computes in tests takes it less time than to compile them, and a device makes two
 * that are alike once.
 */
export function sharedGpu(): Promise<GPUDevice> {
  return (shared ??= openShared());
}

async function openShared(): Promise<GPUDevice> {
  const adapter = await adapterOf({ powerPreference: 'high-performance' });
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const gpu = await adapter.requestDevice({
    label: 'shared by tests',
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    requiredFeatures: adapter.features.has('subgroups') ? ['subgroups'] : [],
  });
  const made: unknown[] = [];
  const create = gpu.createComputePipeline.bind(gpu);
  return Object.assign(gpu, {
    createComputePipeline(descriptor: GPUComputePipelineDescriptor): GPUComputePipeline {
      const pipeline = create(descriptor);
      made.push(descriptor, pipeline);
      return pipeline;
    },
  });
}

/** A device on a backend; on webgpu it is over the GPU that tests share. */
export async function deviceOn(backend: 'js' | 'wasm' | 'webgpu'): Promise<Device> {
  return openDevice(backend === 'webgpu' ? { backend, gpu: await sharedGpu() } : { backend });
}

/** When all suites of a process are done. */
export async function releaseSharedGpu(): Promise<void> {
  const gpu = await shared?.catch(() => undefined);
  gpu?.destroy();
  await gpu?.lost;
  shared = dawn = undefined;
}

/** A GPU buffer that holds `x` from byte `offset` on, between guards of 7. */
export function onGpu(gpu: GPUDevice, x: Float32Array, offset: number, usage: number): GPUBuffer {
  const buffer = gpu.createBuffer({ size: offset + x.length * 4 + 64, usage: usage | COPY_TARGET });
  gpu.queue.writeBuffer(buffer, 0, new Float32Array(buffer.size / 4).fill(7));
  gpu.queue.writeBuffer(buffer, offset, x as Float32Array<ArrayBuffer>);
  return buffer;
}

/** All of a buffer, whose usage has COPY_SRC. */
export async function contents(gpu: GPUDevice, buffer: GPUBuffer): Promise<Float32Array> {
  const readback = gpu.createBuffer({ size: buffer.size, usage: COPY_TARGET | MAP_READ });
  const encoder = gpu.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, readback, 0, buffer.size);
  gpu.queue.submit([encoder.finish()]);
  await readback.mapAsync(MAP_READ);
  const all = new Float32Array(readback.getMappedRange().slice(0));
  readback.destroy();
  return all;
}
