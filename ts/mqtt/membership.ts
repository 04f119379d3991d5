/**
 * Who takes part: names, their seats, who is here and who has been in time. A seat is a rank; it stays with a name when its
 * owner leaves, and is given on only where somebody new finds no other. No clock of its own.
 */
import { requireInteger } from '../arguments.ts';

/** Turns in a row that a worker may miss before it is not waited for. */
const PATIENCE = 2;

/** One seat. */
export interface Member {
  readonly rank: number;
  readonly name: string;
  /** Drawn by the worker when it started; empty where it has left. */
  readonly mark: string;
  /** Turns in a row that closed without it. */
  readonly missed: number;
}

/** What came of an arrival. */
export type Arrival =
  | { readonly kind: 'seated'; readonly rank: number; readonly fresh: boolean }
  /** All seats are taken by workers who are here. */
  | { readonly kind: 'full' };

interface Seated {
  name: string;
  mark: string;
  missed: number;
  leftAt: number;
}

export class Membership {
  readonly #seats: (Seated | undefined)[];

  /** @throws RangeError unless there are 1 to 65,534 seats */
  constructor(seats: number) {
    requireInteger('workers', seats, 1, 0xfffe);
    this.#seats = new Array<Seated | undefined>(seats).fill(undefined);
  }

  /** A worker is here. `fresh` where this is a new life: another mark than the one that is known. */
  arrive(name: string, mark: string): Arrival {
    let rank = this.rankOf(name);
    rank ??= this.#free();
    if (rank === undefined) return { kind: 'full' };
    const seat = this.#seats[rank];
    const same = seat?.name === name;
    const fresh = !same || seat?.mark !== mark;
    this.#seats[rank] = { name, mark, missed: same && !fresh ? seat.missed : 0, leftAt: Infinity };
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
    if (seat === undefined || seat.mark === '') return undefined;
    seat.mark = '';
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
    return this.#ranks((seat) => seat.mark !== '');
  }

  /** Ranks of those whom a turn waits for: here, and not straggling. */
  get awaited(): number[] {
    return this.#ranks((seat) => seat.mark !== '' && seat.missed < PATIENCE);
  }

  /** Ranks of those who are here and missed the last turns. */
  get stragglers(): number[] {
    return this.#ranks((seat) => seat.mark !== '' && seat.missed >= PATIENCE);
  }

  #ranks(holds: (seat: Seated) => boolean): number[] {
    return this.#seats.flatMap((seat, rank) => (seat !== undefined && holds(seat) ? [rank] : []));
  }

  /** A turn has closed over `from`: who is in it is in time again, who is not has missed one more. */
  closed(from: readonly number[]): void {
    for (const [rank, seat] of this.#seats.entries())
      if (seat !== undefined && seat.mark !== '') seat.missed = from.includes(rank) ? 0 : seat.missed + 1;
  }

  get members(): readonly Member[] {
    return this.#seats.flatMap((seat, rank) =>
      seat === undefined ? [] : [{ rank, name: seat.name, mark: seat.mark, missed: seat.missed }],
    );
  }

  /** The names by rank, for a saved state. */
  save(): (string | null)[] {
    return this.#seats.map((seat) => seat?.name ?? null);
  }

  /**
   * Gives the seats to these names; nobody is here until it says so.
   * @throws RangeError unless there is a name or null for each seat
   */
  load(names: readonly (string | null)[]): void {
    requireInteger('names.length', names.length, this.#seats.length, this.#seats.length);
    for (const [rank, name] of names.entries())
      this.#seats[rank] = name === null ? undefined : { name, mark: '', missed: 0, leftAt: 0 };
  }
}
