/**
 * GPU buffers by size, reused. A queue runs in order, so a buffer may be given back while work that uses it is still
 * queued: whoever takes it next queues behind that work.
 */
import { withErrorScopes, type Problem } from './problems.ts';

/** After so many submits without use a free buffer is destroyed: more than a step of a training loop makes. */
const PATIENCE = 256;

/** The smallest buffer, so that vectors without elements have one too. */
const LEAST_BYTES = 16;

interface Free {
  readonly buffer: GPUBuffer;
  readonly since: number;
}

export class BufferPool {
  readonly #device: GPUDevice;
  readonly #usage: GPUBufferUsageFlags;
  /** Where problems of creation go: out of memory shows only later. */
  readonly #problems: Problem[];
  readonly #all = new Set<GPUBuffer>();
  readonly #free = new Map<number, Free[]>();
  #submits = 0;

  constructor(device: GPUDevice, usage: GPUBufferUsageFlags, problems: Problem[]) {
    this.#device = device;
    this.#usage = usage;
    this.#problems = problems;
  }

  /**
   * A buffer of `bytes` or a little more.
   * @throws RangeError where no buffer of the device is so large
   */
  take(bytes: number): GPUBuffer {
    const most = this.#device.limits.maxBufferSize;
    if (bytes > most)
      throw new RangeError(
        `${bytes} bytes of GPU memory were asked for, but a buffer of this GPU holds at most ${most}`,
      );
    const size = Math.min(roomy(bytes), most);
    return this.#free.get(size)?.pop()?.buffer ?? this.#create(size);
  }

  /** Gives a buffer of `take` back. */
  give(buffer: GPUBuffer): void {
    if (!this.#all.has(buffer)) return;
    const free = { buffer, since: this.#submits };
    const same = this.#free.get(buffer.size);
    if (same) same.push(free);
    else this.#free.set(buffer.size, [free]);
  }

  /** To be called after each submit, when no recorded work is left that could use a free buffer: drops old ones. */
  submitted(): void {
    this.#submits++;
    for (const [size, same] of this.#free) {
      // The last one given is the first one taken, so the oldest stand in front.
      while (same.length > 0 && same[0].since + PATIENCE < this.#submits) this.#destroy(same.shift()!.buffer);
      if (same.length === 0) this.#free.delete(size);
    }
  }

  /** Destroys all buffers, taken ones too. */
  close(): void {
    for (const buffer of this.#all) buffer.destroy();
    this.#all.clear();
    this.#free.clear();
  }

  #create(size: number): GPUBuffer {
    const create = (): GPUBuffer => this.#device.createBuffer({ size, usage: this.#usage });
    const { result, error } = withErrorScopes(this.#device, create);
    this.#problems.push(
      error.then((found) => found && new Error(`allocating ${size} bytes of GPU memory: ${found.message}`)),
    );
    this.#all.add(result);
    return result;
  }

  #destroy(buffer: GPUBuffer): void {
    this.#all.delete(buffer);
    buffer.destroy();
  }
}

/** `bytes` rounded up to an eighth of its power of two: vectors of almost the same size share buffers. */
function roomy(bytes: number): number {
  if (bytes <= LEAST_BYTES) return LEAST_BYTES;
  const unit = Math.max(2 ** (Math.floor(Math.log2(bytes)) - 3), LEAST_BYTES);
  return Math.ceil(bytes / unit) * unit;
}
