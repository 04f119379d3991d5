/**
 * Who takes part: names, their seats, who is here and who has been in time. A seat is a rank; it stays with a name when
 * its owner leaves, and is given on only where somebody new finds no other. No clock of its own.
 */
import { requireInteger } from '../arguments.ts';

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

export class Membership {
  readonly #seats: (Seated | undefined)[];

  /** @throws RangeError unless there are 1 to 65,534 seats */
  constructor(seats: number) {
    requireInteger('workers', seats, 1, 0xfffe);
    this.#seats = new Array<Seated | undefined>(seats).fill(undefined);
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
   * @throws RangeError unless there is an owner or null for each seat
   */
  load(seats: readonly (SavedSeat | null)[]): void {
    requireInteger('seats.length', seats.length, this.#seats.length, this.#seats.length);
    for (const [rank, saved] of seats.entries())
      this.#seats[rank] =
        saved === null
          ? undefined
          : { name: saved.name, incarnation: '', missed: 0, out: false, expected: saved.here, leftAt: 0 };
  }
}
