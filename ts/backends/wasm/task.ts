/**
 * Work over a vector, cut into tasks that any thread may do in any order, and the tiles of the vector that they go
 * through.
 */
import type { Exports } from '../../generated/wasm-exports.ts';

/**
 * Elements of a tile, 64 KiB: it fits the cache, and has whole blocks of every tree and whole words of every packing.
 */
export const TILE: number = 2 ** 14;

/** Values by name: addresses in bytes, and numbers. */
export type Args<Names extends string = string> = Readonly<Record<Names, number>>;

/** An instance of the module over a memory, on one thread. */
export interface Instance {
  readonly exports: Exports;
  /** Words of linear memory: valid until it grows. */
  readonly view: (address: number, words: number) => Uint32Array;
}

/** Does the task of this index, on the thread of this number, 0 for the calling one. */
export type Task = (index: number, thread: number) => void;

/**
 * What the tasks of a job do. `Data` is plain data, so that it can be sent to workers: each binds the tasks to its own
 * instance of the module, over the memory that all share.
 */
export interface TaskKind<Data> {
  /** What workers find it by. */
  readonly name: string;
  bind(instance: Instance, data: Data): Task;
}

/** The tiles of a vector of n elements. */
export interface Tiles {
  readonly n: number;
  /** Where the vector lies in linear memory; undefined where its tiles are copied there one by one. */
  readonly address: number | undefined;
  /** Where they are copied to, undefined `address` only: a ring of so many tiles. */
  readonly ring: number;
  readonly slots: number;
}

/** How many tiles n elements have. */
export function tilesOf(n: number): number {
  return Math.ceil(n / TILE);
}

/** The address of a tile. */
export function tileAddress({ address, ring, slots }: Tiles, tile: number): number {
  return address === undefined ? ring + (tile % slots) * TILE * 4 : address + tile * TILE * 4;
}
