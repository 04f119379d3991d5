/**
 * Lists of elements in memory of the host's: written to vectors there, and added to them, without a backend. A vector
 * is gone through tile by tile, so that what a list writes, and the next one adds to, is still in the cache.
 */
import { TINY } from '../kernels/accumulate.ts';
import { floatOf } from '../kernels/float-bits.ts';
import { floatsOf, wordsOf } from '../kernels/scope.ts';

/** Elements of a vector: indices ascend, values are the words of float32. */
export interface List {
  readonly indices: Uint32Array;
  readonly values: Uint32Array;
}

/** Elements of a tile, 64 KiB: it fits the cache of every core. */
const TILE = 2 ** 14;

/** 2^-102: what is smaller counts as zero in sums. */
const LEAST = floatOf(TINY);

/** y = the elements of a list, +0 elsewhere. */
export function writeList({ indices, values }: List, y: Uint32Array): void {
  const places = placesOf(indices, y);
  let j = 0;
  for (let first = 0; first < y.length; first += TILE) {
    const end = Math.min(first + TILE, y.length);
    y.fill(0, first, end);
    for (; j < places.length && places[j] < end; j++) y[places[j]] = values[j];
  }
}

/** y += scale * the elements of a list; all others stay as they are, every bit. */
export function addList(list: List, scale: number, y: Float32Array): void {
  addTo(y, list, scale, 0, y.length);
}

/** y = zeros, to which each list is added in its turn, times its scale. */
export function sumLists(lists: readonly List[], scales: readonly number[], y: Float32Array): void {
  const next = lists.map(() => 0);
  for (let first = 0; first < y.length; first += TILE) {
    const end = Math.min(first + TILE, y.length);
    y.fill(0, first, end);
    for (let i = 0; i < lists.length; i++) next[i] = addTo(y, lists[i], scales[i], next[i], end);
  }
}

/**
 * Adds the elements from the j-th on whose index is below `end`, times the scale, as the kernel accumulate does; gives
 * the next.
 */
function addTo(y: Float32Array, { indices, values }: List, scale: number, j: number, end: number): number {
  const places = placesOf(indices, y);
  const floats = floatsOf(values);
  for (; j < places.length && places[j] < end; j++) {
    const place = places[j];
    y[place] = flushed(y[place]) + scaled(floats[j], scale);
  }
  return j;
}

/** A number, +0 where its magnitude is tiny. */
function flushed(value: number): number {
  return value < LEAST && value > -LEAST ? 0 : value;
}

function scaled(value: number, scale: number): number {
  return flushed(Math.fround(flushed(value) * scale));
}

/** The indices of elements of y: as signed numbers, of which engines need no check, where none is negative. */
function placesOf(indices: Uint32Array, { length }: { readonly length: number }): Uint32Array | Int32Array {
  return length > 2 ** 31 ? indices : new Int32Array(indices.buffer, indices.byteOffset, indices.length);
}

/** scale * v of words that are float32, rounded, magnitudes below 2^-102 of both as +0. */
export function scaledWords(words: Uint32Array, scale: number): Uint32Array {
  const values = floatsOf(words);
  const products = new Float32Array(words.length);
  for (let j = 0; j < words.length; j++) products[j] = scaled(values[j], scale);
  return wordsOf(products);
}
