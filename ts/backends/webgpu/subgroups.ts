/** Whether a device's subgroups are as the faster shaders need them. */
import { MAP_READ, USAGE } from './flags.ts';
import { withErrorScopes } from './problems.ts';

/**
 * Counts the invocations whose place in their subgroup is not their local index modulo the subgroup's size, and those
 * of subgroups that are not full or smaller than 4. The specification promises neither, every GPU so far has it so.
 */
const PROBE = `
enable subgroups;
@group(0) @binding(0) var<storage, read_write> wrong: atomic<u32>;
@compute @workgroup_size(256)
fn probe(
  @builtin(local_invocation_index) t: u32,
  @builtin(subgroup_invocation_id) lane: u32,
  @builtin(subgroup_size) size: u32,
) {
  let first = subgroupBroadcastFirst(t);
  let full = subgroupAdd(1u) == size && size >= 4u && 256u % size == 0u;
  if (t % size != lane || first + lane != t || !full) {
    atomicAdd(&wrong, 1u);
  }
}
`;

/** Enough workgroups that they run on many cores at once. */
const WORKGROUPS = 64;

/** Asks the device itself, once at open. False where anything is in the way. */
export async function subgroupsFollowIndices(device: GPUDevice): Promise<boolean> {
  if (!device.features.has('subgroups')) return false;
  const wrong = device.createBuffer({ size: 16, usage: USAGE.storage | USAGE.copySource });
  const readback = device.createBuffer({ size: 16, usage: USAGE.copyTarget | USAGE.mapRead });
  try {
    const { error } = withErrorScopes(device, () => {
      const module = device.createShaderModule({ label: 'subgroup probe', code: PROBE });
      const pipeline = device.createComputePipeline({
        layout: 'auto',
        compute: { module, entryPoint: 'probe' },
      });
      const entries = [{ binding: 0, resource: { buffer: wrong } }];
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(WORKGROUPS);
      pass.end();
      encoder.copyBufferToBuffer(wrong, 0, readback, 0, 16);
      device.queue.submit([encoder.finish()]);
    });
    if ((await error) !== undefined) return false;
    await readback.mapAsync(MAP_READ);
    return new Uint32Array(readback.getMappedRange())[0] === 0;
  } catch {
    return false;
  } finally {
    wrong.destroy();
    readback.destroy();
  }
}
