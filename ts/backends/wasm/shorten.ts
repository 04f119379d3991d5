/**
 * Few words with the same CRC-32C as many (`shorten` in ../backend.ts): all but the last are folded onto those
 * (assembly/fold.ts).
 */
import { fold, foldLast, foldShort, type Exports } from '../../generated/wasm-exports.ts';
import type { Short } from '../backend.ts';
import type { Allocator } from './allocator.ts';

/** As in assembly/fold.ts. */
const SPAN = 5275;
const SHORT = 209;

/** Words that are folded at a time, 64 KiB: with the window they fit the second level of a cache. */
const CHUNK = 2 ** 14;

/** What the last call gave: made on first use, and once, since packets come by the dozen. */
let last: Uint32Array<ArrayBuffer> | undefined;

/** So many words at the end, and where they are to come from. */
interface Source {
  readonly words: number;
  readonly source: () => Uint32Array;
}

/** @see Backend.shorten */
export function shorten(exports: Exports, allocator: Allocator, words: Uint32Array, tail?: Source): Short {
  const { length } = words;
  // all but the last span go in chunks, each behind what was folded before
  const end = Math.max(0, length - SPAN);
  const rest = length - end;
  const short = (last ??= new Uint32Array(SHORT));
  return allocator.withBlock(SPAN + Math.max(Math.min(CHUNK, end), rest), (window) => {
    const own = window + SPAN * 4;
    const put = (from: number, count: number): void => {
      if (tail !== undefined) copy(words, tail, from, from + count);
      const view = allocator.view(own, count);
      view.set(words.subarray(from, from + count));
      // a register of all ones at the start is the first word with its bits turned
      if (from === 0) view[0] = ~view[0];
    };
    let finite = true;
    if (end > 0) allocator.view(window, SPAN).fill(0);
    for (let from = 0; from < end; from += CHUNK) {
      const count = Math.min(CHUNK, end - from);
      put(from, count);
      finite = fold(exports, { window, count }) && finite;
    }
    put(end, rest);
    const ends = end > 0 ? foldLast(exports, { window }) : foldShort(exports, { words: own, count: rest });
    short.set(allocator.view(own + (rest - SHORT) * 4, SHORT));
    return { words: short, finite: finite && ends };
  });
}

/** Sets those of the words from..to - 1 that have another source. */
function copy(words: Uint32Array, { words: count, source }: Source, from: number, to: number): void {
  const first = words.length - count;
  const start = Math.max(from, first);
  if (start < to) words.set(source().subarray(start - first, to - first), start);
}
