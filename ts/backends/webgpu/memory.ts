/** Memory of the GPU as passes and copies refer to it. */
import { requireInteger } from '../../arguments.ts';
import type { DeviceBuffer, GpuRange } from '../backend.ts';

/** A range of words of a GPU buffer. */
export interface Memory {
  readonly buffer: GPUBuffer;
  /** Where it starts, in bytes. */
  readonly offset: number;
  readonly words: number;
}

/** A buffer of the contract. */
export class WebgpuBuffer implements DeviceBuffer, Memory {
  readonly words: number;
  readonly offset: number;
  /** Whether it is the pool's, and not the user's. */
  readonly own: boolean;
  buffer: GPUBuffer;
  /** Whether nothing was queued yet that reads or writes it. */
  untouched = true;
  constructor(words: number, buffer: GPUBuffer, users?: { readonly offset: number }) {
    this.words = words;
    this.buffer = buffer;
    this.offset = users?.offset ?? 0;
    this.own = users === undefined;
  }
}

/** @throws RangeError unless the range lies inside its buffer */
export function memoryOf({ buffer, offset = 0, length }: GpuRange): Memory {
  const most = Math.floor((buffer.size - offset) / 4);
  requireInteger('offset', offset, 0, buffer.size);
  if (offset % 4 !== 0) throw new RangeError(`"offset" expected a multiple of 4, got ${offset}`);
  return { buffer, offset, words: requireInteger('length', length ?? most, 0, most) };
}
