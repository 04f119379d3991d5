/**
 * Jobs: work over a vector, cut into tasks that any thread may do in any order. A job is plain data, so that it can be
 * sent; what a thread makes of it are calls into its own instance of the module, over the memory that all share.
 */
import type { Exports } from './kernels.ts';
import { PIECE, worksOf, type Numbers, type View, type Work } from './works.ts';

/** Where the pieces of a vector are. */
export interface Pieces {
  readonly n: number;
  /** Where the vector lies in linear memory; undefined where it is brought there piece by piece. */
  readonly at: number | undefined;
  /** The pieces that are there at a time, from `room` on, and how many there can be. */
  readonly room: number;
  readonly slots: number;
}

/** Kernels that take turns at each piece. */
export interface Trip {
  readonly kind: 'trip';
  readonly pieces: Pieces;
  readonly stops: readonly Stop[];
}

/** A kernel of a trip, as `worksOf` takes it, and what was set aside for it. */
export interface Stop {
  readonly name: string;
  readonly places: Numbers;
  readonly params: Numbers;
  readonly flowing: Numbers;
  /** Where it writes the signs of what it adds up; undefined where it does not. */
  readonly signs: number | undefined;
  /** Where lies what it goes through, undefined for the pieces' own, and the words that a piece has of it. */
  readonly at: number | undefined;
  readonly words: number;
  /** The own words of each thread, and those that all fill together. */
  readonly owns: readonly number[];
  readonly kept: number;
}

/** Elements whose rank is at least `least`, each piece's in a region of its own: `room` indices, then as many words. */
export interface Take {
  readonly kind: 'take';
  readonly pieces: Pieces;
  readonly order: number;
  readonly least: number;
  readonly regions: number;
  readonly room: number;
  /** A word a piece: how many it has; `room` may mean that there were more. */
  readonly counts: number;
}

/** flatten, or without a key fwht, of the first stages: blocks of `block` elements, one a task. */
export interface Transform {
  readonly kind: 'transform';
  readonly x: number;
  readonly y: number;
  readonly n: number;
  readonly block: number;
  readonly key: { seed: number; step: number; stream: number; tiny: number; scale: number } | undefined;
  /** Scratch of each thread. */
  readonly owns: readonly number[];
}

/** The stages h, ..., 2^(stages - 1) h, `count` butterflies a task. */
export interface Butterflies {
  readonly kind: 'butterflies';
  readonly y: number;
  readonly h: number;
  readonly stages: number;
  readonly count: number;
}

export type Job = Trip | Take | Transform | Butterflies;

/** Does one task of a job, on the thread of this number. */
export type Task = (task: number, thread: number) => void;

/** How an instance of the module does a job's tasks. */
export function taskOf(job: Job, wasm: Exports, view: View): Task {
  switch (job.kind) {
    case 'trip': {
      const works = worksOf(wasm, view);
      const stops = job.stops.map((stop) => ({ ...stop, work: workOf(stop, works) }));
      return (piece, thread) => {
        const here = pieceAt(job.pieces, piece);
        for (const { work, at, words, owns, kept } of stops) {
          const first = piece * words;
          const count = Math.min(words, work.n - first);
          work.piece(at === undefined ? here : at + first * 4, first, count, owns[thread], kept);
        }
      };
    }
    case 'take': {
      const { pieces, order, least, regions, room, counts } = job;
      return (piece) => {
        const first = piece * PIECE;
        const end = Math.min(first + PIECE, pieces.n);
        // where element 0 would lie, modulo 2^32
        const x = pieceAt(pieces, piece) - first * 4;
        const indices = regions + piece * room * 8;
        view(counts + piece * 4, 1)[0] = wasm.take(
          x,
          first,
          end,
          order,
          least,
          indices,
          indices + room * 4,
          room,
        );
      };
    }
    case 'transform': {
      const { x, y, n, block, key, owns } = job;
      return (task, thread) => {
        const first = task * block;
        const end = first + block;
        if (key !== undefined) {
          const { seed, step, stream, tiny, scale } = key;
          wasm.flatten(x, y, owns[thread], first, n, end, block, seed, step, stream, tiny, scale);
        } else if (first < n) {
          wasm.fwht(x + first * 4, y + first * 4, Math.min(n - first, block), block, block);
        } else {
          view(y + first * 4, block).fill(0);
        }
      };
    }
    case 'butterflies': {
      const { y, h, stages, count } = job;
      return (task) => wasm.butterflies(y, h, stages, task * count, (task + 1) * count);
    }
  }
}

/** The work of a stop: it was there when the trip was planned. */
export function workOf(
  stop: Pick<Stop, 'name' | 'places' | 'params' | 'flowing' | 'signs'>,
  works: ReturnType<typeof worksOf>,
): Work {
  const work = works[stop.name](stop.places, stop.params, stop.flowing)!;
  return stop.signs === undefined ? work : work.withSigns!(stop.signs);
}

function pieceAt({ at, room, slots }: Pieces, piece: number): number {
  return at === undefined ? room + (piece % slots) * PIECE * 4 : at + piece * PIECE * 4;
}
