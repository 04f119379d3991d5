/**
 * Who takes part: names, their seats, who is here and who has been in time. A seat is a rank; it stays with a name when
 * its owner leaves, and is given on only where somebody new finds no other. No clock of its own.
 */
import { requireInteger, requireOptions } from '../arguments.ts';
import { MOST_SEATS, type Range } from './wire/terms.ts';

/** Steps in a row that a worker may miss before it is not waited for, but in each so many. */
const PATIENCE = 2;
const AGAIN = 16;

/** Who has a seat of the run, and so a rank. */
export interface Member {
  readonly rank: number;
  readonly name: string;
  /** Drawn by the worker when it started; empty where it has left. */
  readonly incarnation: string;
  /** Steps in a row of which a round closed without it. */
  readonly missed: number;
}

/** The result of an arrival. */
export type Arrival =
  | { readonly kind: 'seated'; readonly rank: number; readonly fresh: boolean }
  /** All seats are taken by workers who are here. */
  | { readonly kind: 'full' };

interface Seated {
  name: string;
  incarnation: string;
  missed: number;
  /** Whether a round of this step has closed without it: the others do not wait for it. */
  out: boolean;
  /** Whether it was here when the server stopped, and has not been seen since. */
  expected: boolean;
  leftAt: number;
}

/** A seat in a saved state: whose it is, and whether its owner was here. */
export interface SavedSeat {
  readonly name: string;
  readonly here: boolean;
}

const isHere = ({ incarnation }: Seated): boolean => incarnation !== '';
const isStraggling = ({ missed }: Seated): boolean => missed >= PATIENCE;

/** How seats change between two steps. */
export interface Reseating {
  readonly seats: number;
  /** Ranks before and after, of those that are given another one. */
  readonly moves: readonly (readonly [from: number, to: number])[];
}

/**
 * The least and the most seats; the most are 65,534 where that is left out.
 * @throws TypeError or RangeError unless they are in 1..65,534, the least no more than the most
 */
export function rangeOf(workers: number | { readonly least: number; readonly most?: number }): Range {
  if (typeof workers === 'number') {
    requireInteger('workers', workers, 1, MOST_SEATS);
    return { least: workers, most: workers };
  }
  requireOptions('workers', workers, ['least', 'most']);
  const { least, most = MOST_SEATS } = workers;
  requireInteger('workers.least', least, 1, MOST_SEATS);
  return { least, most: requireInteger('workers.most', most, least, MOST_SEATS) };
}

export class Membership {
  readonly #range: Range;
  #seats: (Seated | undefined)[];

  /**
   * `seats`: how many there are at first, the least if left out.
   * @throws TypeError or RangeError unless workers are a number or a range in 1..65,534
   */
  constructor(workers: number | Range, seats?: number) {
    this.#range = rangeOf(workers);
    this.#seats = new Array<Seated | undefined>(seats ?? this.#range.least).fill(undefined);
  }

  /** How many seats there are now. */
  get seats(): number {
    return this.#seats.length;
  }

  /** Whether there is a seat for somebody new. */
  get hasFree(): boolean {
    return this.#free() !== undefined;
  }

  /** Whether there may be more seats when a step has ended. */
  get canGrow(): boolean {
    return this.seats < this.#range.most;
  }

  /**
   * How seats are to change between two steps, where `waiting` workers have found none: as many as there are workers,
   * here, expected or waiting, within the range. Those whose ranks would be beyond take the places of who has left.
   * Undefined where nothing is to change.
   */
  reseating(waiting: number): Reseating | undefined {
    const { least, most } = this.#range;
    const stays = (seat: Seated | undefined): boolean =>
      seat !== undefined && (isHere(seat) || seat.expected);
    const staying = this.#seats.filter(stays).length;
    const seats = Math.min(most, Math.max(least, staying + waiting));
    if (seats === this.seats) return undefined;
    const places = this.#seats.slice(0, seats).flatMap((seat, rank) => (stays(seat) ? [] : [rank]));
    const moves: [from: number, to: number][] = [];
    for (let rank = seats; rank < this.seats; rank++)
      if (stays(this.#seats[rank])) moves.push([rank, places.shift() as number]);
    return { seats, moves };
  }

  /** Changes the seats so. */
  reseat({ seats, moves }: Reseating): void {
    const before = this.#seats;
    this.#seats = Array.from({ length: seats }, (_, rank) => before[rank]);
    for (const [from, to] of moves) this.#seats[to] = before[from];
  }

  /**
   * A worker is here. `fresh` where its incarnation is another than the one that is known. One that comes between two
   * rounds of a step is not waited for in that step.
   */
  arrive(name: string, incarnation: string, between = false): Arrival {
    let rank = this.rankOf(name);
    rank ??= this.#free();
    if (rank === undefined) return { kind: 'full' };
    const seat = this.#seats[rank];
    const same = seat?.name === name;
    const fresh = !same || seat?.incarnation !== incarnation;
    const [missed, out] = same && !fresh ? [seat.missed, seat.out] : [0, between];
    this.#seats[rank] = { name, incarnation, missed, out, expected: false, leftAt: Infinity };
    return { kind: 'seated', rank, fresh };
  }

  /** The first seat that nobody has had, or the one whose owner left first. */
  #free(): number | undefined {
    const empty = this.#seats.indexOf(undefined);
    if (empty >= 0) return empty;
    const left = this.#seats.map((seat) => seat?.leftAt ?? Infinity);
    const first = Math.min(...left);
    return first === Infinity ? undefined : left.indexOf(first);
  }

  /** A worker has left, or its connection broke. Its rank, where it was here. */
  leave(name: string, now: number): number | undefined {
    const rank = this.rankOf(name);
    const seat = rank === undefined ? undefined : this.#seats[rank];
    if (seat === undefined) return undefined;
    seat.expected = false;
    if (!isHere(seat)) return undefined;
    seat.incarnation = '';
    seat.leftAt = now;
    return rank;
  }

  rankOf(name: string): number | undefined {
    const rank = this.#seats.findIndex((seat) => seat?.name === name);
    return rank < 0 ? undefined : rank;
  }

  nameOf(rank: number): string | undefined {
    return this.#seats[rank]?.name;
  }

  /** Ranks of those who are here, ascending. */
  get present(): number[] {
    return this.#ranks(isHere);
  }

  /** Ranks of those whom a round waits for: here or expected back, in time so far in this step and in the last ones. */
  get awaited(): number[] {
    return this.#ranks(
      (seat) =>
        seat.expected || (isHere(seat) && !seat.out && (!isStraggling(seat) || seat.missed % AGAIN === 0)),
    );
  }

  /** Ranks of those who are here and missed the last steps. */
  get stragglers(): number[] {
    return this.#ranks((seat) => isHere(seat) && isStraggling(seat));
  }

  #ranks(holds: (seat: Seated) => boolean): number[] {
    return this.#seats.flatMap((seat, rank) => (seat !== undefined && holds(seat) ? [rank] : []));
  }

  /**
   * A round has closed over `from`, the first or the last of its step or neither. Who is not in it is not waited for in
   * the rest of the step; who is in the first round is, whatever it missed before. Those of `passed` left the step out,
   * and said so in time.
   */
  closed(
    from: readonly number[],
    { first, last }: { readonly first: boolean; readonly last: boolean },
    passed: readonly number[] = [],
  ): void {
    for (const [rank, seat] of this.#seats.entries()) {
      if (seat === undefined) continue;
      seat.expected = false;
      if (!isHere(seat)) continue;
      if (!from.includes(rank)) seat.out = true;
      else if (first) seat.missed = Math.min(seat.missed, PATIENCE - 1);
      if (!last) continue;
      seat.missed = seat.out && !passed.includes(rank) ? seat.missed + 1 : 0;
      seat.out = false;
    }
  }

  get members(): readonly Member[] {
    return this.#seats.flatMap((seat, rank) =>
      seat === undefined
        ? []
        : [{ rank, name: seat.name, incarnation: seat.incarnation, missed: seat.missed }],
    );
  }

  /** The seats, for a saved state. */
  save(): (SavedSeat | null)[] {
    return this.#seats.map((seat) =>
      seat === undefined ? null : { name: seat.name, here: isHere(seat) || seat.expected },
    );
  }

  /**
   * Gives the seats to their owners; who was here is expected back, and waited for in one round.
   * @throws RangeError unless there is an owner or null for each seat, of as many as there may be
   */
  load(seats: readonly (SavedSeat | null)[]): void {
    const { least, most } = this.#range;
    requireInteger('seats.length', seats.length, least === most ? least : 1, most);
    this.#seats = seats.map((saved) =>
      saved === null
        ? undefined
        : { name: saved.name, incarnation: '', missed: 0, out: false, expected: saved.here, leftAt: 0 },
    );
  }
}
