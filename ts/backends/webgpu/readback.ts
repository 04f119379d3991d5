/**
 * Words that come back. The reads of calls that were made in one turn of the event loop share buffers: their copies lie
 * end to end in one, or where they are more than a buffer holds, in several full ones.
 */
import { MAP_READ } from './flags.ts';
import type { BufferPool } from './pool.ts';

/** Bytes of a buffer that are read back. */
export interface Copy {
  readonly from: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
  /** Where they go; an array of their own if left out. */
  readonly into?: Uint32Array;
}

/** A part of a copy: where it lies in `target`, in bytes. */
interface Piece extends Copy {
  readonly copy: number;
  readonly at: number;
}

/** What one buffer brings: pieces, one after the other. */
interface Full {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly pieces: readonly Piece[];
}

export class Readback {
  readonly #copies: readonly Copy[];
  readonly #pool: BufferPool;
  readonly #buffers: readonly Full[];

  constructor(copies: readonly Copy[], pool: BufferPool) {
    this.#copies = copies;
    this.#pool = pool;
    this.#buffers = split(copies, pool.most - (pool.most % 4)).map((pieces) => {
      const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
      return { buffer: pool.take(bytes), bytes, pieces };
    });
  }

  /** Whether there is nothing to bring back. */
  get empty(): boolean {
    return this.#buffers.length === 0;
  }

  /** Encodes the copies, behind what writes their words. */
  encode(encoder: GPUCommandEncoder): void {
    for (const { buffer, pieces } of this.#buffers) {
      let start = 0;
      for (const { from, offset, bytes } of pieces) {
        encoder.copyBufferToBuffer(from, offset, buffer, start, bytes);
        start += bytes;
      }
    }
  }

  /** Waits for the buffers: they can be read then. */
  async mapped(): Promise<void> {
    await Promise.all(this.#buffers.map(({ buffer, bytes }) => buffer.mapAsync(MAP_READ, 0, bytes)));
  }

  /** The words of each copy, of buffers that are mapped. */
  words(): Uint32Array[] {
    const found = this.#copies.map(({ bytes, into }) => into ?? new Uint32Array(bytes / 4));
    for (const { buffer, bytes, pieces } of this.#buffers) {
      const range = buffer.getMappedRange(0, bytes);
      let start = 0;
      for (const { copy, at, bytes: length } of pieces) {
        found[copy].set(new Uint32Array(range, start, length / 4), at / 4);
        start += length;
      }
    }
    return found;
  }

  /** Gives the buffers back. */
  end(): void {
    for (const { buffer } of this.#buffers) {
      if (buffer.mapState !== 'unmapped') buffer.unmap();
      this.#pool.give(buffer);
    }
  }
}

/** Copies, cut into what buffers of at most `most` bytes hold. */
function split(copies: readonly Copy[], most: number): Piece[][] {
  let last: Piece[] = [];
  const all = [last];
  let room = most;
  for (const [copy, { from, offset, bytes }] of copies.entries())
    for (let at = 0; at < bytes;) {
      if (room === 0) {
        all.push((last = []));
        room = most;
      }
      const length = Math.min(bytes - at, room);
      last.push({ copy, at, from, offset: offset + at, bytes: length });
      at += length;
      room -= length;
    }
  return all.filter((pieces) => pieces.length > 0);
}
