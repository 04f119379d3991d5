/**
 * Fewer words with the same CRC-32C as many (`shorten` in ../backend.ts): all but the last 5275 are folded onto those
 * (assembly/fold.ts).
 */
import { fold, type Exports } from '../../generated/wasm-exports.ts';
import type { Allocator } from './allocator.ts';

/** As in assembly/fold.ts. */
const SPAN = 5275;
const NEAR = 767;
const MIDDLE = 2524;

/** Words that are folded at a time: with the window they fit the first level of a cache. */
const CHUNK = 4096;

/** What the last call gave: made on first use, and once, since packets come by the dozen. */
let last: Uint32Array<ArrayBuffer> | undefined;

/** @see Backend.shorten */
export function shorten(exports: Exports, allocator: Allocator, words: Uint32Array): Uint32Array {
  const end = words.length - SPAN;
  const short = (last ??= new Uint32Array(SPAN));
  short.set(words.subarray(end));
  allocator.withBlock(SPAN + CHUNK, (window) => {
    const folded = allocator.view(window, SPAN).fill(0);
    for (let first = 0; first < end; first += CHUNK) {
      const count = Math.min(CHUNK, end - first);
      const own = allocator.view(window + SPAN * 4, count);
      own.set(words.subarray(first, first + count));
      // a register of all ones at the start is the first word with its bits turned
      if (first === 0) own[0] = ~own[0];
      fold(exports, { window, count });
    }
    for (let i = 0; i < SPAN; i++) {
      short[i] ^= folded[i];
      if (i < NEAR) short[i] ^= folded[i + SPAN - NEAR];
      if (i < MIDDLE) short[i] ^= folded[i + SPAN - MIDDLE];
    }
  });
  return short;
}
