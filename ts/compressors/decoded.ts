/** What a packet stands for, once its bytes were found sound: ready to be written to a vector, or added to one. */
import type { DeviceBuffer } from '../backends/backend.ts';
import { accumulateKernel, clearKernel } from '../kernels/accumulate.ts';
import type { Scope } from '../kernels/scope.ts';
import { addSignsKernel, unpackSignsKernel } from '../kernels/pack.ts';
import { addLookupKernel, lookupKernel } from '../kernels/quantize.ts';
import { addAtKernel, placeKernel } from '../kernels/sparse.ts';
import { scaledWords, type List } from './lists.ts';

/** Queues work; nothing is left to find wrong. y has n words. */
export interface Decoded {
  /** y = x. */
  write(y: DeviceBuffer): void;
  /** y += scale * x, as the kernel accumulate adds. `scale` is a float32, 0 or normal. */
  add(y: DeviceBuffer, scale: number): void;
  /** The elements that it has, all others being zero; left out where it has all, or the host does not know them. */
  readonly list?: List;
  /** In the place of `list`, where the host does not know the indices: a buffer of the backend has them. */
  readonly places?: { readonly indices: DeviceBuffer; readonly values: Uint32Array };
  /** Whether its kernels go through y, and nothing else that is as long. */
  readonly streamed?: boolean;
  /** All of its words, where the packet has them as they are. */
  readonly words?: Uint32Array;
  /** Where it is made of parts, end to end: what these are. */
  readonly parts?: readonly (Decoded & Place)[];
}

/** A run of elements of a vector. */
export interface Place {
  /** The first of them. */
  readonly first: number;
  /** How many they are. */
  readonly n: number;
}

/** A vector of no elements. */
export const NOTHING: Decoded = { write: () => {}, add: () => {} };

/**
 * `values` at `indices`, which ascend, and zero elsewhere: to add it costs what the list holds. `places` gives the
 * indices on the backend where they are not on the host.
 */
export function sparse(scope: Scope, n: number, { indices, places, values }: SparseList): Decoded {
  const count = values.length;
  const where = (): DeviceBuffer => places ?? scope.put(indices!);
  return {
    write(y) {
      scope.run(clearKernel, { y }, { n });
      if (count > 0) scope.run(placeKernel, { indices: where(), values: scope.put(values), y }, { n, count });
    },
    add(y, scale) {
      if (count === 0) return;
      scope.run(
        addAtKernel,
        { indices: where(), values: scope.put(scaledWords(values, scale)), y },
        { n, count },
      );
    },
    ...(indices ? { list: { indices, values } } : places && { places: { indices: places, values } }),
  };
}

/** Elements of a vector. */
export interface SparseList {
  readonly indices?: Uint32Array;
  readonly places?: DeviceBuffer;
  readonly values: Uint32Array;
}

/** Signs of one bit, and a scale for each `segment` of them. */
export function signs(
  scope: Scope,
  n: number,
  {
    bits,
    scales,
    segment,
  }: { readonly bits: Uint32Array; readonly scales: Uint32Array; readonly segment: number },
): Decoded {
  return {
    write: (y) =>
      scope.run(unpackSignsKernel, { bits: scope.put(bits), scales: scope.put(scales), y }, { n, segment }),
    // what each sign stands for is multiplied before: an element is one sum
    add: (y, scale) =>
      scope.run(
        addSignsKernel,
        { bits: scope.put(bits), scales: scope.put(scaledWords(scales, scale)), y },
        { n, segment },
      ),
    streamed: true,
  };
}

/** Codes of `width` bits, and the words of what they stand for. */
export function codes(
  scope: Scope,
  n: number,
  {
    packed,
    table,
    width,
  }: { readonly packed: Uint32Array; readonly table: Uint32Array; readonly width: number },
): Decoded {
  return {
    write: (y) =>
      scope.run(lookupKernel, { packed: scope.put(packed), table: scope.put(table), y }, { n, width }),
    add: (y, scale) =>
      scope.run(
        addLookupKernel,
        { packed: scope.put(packed), table: scope.put(scaledWords(table, scale)), y },
        { n, width },
      ),
    streamed: true,
  };
}

/** The words of a vector as they are. */
export function whole(scope: Scope, n: number, words: Uint32Array): Decoded {
  return {
    write: (y) => scope.write(y, words),
    add: (y, scale) => scope.run(accumulateKernel, { x: scope.lend(words), y }, { n, scale }),
    words,
  };
}

/** A vector of n elements that is made of parts, end to end. Lists of elements are placed as one. */
export function inParts(scope: Scope, n: number, parts: readonly (Decoded & Place)[]): Decoded {
  const others = parts.filter(({ list }) => list === undefined);
  // made when it is wanted: arrays get parts one by one
  const listed = (): Decoded =>
    parts.length > others.length ? sparse(scope, n, joinedLists(parts)) : NOTHING;
  return {
    write(y) {
      // it writes zeros where the others go
      listed().write(y);
      for (const own of others)
        scope.within(y, { first: own.first, words: own.n, contents: false }, (part) => own.write(part));
    },
    add(y, scale) {
      listed().add(y, scale);
      for (const own of others)
        scope.within(y, { first: own.first, words: own.n, contents: true }, (part) => own.add(part, scale));
    },
    parts,
  };
}

/** The lists of parts as one of the whole vector. */
function joinedLists(parts: readonly (Decoded & Place)[]): List {
  const count = parts.reduce((sum, { list }) => sum + (list?.values.length ?? 0), 0);
  const [indices, values] = [new Uint32Array(count), new Uint32Array(count)];
  let at = 0;
  for (const { first, list } of parts) {
    if (list === undefined) continue;
    for (let j = 0; j < list.indices.length; j++) indices[at + j] = first + list.indices[j];
    values.set(list.values, at);
    at += list.values.length;
  }
  return { indices, values };
}
