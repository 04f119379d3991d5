/**
 * What a worker has received and not used yet: closed rounds, and messages of peers, by where in the run's history they
 * belong.
 */
import type { RunMessage, Position } from './wire/head.ts';
import { chained, unpackClosed, type RoundRecord } from './wire/record.ts';

/** Closed rounds, and rounds of which messages of peers are here, that are kept until the worker comes to them. */
const AHEAD = 128;

const keyOf = ({ step, round, chain }: Position): string => `${step},${round},${chain}`;

export class Inbox {
  /** Closed rounds by the position before them. */
  readonly #closed = new Map<string, Uint8Array>();
  /** Messages of peers by position, then by rank and CRC. */
  readonly #gathered = new Map<string, Map<string, Uint8Array>>();

  hold(message: RunMessage): void {
    if (this.#closed.size < AHEAD) this.#closed.set(keyOf(message), message.bytes);
  }

  gather(message: RunMessage, crc: number): void {
    const key = keyOf(message);
    const round = this.#gathered.get(key) ?? new Map<string, Uint8Array>();
    if (this.#gathered.size >= AHEAD && !this.#gathered.has(key)) return;
    this.#gathered.set(key, round.set(`${message.rank},${crc}`, message.bytes));
  }

  /** What closed the round at a position. */
  closedAt(position: Position): Uint8Array | undefined {
    return this.#closed.get(keyOf(position));
  }

  /** Whether all rounds of the step at a position are closed. */
  isStepClosed({ step, round, chain }: Position): boolean {
    for (;;) {
      const bytes = this.closedAt({ step, round, chain });
      if (bytes === undefined) return false;
      if (unpackClosed(bytes).record.last) return true;
      chain = chained(chain, bytes);
      round++;
    }
  }

  /** The messages that a record names, where all are here. */
  gatheredOf({ from, crcs }: RoundRecord, position: Position): Uint8Array[] | undefined {
    const round = this.#gathered.get(keyOf(position));
    const messages = from.map((rank, i) => round?.get(`${rank},${crcs[i]}`));
    return messages.every((bytes) => bytes !== undefined) ? messages : undefined;
  }

  /** Forgets a round that has been used. */
  forget(position: Position): void {
    this.#closed.delete(keyOf(position));
    this.#gathered.delete(keyOf(position));
  }

  /** Forgets what is before a step. */
  forgetBefore(step: number): void {
    for (const held of [this.#closed, this.#gathered])
      for (const key of held.keys()) if (Number(key.split(',')[0]) < step) held.delete(key);
  }

  clear(): void {
    this.#closed.clear();
    this.#gathered.clear();
  }
}
