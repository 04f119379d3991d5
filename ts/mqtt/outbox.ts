/**
 * Messages on their way to a broker: so many at a time without its acknowledgement, in the order in which they came,
 * each again after the connection broke. A packet that the broker refuses as too large halves the limit; so does the
 * largest one under way where the connection broke several times at it, since brokers close it at a packet that they do
 * not take, with a reason or without.
 */
import { BrokerError, closingAt, passes, refusedMessage, TOO_LARGE, tooLarge } from './refusals.ts';

/** The smallest limit that is tried. */
export const LEAST_PACKET = 1024;

/**
 * Bytes of a PUBLISH around its payload and its topic at most: fixed header, length of the topic, identifier,
 * properties.
 */
const AROUND = 5 + 2 + 2 + 1;

/** Breaks of the connection while a message is under way, after which it is taken to be their cause. */
const SUSPICIOUS = 3;
const HOPELESS = 8;

/**
 * Times that a broker which is busy is asked again, and milliseconds before the first; each later one waits that much
 * longer.
 */
const AGAIN = 10;
const AGAIN_AFTER = 200;

/** Milliseconds until a connection that is gone is seen to be gone. */
const SOON = 20;

/** Why a message was not sent: there is no connection, or the outbox is closed. */
export class Broken extends Error {
  constructor() {
    super('there is no connection to the broker');
  }
}

export interface OutboxOptions {
  /** The longest packet, and messages without acknowledgement at a time. */
  readonly packetBytes: number;
  readonly inFlight: number;
  /**
   * Sends one. Rejects with Broken where there is no connection, with an error whose `code` is the broker's reason, or
   * with another where the connection broke before the acknowledgement.
   */
  readonly send: (topic: string, payload: Uint8Array, retain: boolean) => Promise<void>;
  /** Hears of each new limit. */
  readonly onPacketBytes?: (bytes: number) => void;
}

/** A message without acknowledgement, and how often the connection broke meanwhile. */
interface UnderWay {
  readonly topic: string;
  readonly size: number;
  breaks: number;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #gate: Gate;
  #packetBytes: number;
  #isUp = true;
  #isClosed = false;
  /** What was handed to the connection and is not acknowledged. */
  readonly #underWay = new Set<UnderWay>();
  /** Those who wait for the connection. */
  #waiting: (() => void)[] = [];
  #pending = 0;
  #idle: (() => void)[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#packetBytes = options.packetBytes;
    this.#gate = gateOf(options.inFlight);
  }

  /** Bytes of the longest payload on a topic. */
  room(topic: string): number {
    return this.#packetBytes - AROUND - new TextEncoder().encode(topic).length;
  }

  /**
   * Resolves when the broker has the message.
   * @throws BrokerError where it refuses it; where that is for its size, `room` is less than it was
   * @throws Broken where the outbox was closed
   */
  async publish(topic: string, payload: Uint8Array, retain: boolean): Promise<void> {
    this.#pending++;
    try {
      await this.#gate(() => this.#deliver(topic, payload, retain));
    } finally {
      this.#pending--;
      if (this.#pending === 0) for (const call of this.#idle.splice(0)) call();
    }
  }

  async #deliver(topic: string, payload: Uint8Array, retain: boolean): Promise<void> {
    const size = payload.length;
    const one: UnderWay = { topic, size, breaks: 0 };
    let busy = 0;
    for (;;) {
      await this.#connection();
      if (size > this.room(topic)) throw tooLarge(topic, size);
      if (one.breaks >= HOPELESS) throw closingAt(topic, size);
      this.#underWay.add(one);
      try {
        return await this.#options.send(topic, payload, retain);
      } catch (error) {
        const { code } = error as { code?: unknown };
        if (error instanceof BrokerError || this.#isClosed) throw error;
        if (code === TOO_LARGE) {
          this.#shrink(topic, size);
          throw tooLarge(topic, size);
        }
        if (error instanceof Broken) await pause(SOON);
        else if (passes(code) && busy < AGAIN) await pause(AGAIN_AFTER * ++busy);
        else if (typeof code === 'number') throw refusedMessage(topic, code, size);
      } finally {
        this.#underWay.delete(one);
      }
    }
  }

  /** Halves the limit below a packet of this size. */
  #shrink(topic: string, size: number): void {
    const packet = this.#packetBytes - this.room(topic) + size;
    const bytes = Math.max(LEAST_PACKET, Math.floor(packet / 2));
    if (bytes >= this.#packetBytes) return;
    this.#packetBytes = bytes;
    this.#options.onPacketBytes?.(bytes);
  }

  /** Resolves when there is a connection. */
  async #connection(): Promise<void> {
    while (!this.#isUp && !this.#isClosed)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    if (this.#isClosed) throw new Broken();
  }

  /** The connection is there again. */
  up(): void {
    this.#isUp = true;
    for (const call of this.#waiting.splice(0)) call();
  }

  /**
   * The connection broke, before the messages under way are rejected; `isTooLarge` where the broker said that a packet
   * was.
   */
  down(isTooLarge: boolean): void {
    this.#isUp = false;
    for (const one of this.#underWay) one.breaks++;
    const [largest] = [...this.#underWay].sort((a, b) => b.size - a.size);
    if (largest !== undefined && (isTooLarge || largest.breaks >= SUSPICIOUS))
      this.#shrink(largest.topic, largest.size);
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    if (this.#pending > 0)
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
      });
  }

  /** Gives up what is not sent yet. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#waiting.splice(0)) call();
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

type Gate = (work: () => Promise<void>) => Promise<void>;

/** Lets so many pass at a time, in the order in which they came. */
function gateOf(width: number): Gate {
  const waiting: (() => void)[] = [];
  let free = width;
  return async (work) => {
    if (free > 0) free--;
    else
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    try {
      await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
