/** The uniform blocks of all passes of a submit, side by side in few buffers, each written at once. */
import type { Pass } from '../../kernels/plans/plan.ts';
import { USAGE } from './flags.ts';
import type { EntryTable } from './pipelines.ts';

/** Uniform blocks start at multiples of 256 bytes on every adapter. */
const STRIDE = 256;

/** Blocks of one buffer: a compress takes a few dozen. */
const BLOCKS = 256;

/** Where the uniforms of a pass lie. */
export interface Block {
  readonly buffer: GPUBuffer;
  /** In bytes. */
  readonly offset: number;
}

interface Chunk {
  readonly buffer: GPUBuffer;
  readonly data: DataView;
}

export class UniformArena {
  readonly #device: GPUDevice;
  readonly #chunks: Chunk[] = [];
  #used = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Puts a pass's uniforms in the next block; a pass that has none gets none. */
  add(table: EntryTable, uniforms: Pass['uniforms']): Block | undefined {
    if (table.uniformBytes === 0) return undefined;
    const { buffer, data } = this.#chunk(Math.floor(this.#used / BLOCKS));
    const offset = (this.#used % BLOCKS) * STRIDE;
    this.#used++;
    for (const [name, { offset: within, type }] of Object.entries(table.uniforms)) {
      if (type === 'f32') data.setFloat32(offset + within, uniforms[name], true);
      else data.setUint32(offset + within, uniforms[name], true);
    }
    return { buffer, offset };
  }

  /** Writes all blocks, before the submit that reads them, and begins anew. Writes wait for the submits before. */
  upload(): void {
    for (let first = 0; first < this.#used; first += BLOCKS) {
      const { buffer, data } = this.#chunks[first / BLOCKS];
      const bytes = Math.min(this.#used - first, BLOCKS) * STRIDE;
      this.#device.queue.writeBuffer(buffer, 0, data.buffer, 0, bytes);
    }
    this.#used = 0;
  }

  close(): void {
    for (const { buffer } of this.#chunks) buffer.destroy();
  }

  #chunk(index: number): Chunk {
    return (this.#chunks[index] ??= {
      buffer: this.#device.createBuffer({ size: BLOCKS * STRIDE, usage: USAGE.uniform | USAGE.copyTarget }),
      data: new DataView(new ArrayBuffer(BLOCKS * STRIDE)),
    });
  }
}
