/**
 * The closed rounds of a run, for whoever missed them: the last ones, and all of the step under way; and the last
 * message of each worker that was used in one.
 */
import { isSame, type Position } from './wire/head.ts';
import type { RoundEntry } from './round.ts';
import type { UsedMessage } from './wire/state.ts';

/** A closed round that can be sent again. */
export interface KeptRound {
  readonly position: Position;
  readonly closed: Uint8Array;
  /** Of a `gather` round. */
  readonly gathered: readonly RoundEntry[];
}

/** Rounds, and bytes of them, that are kept. */
const KEPT_ROUNDS = 64;
const KEPT_BYTES = 2 ** 26;

const sizeOf = ({ closed, gathered }: KeptRound): number =>
  gathered.reduce((sum, { bytes }) => sum + bytes.length, closed.length);

export class History {
  #rounds: KeptRound[] = [];
  #used = new Map<string, UsedMessage>();

  /** Keeps a closed round; the oldest go. */
  keep(round: KeptRound): void {
    this.#rounds.push(round);
    let bytes = this.#rounds.reduce((sum, kept) => sum + sizeOf(kept), 0);
    // those of the step under way stay: a state is of its start
    while (
      (this.#rounds.length > KEPT_ROUNDS || bytes > KEPT_BYTES) &&
      this.#rounds[0].position.step < round.position.step
    )
      bytes -= sizeOf(this.#rounds.shift() as KeptRound);
  }

  /** The rounds from a position on; undefined where that one is not kept. */
  since(position: Position): readonly KeptRound[] | undefined {
    const first = this.#rounds.findIndex((round) => isSame(round.position, position));
    return first < 0 ? undefined : this.#rounds.slice(first);
  }

  /** The rounds of a step. */
  of(step: number): readonly KeptRound[] {
    return this.#rounds.filter(({ position }) => position.step === step);
  }

  /** A message of a worker was used. */
  use(name: string, message: UsedMessage): void {
    this.#used.set(name, message);
  }

  /** The last message of a worker that was used, if there was one. */
  usedOf(name: string): UsedMessage | undefined {
    return this.#used.get(name);
  }

  /** The last message of each worker that was used. */
  get used(): (readonly [name: string, UsedMessage])[] {
    return [...this.#used];
  }

  load(rounds: readonly KeptRound[], used: Iterable<readonly [name: string, UsedMessage]>): void {
    this.#rounds = [...rounds];
    this.#used = new Map(used);
  }
}
