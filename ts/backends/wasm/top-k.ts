/**
 * topK by pieces: candidates of all pieces, then the k largest of these. For a vector that is not in linear memory, of
 * which no more is copied than a piece and a sample, and for threads, which take the candidates of different pieces.
 */
import { PIECE } from './works.ts';
import type { Place, Workshop } from './workshop.ts';

/** Neighbours that one place of the sample takes, as in assembly/select.ts. */
const LINE = 16;

/** A piece has room for so many of its elements as candidates, an eighth: more of them, and the work is not shared. */
const REGION: number = PIECE / 8;

/** The golden ratio's part of 1: multiples of it, cut to their part of 1, lie evenly and keep step with nothing. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

type Numbers = Readonly<Record<string, number>>;

/**
 * Selects as the kernel topK does; false, and nothing done, where the whole vector is needed for it: for large k, where
 * many elements are equal, and where the sample misleads.
 */
export function topKByPieces(
  shop: Workshop,
  x: Place,
  { indices, values }: Numbers,
  { n, k, order }: Numbers,
): boolean {
  const { wasm } = shop;
  return shop.scratch((take) => {
    const scratch = take(wasm.topKScratch(n, k) >>> 0);
    const list = wasm.topKSample(scratch, n, k) >>> 0;
    if (list === 0) return false;
    if (x.address !== undefined) wasm.drawSample(x.address, n, list);
    else sample(x.source!.subarray(0, n), shop.view(list, wasm.topKSampleSize(n) >>> 0));
    if (!wasm.topKBracket(scratch, n, k, order)) return false;
    let taken = shop.threadsFor(n) > 1 ? takeShared(shop, x, scratch, n, k, order) : 0;
    if (taken === 0) taken = takeInTurn(shop, x, scratch, n, k, order);
    return wasm.topKFinish(indices, values, scratch, n, k, order, taken) !== 0;
  });
}

/** Takes the candidates of one piece after the other. Returns how many; the room for them, where there may be more. */
function takeInTurn(
  shop: Workshop,
  { address, source }: Place,
  scratch: number,
  n: number,
  k: number,
  order: number,
): number {
  const { wasm, view } = shop;
  const room = wasm.topKRoom(n, k) >>> 0;
  const least = wasm.topKLow(scratch);
  const candidates = wasm.topKCandidates(scratch, n, k) >>> 0;
  const takeFrom = (x: number, from: number, to: number, taken: number): number => {
    const at = candidates + taken * 4;
    return taken + (wasm.take(x, from, to, order, least, at, at + room * 4, room - taken) >>> 0);
  };
  if (address !== undefined) return takeFrom(address, 0, n, 0);
  return shop.scratch((take) => {
    const piece = take(PIECE);
    let taken = 0;
    for (let first = 0; first < n; first += PIECE) {
      const end = Math.min(first + PIECE, n);
      view(piece, end - first).set(source!.subarray(first, end));
      // where element 0 would lie, modulo 2^32
      taken = takeFrom(piece - first * 4, first, end, taken);
    }
    return taken;
  });
}

/** The same on all threads; 0 where a piece has more candidates than room. */
function takeShared(shop: Workshop, x: Place, scratch: number, n: number, k: number, order: number): number {
  const { wasm } = shop;
  const tasks = Math.ceil(n / PIECE);
  const room = wasm.topKRoom(n, k) >>> 0;
  const candidates = wasm.topKCandidates(scratch, n, k) >>> 0;
  return shop.scratch((take) => {
    const pieces = shop.pieces(x, n, take);
    const regions = take(tasks * REGION * 2);
    const counts = take(tasks);
    const least = wasm.topKLow(scratch);
    shop.run({ kind: 'take', pieces, order, least, regions, room: REGION, counts }, tasks, n, x);
    return wasm.join(regions, counts, tasks, REGION, candidates, candidates + room * 4, room) >>> 0;
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
