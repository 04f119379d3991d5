/** A GPU to measure on, and its clock. */
import { USAGE } from '../../ts/backends/webgpu/flags.ts';
import { openGpu } from '../../ts/backends/webgpu/open.ts';

/** A device that is ready to be measured. */
export interface MeasuredGpu {
  readonly device: GPUDevice;
  /** What the adapter calls itself. */
  readonly name: string;
  /** Whether it computes on the CPU. */
  readonly software: boolean;
  /**
   * Nanoseconds on the GPU from the start to the end of the one command buffer that is encoded while `work` runs.
   * `work` gives a promise that the GPU is done.
   */
  time(work: () => Promise<unknown>): Promise<number>;
  /** Destroys the device. */
  close(): Promise<void>;
}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|software/i;

/** GPUBufferUsage.QUERY_RESOLVE and GPUMapMode.READ. */
const QUERY_RESOLVE = 0x200;
const READ = 1;

/** Bytes of two timestamps. */
const BYTES = 16;

/**
 * Opens the best GPU with its largest buffers, timestamps and, where it has them, subgroups.
 * @throws Error that says why there is none
 */
export async function openMeasuredGpu(allowSoftware: boolean): Promise<MeasuredGpu> {
  // says in plain words what is missing
  const probe = await openGpu({ allowSoftware });
  const name = probe.adapter;
  probe.close([]);
  const { create } = await import('webgpu');
  // whole nanoseconds, where browsers round them to 100 microseconds
  const gpu = create([
    'enable-dawn-features=disable_workgroup_init',
    'disable-dawn-features=timestamp_quantization',
  ]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('no GPU adapter was found');
  if (!adapter.features.has('timestamp-query')) throw new Error(`${name} has no timestamp queries`);
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const subgroups: GPUFeatureName[] = adapter.features.has('subgroups') ? ['subgroups'] : [];
  const device = await adapter.requestDevice({
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    requiredFeatures: ['timestamp-query', ...subgroups],
  });
  const time = clockOf(device);
  return {
    device,
    name,
    software: SOFTWARE.test(name),
    time,
    async close() {
      device.destroy();
      await device.lost;
      // Dawn's instance lives until here: collected while its device is in use, it takes the process with it
      void gpu;
    },
  };
}

/** Puts two timestamps into each command buffer that is encoded while the clock runs, at its start and its end. */
function clockOf(device: GPUDevice): MeasuredGpu['time'] {
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
  const resolved = device.createBuffer({ size: BYTES, usage: QUERY_RESOLVE | USAGE.copySource });
  const readback = device.createBuffer({ size: BYTES, usage: USAGE.mapRead | USAGE.copyTarget });
  let encoders = 0;
  let running = false;

  // Passes of their own, so that clears and copies before the first and after the last pass count too.
  const stamp = (encoder: GPUCommandEncoder, index: number): void => {
    encoder.beginComputePass({ timestampWrites: { querySet, beginningOfPassWriteIndex: index } }).end();
  };
  const create = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => {
    const encoder = create(descriptor);
    if (!running) return encoder;
    encoders++;
    stamp(encoder, 0);
    const finish = encoder.finish.bind(encoder);
    encoder.finish = (options) => {
      stamp(encoder, 1);
      encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, readback, 0, BYTES);
      return finish(options);
    };
    return encoder;
  };

  return async (work) => {
    running = true;
    encoders = 0;
    try {
      await work();
    } finally {
      running = false;
    }
    if (encoders !== 1) throw new Error(`one command buffer was to be timed, got ${encoders}`);
    await readback.mapAsync(READ);
    const [start, end] = new BigUint64Array(readback.getMappedRange().slice(0));
    readback.unmap();
    return Number(end - start);
  };
}
