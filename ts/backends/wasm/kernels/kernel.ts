/**
 * How a kernel runs on the wasm backend: whole, as one call into the module; tile by tile, together with others; or in
 * parallel tasks. The file of each stem says which of these its kernels can do, and the backend looks it up by name.
 */
import type { Exports } from '../../../generated/wasm-exports.ts';
import type { Kernel } from '../../../kernels/kernel.ts';
import type { Executor, Operand } from '../executor.ts';
import type { Args, Instance } from '../task.ts';

/** A function of the module over arguments by name, as ts/generated/wasm-exports.ts has it. */
type Call<Names extends string, Result> = (exports: Exports, args: Args<Names>) => Result;

/**
 * The whole kernel, over its buffers and numbers by their names; `from`, for functions that can start anywhere, is 0.
 * `scratch` gives the words of memory that it works in, and then is their address.
 */
type Whole<Buffers extends string, Params extends string> =
  | { readonly whole: Call<Buffers | Params | 'from', void>; readonly scratch?: undefined }
  | {
      readonly whole: Call<Buffers | Params | 'from' | 'scratch', void>;
      readonly scratch: Call<Params, number>;
    };

/**
 * A kernel with buffers and numbers of these names. Where a function of the module has parameters of the same names,
 * that function is its `whole`.
 */
export type WasmKernel<Buffers extends string, Params extends string> = Whole<Buffers, Params> & {
  /** Of a kernel made of others: whether it runs as said here; left out, or where it says no, its parts run. */
  readonly takes?: (params: Args<Params>) => boolean;
  /** Left out where it cannot go tile by tile. */
  readonly tiled?: Tiled<Buffers, Params>;
  /** Left out where several in turn are no faster together. */
  readonly together?: Together<Buffers, Params>;
  /** Left out where one thread does as well. */
  readonly parallel?: Parallel<Buffers, Params>;
};

/** A kernel of the catalogue on this backend. */
export type KernelOf<K> = K extends Kernel<infer Buffers, infer Params> ? WasmKernel<Buffers, Params> : never;

/** Any kernel: whoever calls it has its names from the definition. */
export type AnyKernel = WasmKernel<string, string>;

/**
 * The tile plan of a kernel by the addresses of its buffers and its numbers, and the words a tile of those buffers that
 * other kernels of the pass stream; undefined where it cannot go tile by tile. The address of its input does not
 * matter.
 */
export type Tiled<Buffers extends string, Params extends string> = (
  instance: Instance,
  args: Args<Buffers | Params>,
  streamed: Partial<Args<Buffers>>,
) => TilePlan | undefined;

/**
 * The plan of several of the kernel, one after the other, by the addresses and numbers of each: over one buffer that
 * all of them change, which is the plan's input, and others of their own.
 */
export type Together<Buffers extends string, Params extends string> = (
  instance: Instance,
  all: readonly Args<Buffers | Params>[],
) => TilePlan;

/** A kernel as it goes through a vector. Tiles may be done in any order, by several threads. */
export interface TilePlan {
  /** The buffer that it goes through, and its elements. */
  readonly input: string;
  readonly n: number;
  /**
   * Buffers that are done with each tile, by the words that a tile has of them: outputs, and those that it changes in
   * place, the input among them.
   */
  readonly outputs: Readonly<Record<string, number>>;
  /** Buffers of which it reads the same tile beside the input's, by the words that a tile has of them. */
  readonly beside?: Readonly<Record<string, number>>;
  /** Buffers that it reads anywhere. What is left are outputs that are there after the last tile. */
  readonly reads?: readonly string[];
  /**
   * Whether it takes so long that threads gain though the calling one copies each tile of a lent vector for the others;
   * what sums, compares or unpacks does not.
   */
  readonly long?: boolean;
  /** Words of memory of each thread, zero before its first tile; 0 if left out. */
  readonly local?: number;
  /** Words of memory that all threads fill together, for `finish`; 0 if left out. */
  readonly shared?: number;
  /**
   * The next `count` elements, from `first` on: they lie at `at`. Called once a tile: it makes no objects by spreading.
   */
  tile(at: number, first: number, count: number, local: number, shared: number): void;
  /** After the last tile, with the local memory of all threads. */
  finish?(locals: readonly number[], shared: number): void;
  /** Where it writes signs, if it does nothing else. */
  readonly signs?: number;
  /** The same tile plan, that writes signs on its way. */
  readonly withSigns?: (bits: number) => TilePlan;
}

/** How a kernel shares its work among threads, or does without the whole vector in linear memory. */
export interface Parallel<Buffers extends string, Params extends string> {
  /** Buffers that may be the user's, and stay there; all others are in linear memory. */
  readonly lent: readonly Buffers[];
  /** Runs the kernel; false, and nothing done, where `whole` has to. */
  run(
    executor: Executor,
    operands: Readonly<Record<Buffers, Operand>>,
    args: Args<Buffers | Params>,
  ): boolean;
}
