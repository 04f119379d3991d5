/**
 * The contract between what is computed (ts/kernels) and where (ts/backends). A backend owns memory made of 32-bit
 * words and runs kernels over it; it knows nothing of compressors and packets.
 *
 * - Handles are opaque: a buffer belongs to the backend that made it.
 * - Work keeps its order. `write` and `run` may only queue; `read` is where the caller waits.
 * - Every backend leaves the same words in every output, for the same words in the inputs (docs/same-bytes.md).
 */
import type { Kernel } from '../kernels/kernel.ts';
import type { GpuBuffer, GpuDevice } from '../platform.ts';

export type BackendName = 'js' | 'wasm' | 'webgpu';

/** Memory on a backend, `words` 32-bit words long; its contents are undefined until written. */
export interface DeviceBuffer {
  readonly words: number;
}

/** A vector in a GPU buffer of the user's: `length` floats from byte `offset` on; to the buffer's end if left out. */
export interface GpuRange {
  readonly buffer: GpuBuffer;
  /** A multiple of 4, in bytes; 0 if left out. */
  readonly offset?: number;
  /** In elements. */
  readonly length?: number;
}

/** A part of a buffer of the backend's: `words` words from word `first` on. */
export interface BufferRange {
  readonly of: DeviceBuffer;
  readonly first: number;
  readonly words: number;
}

/** Words of a buffer to bring back: `count` from `first` on; the whole buffer if left out. */
export interface ReadRequest {
  readonly buffer: DeviceBuffer;
  readonly first?: number;
  readonly count?: number;
  /** Where they go, `count` words; an array of their own if left out. */
  readonly into?: Uint32Array;
}

/** Ascending indices as Rice codes (ts/packet/index-coding.ts): the three parts, and the bits of the last. */
export interface RiceCode {
  readonly head: Uint32Array;
  readonly low: Uint32Array;
  readonly unary: Uint32Array;
  readonly unaryBits: number;
}

/**
 * What packets are made of and read with, on a backend whose memory the host sees and that is faster at it than
 * JavaScript: index lists as bits and back, and the look for NaN.
 */
export interface Coder {
  /** The first `count` words of a buffer where they lie, until the backend is called again. */
  words(buffer: DeviceBuffer, count: number): Uint32Array;

  /**
   * The code of k >= 1 ascending indices, the first words of a buffer or an array: it stays as it is until the backend
   * is called again. undefined where it has more than `most` words.
   */
  encode(indices: DeviceBuffer | Uint32Array, k: number, most: number): RiceCode | undefined;

  /**
   * The k >= 1 indices of a code, below n, in an array of their own; undefined where the parts do not agree with each
   * other or give others. What is behind the last head and the last bit of the unary part is not looked at.
   */
  decode(code: RiceCode, k: number, n: number): Uint32Array | undefined;

  /** Whether the first `count` words of a buffer or an array, count >= 1, are all finite as float32. */
  finite(words: DeviceBuffer | Uint32Array, count: number): boolean;
}

/** What many words were made of for their CRC (ts/packet/crc32c.ts). */
export interface Short {
  /** Few words, for which the register, from zero, ends as it does for all from all ones; until the next is made. */
  readonly words: Uint32Array;
  /** Whether all but the first, taken as float32, are finite. */
  readonly finite: boolean;
}

/** The first `words` words of a buffer. */
export interface Tail {
  readonly buffer: DeviceBuffer;
  readonly words: number;
}

/** The table of coded symbols (ts/packet/symbol-coding.ts): those that occur, and the slots of each symbol. */
export interface SymbolTable {
  /** Powers of two: the slots, the lanes of a block, the symbols of a block. */
  readonly precision: number;
  readonly lanes: number;
  readonly block: number;
  readonly symbols: Uint32Array;
  readonly shares: Uint32Array;
  /** Words before the lengths of the blocks. */
  readonly words: number;
}

/** What reads coded symbols, on a backend that is faster at it than JavaScript. */
export interface SymbolDecoder {
  /**
   * n symbols of `width` bits, packed, in an array of their own, by a section, its table, of two symbols or more, and
   * lengths that are sound; undefined where its blocks do not end as they should.
   */
  decode(coded: Uint32Array, table: SymbolTable, n: number, width: number): Uint32Array | undefined;
}

export interface Backend {
  readonly name: BackendName;

  /** What runs underneath, for people: `SIMD`, an adapter's name. */
  readonly detail: string;

  /** Whether the GPU behind it went away: every call rejects from then on. */
  readonly lost: boolean;

  /** The GPU; left out where there is none. */
  readonly gpu?: GpuDevice;

  /**
   * Memory for `words` words. It may be reused memory: nothing is promised of its contents.
   * @throws RangeError where the backend cannot hold so much
   */
  allocate(words: number): DeviceBuffer;

  /** Gives memory back, once; work queued before this still sees it. */
  release(buffer: DeviceBuffer): void;

  /** Copies `words` to the start of `buffer`. `words` is free to change afterwards. */
  write(buffer: DeviceBuffer, words: Uint32Array): void;

  /**
   * A buffer that holds these words, which stay as they are until it is released: where memory is the same, they are
   * read where they lie. Kernels only read it.
   */
  lend(words: Uint32Array): DeviceBuffer;

  /**
   * A buffer over words of the user's for kernels to write, which find there what the words are where `contents` says
   * so, else anything: its kernels may go through the words where they lie. Until `read` of the whole buffer `into` the
   * same array, the words may be anything. Left out where memory of the backend's own does as well.
   */
  target?(words: Uint32Array, contents: boolean): DeviceBuffer;

  /**
   * Says whether a buffer is to stay beyond the call that allocated it; left out where that makes no difference. Memory
   * that is given back goes around such buffers, or takes them elsewhere.
   */
  keep?(buffer: DeviceBuffer, stays: boolean): void;

  /**
   * A range of the user's, or of a buffer of the backend's, as a buffer of its own: used where it lies if kernels can
   * be bound there, else a copy, for which `contents` says whether it has to have the words of the range. `release`
   * leaves the range alone. No other work may be queued on the rest of the buffer until then.
   * @throws TypeError where the backend has no GPU, or the buffer's usage does not allow it; RangeError where the range
   * does not fit the buffer
   */
  borrow(range: GpuRange | BufferRange, contents?: boolean): DeviceBuffer;

  /** Queues the copy of a buffer's words to a range; nothing where it lies there already. Throws as borrow. */
  store(buffer: DeviceBuffer, range: GpuRange | BufferRange): void;

  /** Queues one kernel. Inputs and outputs are different buffers. */
  run<Buffers extends string, Params extends string>(
    kernel: Kernel<Buffers, Params>,
    buffers: Readonly<Record<Buffers, DeviceBuffer>>,
    params: Readonly<Record<Params, number>>,
  ): void;

  /**
   * Waits for all work queued so far and copies the requested words out. One call is one submit and one readback on a
   * GPU.
   * @throws DeviceLostError where the GPU went away
   */
  read(requests: readonly ReadRequest[]): Promise<Uint32Array[]>;

  /** The same without waiting; left out on a GPU, which works on its own. */
  readNow?(requests: readonly ReadRequest[]): Uint32Array[];

  /**
   * For the CRC-32C of many words, at least 2^11: fewer of them, for which the register ends alike. Left out where a
   * backend is no faster at it than JavaScript. With `tail`, the last of the words are first set to those of a buffer,
   * each once it is needed: a copy, and a look at what was copied, on one way through memory.
   */
  shorten?(words: Uint32Array, tail?: Tail): Short;

  /** Left out where a backend is no faster at it than JavaScript. */
  readonly coder?: Coder;

  /** Left out where a backend is no faster at it than JavaScript. */
  readonly symbols?: SymbolDecoder;

  /**
   * Gives back memory that no buffer uses: at once, or where calls under way are in the way, when they have ended. By
   * itself a backend does so after `PATIENCE` calls that could have done with much less.
   */
  trim(): void;

  /** Gives everything back, and refers to none of it any longer. Pending reads reject. */
  close(): void;
}
