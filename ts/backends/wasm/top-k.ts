/**
 * topK of a vector that is not in linear memory: its candidates are taken piece by piece, and no more of it is copied than
 * a piece and a sample.
 */
import type { Heap } from './heap.ts';
import type { Exports } from './kernels.ts';
import { PIECE } from './pieces.ts';

/** Neighbours that one place of the sample takes, as in assembly/select.ts. */
const LINE = 16;

/** The golden ratio's part of 1: multiples of it, cut to their part of 1, lie evenly and keep step with nothing. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Selects as the kernel topK does; false, and nothing done, where the whole vector is needed for it: for large k, where
 * many elements are equal, and where the sample misleads.
 */
export function topKOfLent(
  wasm: Exports,
  heap: Heap,
  x: Uint32Array,
  { indices, values }: Readonly<Record<string, number>>,
  { n, k, order }: Readonly<Record<string, number>>,
): boolean {
  return heap.with(wasm.topKScratch(n, k) >>> 0, (scratch) => {
    const list = wasm.topKSample(scratch, n, k) >>> 0;
    if (list === 0) return false;
    sample(x.subarray(0, n), heap.view(list, wasm.topKSampleSize(n) >>> 0));
    if (!wasm.topKBracket(scratch, n, k, order)) return false;
    const found = heap.with(PIECE, (room) => {
      let taken = 0;
      for (let first = 0; first < n; first += PIECE) {
        const end = Math.min(first + PIECE, n);
        heap.view(room, end - first).set(x.subarray(first, end));
        // where element 0 would lie, modulo 2^32
        taken = wasm.topKTake(room - first * 4, first, end, scratch, n, k, order, taken) >>> 0;
      }
      return taken;
    });
    return wasm.topKFinish(indices, values, scratch, n, k, order, found) !== 0;
  });
}

/** Fills `list` with lines of neighbours from places spread over x, one at a hashed place of each equal part. */
function sample(x: Uint32Array, list: Uint32Array): void {
  const lines = list.length / LINE;
  const places = Math.floor(x.length / LINE);
  for (let i = 0; i < lines; i++) {
    const place = Math.min(Math.floor(((i + ((i * GOLDEN) % 1)) / lines) * places), places - 1);
    for (let j = 0; j < LINE; j++) list[i * LINE + j] = x[place * LINE + j];
  }
}
