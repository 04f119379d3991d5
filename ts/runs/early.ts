/**
 * Which messages of a round a server's machine takes before the round is closed: by rank, as far as there is none to
 * come between, some at a time. That counts on a number of messages; where that turns out to be another, or one that
 * was taken is no good, the rest of the round is left to its closing, so that nobody has it done over and over again.
 */
import type { Server } from '../algorithms/system.ts';
import { PacketError } from '../errors.ts';
import { refusalsOf, type Refusal } from './aggregate.ts';
import type { Round, RoundEntry } from './round.ts';

/** A round's messages are taken in about so many goes: each is one walk over a vector. */
const GOES = 8;

export class Early {
  readonly #server: () => Server | undefined;
  #round: Round | undefined;
  #taken: readonly RoundEntry[] = [];
  #of = 0;
  #isOver = false;

  constructor(server: () => Server | undefined) {
    this.#server = server;
  }

  /**
   * Lets the machine take what is here of a round, where that is enough; which of it is no good. `awaited`: the ranks
   * that the round waits for.
   */
  async take(round: Round, awaited: () => readonly number[]): Promise<readonly Refusal[]> {
    const machine = this.#server();
    if (machine?.take === undefined || !this.#find(round, awaited)) return [];
    try {
      await machine.take(
        this.#taken.map(({ bytes }) => bytes),
        this.#of,
      );
      return [];
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      return refusalsOf(machine, this.#taken);
    }
  }

  /** Finds what is to be taken now; false where it is too little. */
  #find(round: Round, awaited: () => readonly number[]): boolean {
    if (round !== this.#round) {
      this.#round = round;
      this.#taken = [];
      this.#of = 0;
      this.#isOver = round.route !== 'server';
    }
    const enough = (of: number): number => this.#taken.length + Math.max(1, Math.ceil(of / GOES));
    if (this.#isOver || round.size < enough(this.#of)) return false;
    const { entries, of } = round.firstOf(awaited());
    this.#isOver =
      this.#taken.length > 0 && (of !== this.#of || this.#taken.some((one, i) => one !== entries[i]));
    if (this.#isOver || entries.length < enough(of)) return false;
    this.#taken = entries;
    this.#of = of;
    return true;
  }
}
