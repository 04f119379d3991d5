/**
 * GPU buffers by size, reused. A queue runs in order, so a buffer may be given back while work that uses it is still
 * queued: whoever takes it next queues behind that work.
 */
import { FreeList } from '../free-list.ts';
import { withErrorScopes, type Problem } from './problems.ts';

/** The smallest buffer, so that vectors without elements have one too. */
const LEAST_BYTES = 16;

export interface PoolParts {
  readonly usage: GPUBufferUsageFlags;
  /** Where problems of creation go: out of memory shows only later. */
  readonly problems: Problem[];
  /** The most bytes of a buffer; the device's own limit if left out. */
  readonly most?: number;
  /** Is told of each buffer that is destroyed. */
  readonly destroyed?: (buffer: GPUBuffer) => void;
}

export class BufferPool {
  readonly #device: GPUDevice;
  readonly #parts: PoolParts;
  readonly #all = new Set<GPUBuffer>();
  readonly #free = new FreeList<GPUBuffer>((buffer) => this.#destroy(buffer));
  /** The most bytes of a buffer. */
  readonly most: number;

  constructor(device: GPUDevice, parts: PoolParts) {
    this.#device = device;
    this.#parts = parts;
    this.most = Math.min(device.limits.maxBufferSize, parts.most ?? Infinity);
  }

  /** Whether a buffer is one of these. */
  has(buffer: GPUBuffer): boolean {
    return this.#all.has(buffer);
  }

  /**
   * A buffer of `bytes` or a little more, none of `except`.
   * @throws RangeError where no buffer of the device is so large
   */
  take(bytes: number, except?: ReadonlySet<GPUBuffer>): GPUBuffer {
    if (bytes > this.most)
      throw new RangeError(
        `${bytes} bytes of GPU memory were asked for, but a buffer of this GPU device holds at most ${this.most} (its limit maxBufferSize): use a device with a higher limit, or compress the vector in parts`,
      );
    const size = Math.min(roomy(bytes), this.most);
    return this.#free.take(size, except) ?? this.#create(size);
  }

  /** Gives a buffer of `take` back. */
  give(buffer: GPUBuffer): void {
    if (this.#all.has(buffer)) this.#free.give(buffer.size, buffer);
  }

  /** To be called after each submit, when no recorded work is left that could use a free buffer: drops old ones. */
  submitted(): void {
    this.#free.called();
  }

  /** Destroys all buffers that are free, when no recorded work is left that could use one. */
  trim(): void {
    this.#free.clear();
  }

  /** Destroys all buffers, taken ones too. */
  close(): void {
    this.#free.clear();
    for (const buffer of this.#all) this.#destroy(buffer);
  }

  #create(size: number): GPUBuffer {
    const create = (): GPUBuffer => this.#device.createBuffer({ size, usage: this.#parts.usage });
    const { result, error } = withErrorScopes(this.#device, create);
    this.#parts.problems.push(
      error.then((found) => {
        if (found === undefined) return undefined;
        // there is no memory behind it: the next call does not get it
        this.#free.forget(size, result);
        this.#destroy(result);
        return new Error(`allocating ${size} bytes of GPU memory: ${found.message}`);
      }),
    );
    this.#all.add(result);
    return result;
  }

  #destroy(buffer: GPUBuffer): void {
    this.#all.delete(buffer);
    this.#parts.destroyed?.(buffer);
    buffer.destroy();
  }
}

/** `bytes` rounded up to an eighth of its power of two: vectors of almost the same size share buffers. */
function roomy(bytes: number): number {
  if (bytes <= LEAST_BYTES) return LEAST_BYTES;
  const unit = Math.max(2 ** (Math.floor(Math.log2(bytes)) - 3), LEAST_BYTES);
  return Math.ceil(bytes / unit) * unit;
}
