/** The turns of a run that are closed, for whoever missed them: the last ones, and all of the step under way. */
import type { Position } from './wire/head.ts';
import { isSame } from './inbox.ts';
import type { Entry } from './round.ts';

/** A closed turn that can be sent again. */
export interface Kept {
  readonly position: Position;
  readonly closed: Uint8Array;
  /** Of a `gather` turn. */
  readonly gathered: readonly Entry[];
}

/** Turns, and bytes of them, that are kept. */
const KEPT_TURNS = 64;
const KEPT_BYTES = 2 ** 26;

const sizeOf = ({ closed, gathered }: Kept): number =>
  gathered.reduce((sum, { bytes }) => sum + bytes.length, closed.length);

export class History {
  #turns: Kept[] = [];

  /** Keeps a closed turn; the oldest go. */
  keep(turn: Kept): void {
    this.#turns.push(turn);
    let bytes = this.#turns.reduce((sum, kept) => sum + sizeOf(kept), 0);
    // those of the step under way stay: a state is of its start
    while (
      (this.#turns.length > KEPT_TURNS || bytes > KEPT_BYTES) &&
      this.#turns[0].position.step < turn.position.step
    )
      bytes -= sizeOf(this.#turns.shift() as Kept);
  }

  /** The turns from a position on; undefined where that one is not kept. */
  since(position: Position): readonly Kept[] | undefined {
    const first = this.#turns.findIndex((turn) => isSame(turn.position, position));
    return first < 0 ? undefined : this.#turns.slice(first);
  }

  /** The turns of a step. */
  of(step: number): readonly Kept[] {
    return this.#turns.filter(({ position }) => position.step === step);
  }

  load(turns: readonly Kept[]): void {
    this.#turns = [...turns];
  }
}
