/** What a worker has received and not used yet: closed turns, and messages of peers, by where in the run's history they belong. */
import type { Message, Position } from './wire/head.ts';
import { chained, unpackClosed, type Record as Closed } from './wire/record.ts';

/** Closed turns, and turns of which messages of peers are here, that are kept until the worker comes to them. */
const AHEAD = 128;

const keyOf = ({ step, turn, chain }: Position): string => `${step},${turn},${chain}`;

/** Whether two places in a run's history are one. */
export function isSame(one: Position, other: Position): boolean {
  return one.step === other.step && one.turn === other.turn && one.chain === other.chain;
}

export class Inbox {
  /** Closed turns by the position before them. */
  readonly #closed = new Map<string, Uint8Array>();
  /** Messages of peers by position, then by rank and CRC. */
  readonly #gathered = new Map<string, Map<string, Uint8Array>>();

  hold(message: Message): void {
    if (this.#closed.size < AHEAD) this.#closed.set(keyOf(message), message.bytes);
  }

  gather(message: Message, crc: number): void {
    const key = keyOf(message);
    const turn = this.#gathered.get(key) ?? new Map<string, Uint8Array>();
    if (this.#gathered.size >= AHEAD && !this.#gathered.has(key)) return;
    this.#gathered.set(key, turn.set(`${message.rank},${crc}`, message.bytes));
  }

  /** What closed the turn at a position. */
  closedAt(position: Position): Uint8Array | undefined {
    return this.#closed.get(keyOf(position));
  }

  /** Whether all turns of the step at a position are closed. */
  isStepClosed({ step, turn, chain }: Position): boolean {
    for (;;) {
      const bytes = this.closedAt({ step, turn, chain });
      if (bytes === undefined) return false;
      if (unpackClosed(bytes).record.last) return true;
      chain = chained(chain, bytes);
      turn++;
    }
  }

  /** The messages that a record names, where all are here. */
  gatheredOf({ from, crcs }: Closed, position: Position): Uint8Array[] | undefined {
    const turn = this.#gathered.get(keyOf(position));
    const messages = from.map((rank, i) => turn?.get(`${rank},${crcs[i]}`));
    return messages.every((bytes) => bytes !== undefined) ? messages : undefined;
  }

  /** Forgets a turn that has been used. */
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
