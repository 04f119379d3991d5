/** GPUs of a test's own, in Node and in pages, and vectors in their buffers. */
import { inBrowser } from './settings.ts';

/** GPUBufferUsage and GPUMapMode, which Node has no globals for. */
export const COPY_SOURCE = 4;
export const COPY_TARGET = 8;
export const STORAGE = 128;
const MAP_READ = 1;

/** Dawn's instance in Node, referenced as long as its devices are used. */
let dawn: GPU | undefined;

export async function openGpu(): Promise<GPUDevice> {
  if (!inBrowser) {
    const { create } = await import('webgpu');
    dawn ??= create(['enable-dawn-features=disable_workgroup_init']);
  }
  const adapter = await (inBrowser ? navigator.gpu : dawn)?.requestAdapter();
  if (!adapter) throw new Error('no GPU adapter was found');
  return adapter.requestDevice();
}

/** After the last test: Node does not end while there is an instance. */
export function releaseGpus(): void {
  dawn = undefined;
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
