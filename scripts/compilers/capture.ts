/**
 * `node --import tsx capture.ts FOLDER`, with Mesa's driver and MESA_SPIRV_DUMP_PATH=FOLDER in its environment from its
 * start: has Dawn make every pipeline of wgsl/, so that the driver writes the SPIR-V of each to FOLDER, and prints a
 * `Capture` as JSON. A process of its own, since Mesa reads its environment once.
 */
import { readdirSync, writeSync } from 'node:fs';
import { openGpu } from '../../ts/backends/webgpu/open.ts';
import { Pipelines } from '../../ts/backends/webgpu/pipelines.ts';
import { shaders, subgroupShaders } from '../../ts/generated/wgsl.ts';

/** An entry point of a file in wgsl/, and its SPIR-V, a file of the folder. */
export interface Captured {
  readonly shader: string;
  readonly entry: string;
  readonly file: string;
}

export interface Capture {
  /** As the driver calls itself: `radv: Mesa 25.0.7`. */
  readonly driver: string;
  /** A shader without any rule kept, whose product and sum a compiler that fuses does fuse. */
  readonly control: Captured;
  readonly entries: readonly Captured[];
}

type Name = keyof typeof shaders;

const CONTROL = `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64)
fn fuse(@builtin(global_invocation_id) id: vec3u) {
  x[id.x] = x[id.x] * x[id.x + 64u] + x[id.x + 128u];
}`;

/**
 * The file that the driver writes while `make` makes a pipeline.
 * @throws Error where Dawn refuses, or the driver does not write exactly one
 */
async function capture(
  device: GPUDevice,
  folder: string,
  [shader, entry]: readonly [string, string],
  make: () => unknown,
): Promise<Captured> {
  const before = new Set(readdirSync(folder));
  device.pushErrorScope('validation');
  device.pushErrorScope('internal');
  make();
  const errors = [await device.popErrorScope(), await device.popErrorScope()];
  for (const error of errors) if (error) throw new Error(error.message);
  const files = readdirSync(folder).filter((name) => !before.has(name));
  if (files.length !== 1)
    throw new Error(`wgsl/${shader}.wgsl, ${entry}: Mesa wrote ${files.length} files, not one`);
  return { shader, entry, file: files[0] };
}

async function captureAll(folder: string): Promise<Capture> {
  const { device, adapter } = await openGpu({ allowSoftware: true });
  const makeControl = (): GPUComputePipeline =>
    device.createComputePipeline({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code: CONTROL }), entryPoint: 'fuse' },
    });
  const control = await capture(device, folder, ['control', 'fuse'], makeControl);
  const entries: Captured[] = [];
  const plain = new Pipelines(device, false);
  for (const name of Object.keys(shaders) as Name[])
    for (const entry of Object.keys(shaders[name].entries))
      entries.push(await capture(device, folder, [name, entry], () => plain.get(name, entry)));
  const faster = new Pipelines(device, true);
  for (const name of Object.keys(subgroupShaders) as (keyof typeof subgroupShaders)[])
    for (const entry of subgroupShaders[name].entries)
      entries.push(
        await capture(device, folder, [`${name}-subgroups`, entry], () => faster.get(name, entry)),
      );
  return { driver: adapter, control, entries };
}

writeSync(1, JSON.stringify(await captureAll(process.argv[2])));
// Without a GPU behind it the driver does not survive the end of its device.
process.exit();
