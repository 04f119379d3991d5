/**
 * An allocator over linear memory. The kernels own the memory below `base`; all from there on is handed out in blocks
 * of whole cache lines. Free neighbours are joined, and the smallest free block that fits is taken, the lowest of
 * equals: what is free depends on what is taken alone, so a call repeated finds its memory where it was and grows
 * nothing.
 */

/** Blocks start and end at multiples of this: a cache line, and more than any kernel's SIMD needs. */
const LINE = 64;

/**
 * A block of whole multiples of this, the way of a cache, is longer by a few lines: else the same elements of vectors
 * of such a length, which kernels work on together, would all be kept in the few lines of one set. An odd number of
 * lines, so that it takes 64 such blocks in a row until two of them share a set; and so many that no load is taken for
 * one of what was just stored, which the lower bits of its address tell.
 */
const WAY = 4096;
const APART: number = 5 * LINE;

/** Bytes of a page of WebAssembly memory. */
export const PAGE = 65536;

/** Memory ends one page below 4 GiB, so that a pointer just behind the last block is not 0. */
const LIMIT = 65535 * PAGE;

interface Block {
  address: number;
  bytes: number;
}

export class Allocator {
  readonly #memory: WebAssembly.Memory;
  /** The memory's bytes since it last grew: asking it for them takes longer than a view. */
  #buffer: ArrayBufferLike;
  /** Free blocks by ascending address; no two of them touch. */
  readonly #free: Block[] = [];
  /** Blocks that are taken, by address: their bytes. */
  readonly #taken = new Map<number, number>();
  #used = 0;
  /** The most bytes that were taken at a time since `resetPeak`. */
  #peak = 0;
  /** The first byte behind all blocks, free or taken. */
  #end: number;

  constructor(memory: WebAssembly.Memory, base: number) {
    this.#memory = memory;
    this.#buffer = memory.buffer;
    this.#end = roundUp(base, LINE);
  }

  /**
   * The address of a block of at least `bytes` bytes.
   * @throws RangeError where memory has no room, or the engine gives no more
   */
  allocate(bytes: number): number {
    const lines = roundUp(Math.max(bytes, 1), LINE);
    const size = lines % WAY === 0 ? lines + APART : lines;
    let best = -1;
    for (let i = 0; i < this.#free.length; i++) {
      const fits = this.#free[i].bytes >= size;
      if (fits && (best < 0 || this.#free[i].bytes < this.#free[best].bytes)) best = i;
    }
    const address = best >= 0 ? this.#split(best, size) : this.#extend(size);
    this.#taken.set(address, size);
    this.#used += size;
    if (this.#used > this.#peak) this.#peak = this.#used;
    return address;
  }

  /** Frees a block that `allocate` gave. */
  free(address: number): void {
    const bytes = this.#taken.get(address);
    if (bytes === undefined) throw new Error(`no block starts at ${address}`);
    this.#taken.delete(address);
    this.#used -= bytes;
    let next = 0;
    while (next < this.#free.length && this.#free[next].address < address) next++;
    const above = this.#free[next];
    const below = this.#free[next - 1];
    const touchesBelow = below !== undefined && below.address + below.bytes === address;
    if (above?.address === address + bytes) {
      if (touchesBelow) {
        below.bytes += bytes + above.bytes;
        this.#free.splice(next, 1);
      } else {
        above.address = address;
        above.bytes += bytes;
      }
    } else if (touchesBelow) below.bytes += bytes;
    else this.#free.splice(next, 0, { address, bytes });
  }

  get peak(): number {
    return this.#peak;
  }

  /** Begins to count anew, from what is taken. */
  resetPeak(): void {
    this.#peak = this.#used;
  }

  /** Bytes of the memory that were handed out at some time. */
  get bytes(): number {
    return this.#end;
  }

  /** Runs `work` with a block of `words` words of its own. */
  withBlock<T>(words: number, work: (address: number) => T): T {
    const address = this.allocate(words * 4);
    try {
      return work(address);
    } finally {
      this.free(address);
    }
  }

  /** A block as words: valid until the next `allocate`, which may grow the memory. */
  view(address: number, words: number): Uint32Array {
    return new Uint32Array(this.#buffer, address, words);
  }

  #split(index: number, size: number): number {
    const block = this.#free[index];
    const address = block.address;
    if (block.bytes === size) {
      this.#free.splice(index, 1);
    } else {
      block.address += size;
      block.bytes -= size;
    }
    return address;
  }

  /** A block at the end, with the last free block as its start where that one touches the end. */
  #extend(size: number): number {
    const last = this.#free.at(-1);
    const touches = last !== undefined && last.address + last.bytes === this.#end;
    const address = touches ? last.address : this.#end;
    const missing = address + size - this.#buffer.byteLength;
    if (address + size > LIMIT) throw exhausted(size, this.#end);
    if (missing > 0) {
      try {
        this.#memory.grow(Math.ceil(missing / PAGE));
        this.#buffer = this.#memory.buffer;
      } catch (cause) {
        throw exhausted(size, this.#end, cause);
      }
    }
    if (touches) this.#free.pop();
    this.#end = address + size;
    return address;
  }
}

function exhausted(size: number, used: number, cause?: unknown): RangeError {
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  return new RangeError(
    `WebAssembly memory is exhausted: ${mebibytes(size)} MiB wanted, ${mebibytes(used)} MiB in use, at most 4096 MiB`,
    { cause },
  );
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
