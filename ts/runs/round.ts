/**
 * One round, from its opening to its closing: which messages count, and when it is time. No clock of its own: `now` is
 * in milliseconds, from whatever start.
 */
import type { Route } from '../algorithms/system.ts';
import { unweighted } from '../algorithms/weights.ts';
import { PacketError } from '../errors.ts';
import type { Kind, Position, RunMessage } from './wire/head.ts';

/** When a round closes. */
export interface Rules {
  /** Milliseconds from its opening after which a round closes with a quorum. */
  readonly deadline: number;
  /** The least number of messages that a round is made of. */
  readonly quorum: number;
}

/** A message that counts. */
export interface RoundEntry {
  readonly rank: number;
  readonly bytes: Uint8Array;
  readonly crc: number;
  /** When it came. */
  readonly at: number;
}

/** How a message is handled. */
export type Judgement =
  | 'collected'
  /** The very message is here already. */
  | 'again'
  /** Of a round that is closed: too late, or it was on its way when the round closed. */
  | 'late'
  | { readonly refused: string };

/**
 * Why a message of this kind on this topic of a worker's is of no round, in words; undefined where it may be of one.
 */
export function misplacedIn(topic: string, kind: Kind): string | undefined {
  if (kind !== 'server' && kind !== 'gather' && kind !== 'sum' && kind !== 'pass')
    return `a message of kind ${kind}`;
  return (kind === 'gather') === (topic === 'peer')
    ? undefined
    : `a message of route ${kind} on the topic ${topic}`;
}

/** Why a message may not weigh what it claims, in words; undefined where it may. */
export function overweightOf(bytes: Uint8Array, most: number): string | undefined {
  try {
    const { weight } = unweighted(bytes);
    return weight <= most ? undefined : `a message of weight ${weight}, and the run allows ${most} at most`;
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    return error.message;
  }
}

export class Round {
  readonly position: Position;
  readonly route: Route;
  readonly openedAt: number;
  readonly #rules: Rules;
  readonly #entries = new Map<number, RoundEntry>();
  /** Who leaves the step out. */
  readonly #passed: Set<number>;

  /** `passed`: who has left the step out in an earlier round of it. */
  constructor(position: Position, route: Route, rules: Rules, now: number, passed: Iterable<number> = []) {
    this.#passed = new Set(passed);
    this.position = position;
    this.route = route;
    this.#rules = rules;
    this.openedAt = now;
  }

  /** Collects what rank `rank` sent. The first message of a rank counts. */
  collect(rank: number, message: RunMessage, crc: number, now: number): Judgement {
    const elsewhere = this.#elsewhere(message);
    if (elsewhere !== undefined) return elsewhere;
    const where = `step ${message.step}, round ${message.round}`;
    if (message.kind !== this.route)
      return { refused: `a message of route ${message.kind} in ${where}, whose route is ${this.route}` };
    const known = this.#entries.get(rank);
    if (known !== undefined)
      return known.crc === crc && known.bytes.length === message.bytes.length
        ? 'again'
        : { refused: `another message of rank ${rank} in ${where}` };
    this.#entries.set(rank, { rank, bytes: message.bytes, crc, at: now });
    this.#passed.delete(rank);
    return 'collected';
  }

  /** Takes it that rank `rank` leaves the step out: nobody waits for it. */
  pass(rank: number, message: RunMessage): Judgement {
    const elsewhere = this.#elsewhere(message);
    if (elsewhere !== undefined) return elsewhere;
    if (this.#passed.has(rank)) return 'again';
    if (this.#entries.has(rank))
      return { refused: `rank ${rank} leaves step ${message.step} out, and has sent a message in it` };
    this.#passed.add(rank);
    return 'collected';
  }

  /** How a message that is not of this round is handled. */
  #elsewhere(message: RunMessage): Judgement | undefined {
    const { step, round, chain } = this.position;
    const behind = message.step < step || (message.step === step && message.round < round);
    if (behind) return 'late';
    const where = `step ${message.step}, round ${message.round}`;
    if (message.step !== step || message.round !== round)
      return { refused: `a message of ${where}, and the run is in step ${step}, round ${round}` };
    return message.chain === chain ? undefined : { refused: `a message of ${where} of another history` };
  }

  /** Forgets the message of a rank: its sender has started anew, or the message is no good. */
  drop(rank: number): void {
    this.#entries.delete(rank);
    this.#passed.delete(rank);
  }

  /** Who has been heard, ascending: those whose messages count, and those who leave the step out. */
  get heard(): number[] {
    return [...this.#entries.keys(), ...this.#passed].sort((a, b) => a - b);
  }

  /** Who leaves the step out, ascending. */
  get passed(): number[] {
    return [...this.#passed].sort((a, b) => a - b);
  }

  /** The messages that count, by rank. */
  get entries(): readonly RoundEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.rank - b.rank);
  }

  /** How many messages count. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * The messages that count up to the first rank that is still to be heard of `awaited`, and how many there are once
   * all of these are here.
   */
  firstOf(awaited: readonly number[]): { readonly entries: readonly RoundEntry[]; readonly of: number } {
    const missing = awaited.filter((rank) => !this.#entries.has(rank) && !this.#passed.has(rank));
    const [next = Infinity] = missing;
    return {
      entries: this.entries.filter(({ rank }) => rank < next),
      of: this.#entries.size + missing.length,
    };
  }

  /** How many more have to be heard for a quorum. */
  get missing(): number {
    return Math.max(0, this.#rules.quorum - this.#entries.size - this.#passed.size);
  }

  /** When the deadline is. */
  get deadlineAt(): number {
    return this.openedAt + this.#rules.deadline;
  }

  /**
   * Whether it is time to close, where the ranks of `awaited` are waited for. Who leaves the step out agrees to go on
   * without it, and so counts towards the quorum.
   */
  isDue(awaited: readonly number[], now: number): boolean {
    if (this.missing > 0) return false;
    const isHeard = (rank: number): boolean => this.#entries.has(rank) || this.#passed.has(rank);
    return now >= this.deadlineAt || awaited.every(isHeard);
  }
}
