/**
 * A worker's place in a run: its rank among how many seats, and the terms of the step that it is in. Seats are given by
 * messages, each from some step on; from there on they move with the terms that closed rounds change. Who is behind
 * follows at the rank that it had, or beyond all. No clock, and no input or output.
 */
import type { Change, Terms } from './wire/terms.ts';

/** Where a worker's machine is to be. */
export interface MachinePlace {
  readonly workers: number;
  readonly rank: number;
}

export class Place {
  #terms: Terms | undefined;
  #rank: number | undefined;
  /** A seat that begins with a step which this worker has not come to. */
  #coming: { readonly rank: number; readonly step: number } | undefined;
  #seatings = 0;

  /** The terms of this step; undefined before it is known what the run is. */
  get terms(): Terms | undefined {
    return this.#terms;
  }

  /** Seats of the run in this step. */
  get workers(): number {
    return this.#terms?.seats ?? 0;
  }

  /** The seat that this worker has in this step, or is given in a later one. */
  get rank(): number | undefined {
    return this.#coming?.rank ?? this.#rank;
  }

  /** Whether the seat is this step's. */
  get isSeated(): boolean {
    return this.#rank !== undefined && this.#coming === undefined;
  }

  /** How often a seat was given in the step that this worker was in, and not the one before. */
  get seatings(): number {
    return this.#seatings;
  }

  /** Where the machine is to be in this step: beyond all workers where this one has no seat in it. */
  get machine(): MachinePlace {
    const { workers } = this;
    return { workers, rank: Math.min(this.#rank ?? workers, workers) };
  }

  /** Another run, as its description has it. */
  begin(terms: Terms): void {
    this.#terms = terms;
    this.#rank = undefined;
    this.#coming = undefined;
  }

  /** A seat is given from a step on, where this worker is in step `at`. */
  sit(rank: number, step: number, at: number): void {
    if (step > at) {
      this.#coming = { rank, step };
      return;
    }
    if (rank !== this.#rank) this.#seatings++;
    this.#rank = rank;
    this.#coming = undefined;
  }

  /** The next step, `step`, begins, with other terms where there is a change. */
  goOn(step: number, change: Change | undefined): void {
    if (change !== undefined) {
      this.#terms = change;
      this.#rank = change.moves.find(([from]) => from === this.#rank)?.[1] ?? this.#rank;
    }
    this.#arrive(step);
  }

  /** A state was loaded: the worker is in `step`, of these terms. */
  goOnFrom(step: number, terms: Terms): void {
    this.#terms = terms;
    this.#arrive(step);
  }

  #arrive(step: number): void {
    if (this.#coming === undefined || this.#coming.step > step) return;
    this.#rank = this.#coming.rank;
    this.#coming = undefined;
  }
}
