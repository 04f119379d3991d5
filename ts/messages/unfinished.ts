/**
 * A message of which some pieces are here. What it claims to be costs next to nothing: its bytes lie in chunks, which
 * are allocated when a piece first reaches into them, and are joined once all pieces are here.
 */
import type { Place } from './pieces.ts';

/** Bytes of a chunk: several pieces of 16 KiB, and little beside the pieces where only one of them comes. */
const CHUNK = 2 ** 16;

export class Unfinished {
  /** Bytes of the whole message. */
  readonly length: number;
  readonly #chunks = new Map<number, Uint8Array<ArrayBuffer>>();
  /** A bit a piece: whether it is here. */
  readonly #here: Uint8Array;
  #missing: number;

  constructor({ length, parts }: Omit<Place, 'part'>) {
    this.length = length;
    this.#here = new Uint8Array(Math.ceil(parts / 8));
    this.#missing = parts;
  }

  /** Copies a piece to byte `start` of the message. */
  put(part: number, piece: Uint8Array, start: number): 'more' | 'again' | 'whole' {
    const bit = 1 << (part & 7);
    if ((this.#here[part >> 3] & bit) !== 0) return 'again';
    this.#here[part >> 3] |= bit;
    for (let from = 0; from < piece.length;) {
      const at = start + from;
      const chunk = this.#chunk(Math.floor(at / CHUNK));
      const run = piece.subarray(from, from + chunk.length - (at % CHUNK));
      chunk.set(run, at % CHUNK);
      from += run.length;
    }
    return --this.#missing > 0 ? 'more' : 'whole';
  }

  /** The message, in an ArrayBuffer of its own; `put` has said that it is whole. */
  join(): Uint8Array<ArrayBuffer> {
    if (this.length <= CHUNK) return this.#chunk(0);
    const whole = new Uint8Array(this.length);
    for (const [index, chunk] of this.#chunks) whole.set(chunk, index * CHUNK);
    return whole;
  }

  #chunk(index: number): Uint8Array<ArrayBuffer> {
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = new Uint8Array(Math.min(CHUNK, this.length - index * CHUNK));
      this.#chunks.set(index, chunk);
    }
    return chunk;
  }
}
