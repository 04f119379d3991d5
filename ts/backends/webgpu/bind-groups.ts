/**
 * Bind groups, kept for the calls to come: a training loop's calls take the same buffers again, and on small vectors it
 * takes longer to bind them than to compute. Groups with a buffer of the user's are made anew: a group that was kept
 * would keep the buffer.
 */
import { PATIENCE } from '../free-list.ts';
import type { Pipeline } from './pipelines.ts';

/** Submits between two looks for groups that are old. */
const LOOK = 16;

interface Kept {
  readonly group: GPUBindGroup;
  readonly buffers: readonly GPUBuffer[];
  /** The number of submits when it was last used. */
  used: number;
}

export class BindGroups {
  readonly #device: GPUDevice;
  readonly #isOwn: (buffer: GPUBuffer) => boolean;
  readonly #kept = new Map<string, Kept>();
  /** Numbers of the buffers that groups were made of. */
  readonly #numbers = new WeakMap<GPUBuffer, number>();
  #numbered = 0;
  #submits = 0;

  /** `isOwn` tells the backend's buffers from the user's. */
  constructor(device: GPUDevice, isOwn: (buffer: GPUBuffer) => boolean) {
    this.#device = device;
    this.#isOwn = isOwn;
  }

  /**
   * The group of a pipeline with these ranges by name, and the buffer of its uniforms, whose block has a dynamic
   * offset.
   */
  get(
    label: string,
    { table, layout }: Pipeline,
    resources: ReadonlyMap<string, GPUBufferBinding>,
    uniforms: GPUBuffer | undefined,
  ): GPUBindGroup {
    const create = (): GPUBindGroup => {
      const entries = Object.entries(table.bindings).map(([name, { binding }]): GPUBindGroupEntry => {
        return { binding, resource: resources.get(name)! };
      });
      if (uniforms) entries.push({ binding: 0, resource: { buffer: uniforms, size: table.uniformBytes } });
      return this.#device.createBindGroup({ label, layout, entries });
    };
    const buffers = [...resources.values()].map(({ buffer }) => buffer);
    if (!buffers.every(this.#isOwn)) return create();
    let key = label;
    for (const { buffer, offset, size } of resources.values())
      key += ` ${this.#numberOf(buffer)}+${offset}:${size}`;
    if (uniforms) key += ` ${this.#numberOf(uniforms)}`;
    let kept = this.#kept.get(key);
    if (!kept) this.#kept.set(key, (kept = { group: create(), buffers, used: 0 }));
    kept.used = this.#submits;
    return kept.group;
  }

  /** To be called after each submit: drops groups that no submit has used for a while. */
  submitted(): void {
    if (++this.#submits % LOOK !== 0) return;
    for (const [key, { used }] of this.#kept) if (used < this.#submits - PATIENCE) this.#kept.delete(key);
  }

  /** Drops the groups of a buffer, which is destroyed. */
  forget(buffer: GPUBuffer): void {
    for (const [key, { buffers }] of this.#kept) if (buffers.includes(buffer)) this.#kept.delete(key);
  }

  #numberOf(buffer: GPUBuffer): number {
    let number = this.#numbers.get(buffer);
    if (number === undefined) this.#numbers.set(buffer, (number = this.#numbered++));
    return number;
  }
}
