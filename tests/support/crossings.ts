/**
 * What crosses from a GPU to the CPU: each buffer that is mapped for reading is counted with the bytes that are taken.
 */

/** GPUMapMode.READ */
const READ = 1;

export interface Crossings {
  /** Bytes of the ranges mapped for reading since the last call. */
  bytes(): number;
  /** Calls of mapAsync for reading since the last call of `bytes`. */
  readonly maps: number;
  /** Bytes that queues were given to write since the last call of `bytes`. */
  readonly written: number;
  stop(): void;
}

/**
 * Counts until it is stopped, on all GPUs. Canvas readbacks, the other way out of a GPU, are refused meanwhile. In
 * Node, which has no names for them, the classes are those of `gpu`.
 */
export function countCrossings(gpu?: GPUDevice): Crossings {
  const [buffers, queues, encoders] = gpu === undefined ? named() : classesOf(gpu);
  // called below with a `this` of their own
  /* oxlint-disable typescript/unbound-method */
  const { mapAsync } = buffers;
  const { writeBuffer } = queues;
  const { copyBufferToTexture } = encoders;
  /* oxlint-enable typescript/unbound-method */
  let bytes = 0;
  let maps = 0;
  let written = 0;
  buffers.mapAsync = function (this: GPUBuffer, mode, offset = 0, size) {
    if (mode === READ) {
      bytes += size ?? this.size - offset;
      maps++;
    }
    return mapAsync.call(this, mode, offset, size);
  };
  queues.writeBuffer = function (this: GPUQueue, ...args: Parameters<GPUQueue['writeBuffer']>) {
    const [, , data, start = 0, size] = args;
    const unit = ArrayBuffer.isView(data)
      ? ((data as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1)
      : 1;
    written += size === undefined ? data.byteLength - start * unit : size * unit;
    return writeBuffer.apply(this, args);
  };
  encoders.copyBufferToTexture = () => {
    throw new Error('a buffer was copied to a texture, to be read from a canvas');
  };
  return {
    bytes() {
      const counted = bytes;
      bytes = maps = written = 0;
      return counted;
    },
    get maps() {
      return maps;
    },
    get written() {
      return written;
    },
    stop() {
      buffers.mapAsync = mapAsync;
      queues.writeBuffer = writeBuffer;
      encoders.copyBufferToTexture = copyBufferToTexture;
    },
  };
}

type Classes = readonly [buffers: GPUBuffer, queues: GPUQueue, encoders: GPUCommandEncoder];

const named = (): Classes => [GPUBuffer.prototype, GPUQueue.prototype, GPUCommandEncoder.prototype];

function classesOf(gpu: GPUDevice): Classes {
  const buffer = gpu.createBuffer({ size: 4, usage: 8 });
  buffer.destroy();
  const ones = [buffer, gpu.queue, gpu.createCommandEncoder()] as const;
  return ones.map((one): unknown => Object.getPrototypeOf(one)) as unknown as Classes;
}
