/** What the roles need of a broker and of time: so little that a test can stand in for both. */
import type { BrokerError } from './refusals.ts';

/** A connection to a broker. Delivery is at least once while both sides are connected; order is kept at best. */
export interface Link {
  /** Bytes of the longest payload that the broker takes on a topic, as far as is known: less once it has refused one. */
  room(topic: string): number;
  /**
   * Resolves when the broker has it; retained where asked for. An empty retained payload takes back what was retained.
   * @throws BrokerError where the broker refuses it; another Error where the link was closed
   */
  publish(topic: string, payload: Uint8Array, retain?: boolean): Promise<void>;
  /**
   * Subscribes to topics or filters, again after each time the connection broke.
   * @throws BrokerError where the broker refuses one
   */
  subscribe(filters: readonly string[]): Promise<void>;
  /** Says who gets what comes: until `message` resolves nothing else is delivered. `up`: the connection is there again. */
  listen(listener: Listener): void;
  readonly traffic: Traffic;
  /** Disconnects, once what is under way has been taken or some seconds have passed. The last will is not sent. */
  close(): Promise<void>;
}

export interface Listener {
  /** `retained`: the broker had kept it for who subscribes; it is not new. */
  message(topic: string, payload: Uint8Array, retained: boolean): void | Promise<void>;
  up(): void;
  /** The connection broke; it is tried again. */
  down?(): void;
  /** The broker does not let this client go on, and no second attempt would change that. */
  failed?(error: BrokerError): void;
}

/** Messages and bytes on the wire as MQTT counts them: fixed header, topic, identifier, payload. */
export interface Traffic {
  messagesUp: number;
  bytesUp: number;
  messagesDown: number;
  bytesDown: number;
}

/** Opens a connection whose last will empties the retained message of a topic. */
export type OpenLink = (will: string) => Promise<Link>;

/** Time, in milliseconds. */
export interface Clock {
  now(): number;
  /** Calls back once, unless it is called off. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** How long a server that leaves waits for the broker to take what it has sent, in milliseconds. */
export const LEAVING = 3000;

/** Waits, but not for longer than so many milliseconds. */
export async function within(clock: Clock, milliseconds: number, work: Promise<unknown>): Promise<void> {
  let callOff = (): void => {};
  const late = new Promise<void>((resolve) => {
    callOff = clock.after(milliseconds, resolve);
  });
  await Promise.race([work, late]);
  // a timer that is left would keep the process
  callOff();
}

/** The machine's own. */
export const wallClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
